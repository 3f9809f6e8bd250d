//! The filters and the rows for changes of the rights of users.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::control::EventName;
use crate::model::{RightChange, RunId, Seq, SpaceMention, TenantName, Timestamp, UserId};

use super::answers::{Giver, NotKnown};

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
    /// What changed it, as far as that is known.
    pub cause: ChangeCause,
    /// Who did it, with the present names: one of these. Empty if that is not known.
    pub by: Vec<Giver>,
}

/// What changed a right.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeCause {
    /// What that rests on.
    pub basis: ChangeBasis,
    /// When it happened.
    pub at: Timestamp,
    /// The users who may have done it.
    pub by: BTreeSet<UserId>,
}

impl ChangeCause {
    /// Returns the cause of a change that has two: as weak as the weaker one.
    pub(super) fn and(self, other: Self) -> Self {
        let (mut by, others) = (self.by, other.by);
        match by.is_empty() || others.is_empty() {
            true => by.clear(),
            false => by.extend(others),
        }
        Self {
            basis: self.basis.max(other.basis),
            at: self.at.max(other.at),
            by,
        }
    }
}

/// What is known of a change rests on this, the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeBasis {
    /// The source says when it was, and who did it.
    Api,
    /// The audit log reports it.
    Audit,
    /// A run found it.
    Observed,
}

/// What an answer about changes rests on, of one tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangesAnswer {
    /// The operator's name for the tenant.
    pub tenant: TenantName,
    /// The time that the answer describes.
    pub as_of: Timestamp,
    /// What is not known. The answer is complete if this is empty.
    pub not_known: BTreeSet<NotKnown>,
    /// The present spaces that have the requested id or name; empty if none is asked about.
    pub spaces: Vec<SpaceMention>,
    /// Since when changes of rights in spaces are known; `None` if they are not.
    pub spaces_since: Option<Timestamp>,
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
    /// What the answer rests on, of each tenant.
    pub answers: Vec<ChangesAnswer>,
}
