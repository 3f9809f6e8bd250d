//! The way to a receiver, and the result of one attempt.

pub(super) mod address;
pub(super) mod client;
pub(super) mod consent;
pub(super) mod failure;
pub(super) mod handshake;
pub(super) mod resend;
pub(super) mod resolver;
pub(super) mod send;
pub(super) mod size;
pub(super) mod verdict;
