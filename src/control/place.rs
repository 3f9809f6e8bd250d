//! Where pages of lists end.

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Id, TenantName, Timestamp};
use crate::store::Item;

/// Where a page of records ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPlace {
    /// The tenant of its last record.
    pub tenant: TenantName,
    /// The id of its last record.
    pub id: Id,
}

/// Where a page of attempts ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptPlace {
    /// The time of its last attempt.
    pub(super) at: Timestamp,
    /// Attempts of that time that were on this page and those before it.
    pub(super) n_shown: usize,
}

/// Where a page of what was given up on ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedPlace {
    pub(super) endpoint: EndpointName,
    pub(super) item: Item,
}

/// Where a page of what waits ends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WaitingPlace {
    pub(super) endpoint: EndpointName,
    // What is due comes first, what waits behind another of its record last.
    pub(super) is_behind: bool,
    pub(super) due: Option<Timestamp>,
    pub(super) item: Item,
}
