//! The filters and the rows for changes of the rights of users.

use serde::{Deserialize, Serialize};

use crate::control::EventName;
use crate::model::{RightChange, RunId, Seq, TenantName, Timestamp};

/// Filters for changes of rights. A change must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangeChoice {
    /// Found at this time or later.
    pub since: Option<Timestamp>,
    /// Of this role: one in the tenant, by its name or id, or one in a space, by its name.
    pub role: Option<String>,
    /// In this space, by its name or id.
    pub space: Option<String>,
    /// Of this user, by the name, subject, e-mail address or id.
    pub user: Option<String>,
    /// Reported by this event.
    pub event: Option<EventName>,
}

/// Where a page ended: after an entry, or after a user of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangePosition {
    /// The entry.
    pub entry: Seq,
    /// The next user of its list; `None` if the whole entry was given.
    pub next: Option<u64>,
}

/// A change of a right of one user, or of all users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangeRow {
    /// When it was found.
    pub at: Timestamp,
    /// The entry that reports it.
    pub seq: Seq,
    /// The run that found it.
    pub run: Option<RunId>,
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// The change.
    pub right: RightChange,
}

/// A page of changes of rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChanges {
    /// The rows. There may be few or none, if few of the entries that were read match.
    pub rows: Vec<AccessChangeRow>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<AccessChangePosition>,
    /// When the first entry that the journal still has was found; `None` if it has none.
    pub first: Option<Timestamp>,
}
