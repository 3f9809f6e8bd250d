//! What an endpoint is sent: which events, what it may see of them, in which format, signed.

pub(super) mod entity;
pub(super) mod event;
pub(super) mod fact;
pub(super) mod filter;
pub(super) mod format;
pub(super) mod message;
pub(super) mod privacy;
pub(super) mod right;
pub(super) mod secret_generation;
pub(super) mod selection;
pub(super) mod shown;
pub(super) mod signature;
pub(super) mod space;
pub(super) mod subscription;
