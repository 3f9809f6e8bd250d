//! Where pages of lists end.

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Id, TenantName, Timestamp};
use crate::store::Item;

/// Where a page of records ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPosition {
    /// The tenant of its last record.
    pub tenant: TenantName,
    /// The id of its last record.
    pub id: Id,
}

/// Where a page of attempts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPosition {
    /// The time of its last attempt.
    pub(super) at: Timestamp,
    /// How many attempts with that time were on this page and the ones before it.
    pub(super) n_shown: usize,
}

/// Where a page of parked deliveries ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedPosition {
    pub(super) endpoint: EndpointName,
    pub(super) item: Item,
}

/// Where a page of pending deliveries ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitingPosition {
    pub(super) endpoint: EndpointName,
    // Deliveries that are due come first, those that wait behind another of their record last.
    pub(super) is_behind: bool,
    pub(super) due: Option<Timestamp>,
    pub(super) item: Item,
}
