//! What an endpoint is sent next, what is under way to it, and what the store keeps of both.

pub(super) mod dispatch;
pub(super) mod endpoint_store;
pub(super) mod feed;
pub(super) mod gauge;
pub(super) mod health;
pub(super) mod lanes;
pub(super) mod pending_delivery;
pub(super) mod position;
pub(super) mod rate;
pub(super) mod read_position;
pub(super) mod reader;
pub(super) mod state;
pub(super) mod weight;
pub(super) mod worker;
