//! Deliveries that have a row of their own: deferred or parked.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::item::Item;

/// A delivery that failed and will be retried, or that waits behind one of the same record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferred {
    /// Identifies what the delivery is about: two with the same value are never under way at once,
    /// and the earlier one goes first.
    pub entity: u64,
    /// The entity that must be settled first: a successor is sent only after the deletion of its
    /// predecessor.
    pub after: Option<u64>,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the next attempt is due; `None` if it is due as soon as the deliveries before it are
    /// settled.
    pub due: Option<Timestamp>,
    /// Whether the endpoint as a whole failed, and not this delivery.
    pub is_endpoints: bool,
    /// Whether it is sent in a batch of its own, because it may be what made a batch fail.
    pub is_alone: bool,
}

/// A delivery that was given up. Its entry stays readable until it is replayed or dismissed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// What was not delivered.
    pub item: Item,
    /// How the last attempt ended.
    pub reason: String,
    /// When it was given up.
    pub at: Timestamp,
    /// Attempts that were made.
    pub attempts: u32,
}
