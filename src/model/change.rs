//! What can happen to a record.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Id, Kind, Record};

/// A change to one record, with everything needed to apply it or undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::large_enum_variant, reason = "updates are nearly all there is")]
pub enum Change {
    /// The record was not known before.
    Created {
        /// The record as it is now.
        after: Record,
        /// The id of a record deleted in the same run that had the same subject or e-mail.
        /// Nothing is inherited from it.
        replaces: Option<Id>,
    },
    /// The record's content differs.
    Updated {
        /// The record as it was known.
        before: Record,
        /// The record as it is now.
        after: Record,
    },
    /// The record is gone from the source.
    Deleted {
        /// The record as it was known.
        before: Record,
    },
}

impl Change {
    /// Returns the kind of the record.
    pub fn kind(&self) -> Kind {
        self.latest().kind()
    }

    /// Returns the id of the record.
    pub fn id(&self) -> &Id {
        self.latest().id()
    }

    /// Returns what happened, as a word.
    pub fn verb(&self) -> Verb {
        match self {
            Self::Created { .. } => Verb::Created,
            Self::Updated { .. } => Verb::Updated,
            Self::Deleted { .. } => Verb::Deleted,
        }
    }

    /// Returns the event type that receivers see: kind and verb.
    pub fn event_type(&self) -> &'static str {
        match (self.kind(), self.verb()) {
            (Kind::Role, Verb::Created) => "role.created",
            (Kind::Role, Verb::Updated) => "role.updated",
            (Kind::Role, Verb::Deleted) => "role.deleted",
            (Kind::Group, Verb::Created) => "group.created",
            (Kind::Group, Verb::Updated) => "group.updated",
            (Kind::Group, Verb::Deleted) => "group.deleted",
            (Kind::User, Verb::Created) => "user.created",
            (Kind::User, Verb::Updated) => "user.updated",
            (Kind::User, Verb::Deleted) => "user.deleted",
        }
    }

    /// Returns the record as it was known before, or `None` for a creation.
    pub fn before(&self) -> Option<&Record> {
        match self {
            Self::Created { .. } => None,
            Self::Updated { before, .. } | Self::Deleted { before } => Some(before),
        }
    }

    /// Returns the record as it is now, or `None` for a deletion.
    pub fn after(&self) -> Option<&Record> {
        match self {
            Self::Created { after, .. } | Self::Updated { after, .. } => Some(after),
            Self::Deleted { .. } => None,
        }
    }

    /// Takes the change apart: the record before it and after it.
    pub fn into_sides(self) -> (Option<Record>, Option<Record>) {
        match self {
            Self::Created { after, .. } => (None, Some(after)),
            Self::Updated { before, after } => (Some(before), Some(after)),
            Self::Deleted { before } => (Some(before), None),
        }
    }

    /// Returns the last known state of the record: as it is now, or as it was before it was
    /// deleted.
    pub fn latest(&self) -> &Record {
        match self {
            Self::Created { after, .. } | Self::Updated { after, .. } => after,
            Self::Deleted { before } => before,
        }
    }
}

/// The word for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// The record was not known before.
    Created,
    /// The record's content differs.
    Updated,
    /// The record is gone from the source.
    Deleted,
}

impl Verb {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}
