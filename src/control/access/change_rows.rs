//! The filters and the rows of what became of the rights of users.

use serde::{Deserialize, Serialize};

use crate::control::EventName;
use crate::model::{RightChange, RunId, Seq, TenantName, Timestamp};

/// Filters for what became of rights. A change must match all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangeChoice {
    /// Found then or later.
    pub since: Option<Timestamp>,
    /// Of this role, by its name or id.
    pub role: Option<String>,
    /// Of this user, by the name, subject, e-mail address or id.
    pub user: Option<String>,
    /// Told by this event alone.
    pub event: Option<EventName>,
}

/// Where a page ended: after an entry, or after a user of its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangePosition {
    /// The entry.
    pub entry: Seq,
    /// The next user of its list; `None` if the entry is over.
    pub next: Option<u64>,
}

/// What became of a right of one user, or of all users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChangeRow {
    /// When it was found.
    pub at: Timestamp,
    /// The entry that tells it.
    pub seq: Seq,
    /// The run that found it.
    pub run: Option<RunId>,
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// What became of it.
    pub right: RightChange,
}

/// A page of what became of rights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessChanges {
    /// The rows. There may be few or none, if few of the entries that were read match.
    pub rows: Vec<AccessChangeRow>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<AccessChangePosition>,
    /// When the first entry of the journal was found that is still kept; `None` if there is none.
    pub first: Option<Timestamp>,
}
