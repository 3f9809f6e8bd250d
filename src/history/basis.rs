//! Since when a user has had a role, and what that rests on.

use serde::{Deserialize, Serialize};

use crate::model::{Reported, RunId, Timestamp};

/// Since when a user has had a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "basis")]
pub enum Since {
    /// A run found that the user had come to hold it.
    Observed {
        /// When, by our clock. Earlier runs had not seen it.
        at: Timestamp,
        /// The run.
        run: RunId,
    },
    /// A poll found that the user had come to hold it, since the audit log named the record that
    /// changed.
    Audit {
        /// When it was found, by our clock.
        found_at: Timestamp,
        /// The run.
        run: RunId,
        /// When the log says that it happened, and who did it.
        reported: Reported,
    },
    /// The user had it when the tenant was first read as a whole.
    BeforeFirstLoad {
        /// When that was.
        at: Timestamp,
    },
    /// The user had it at this time already. The journal does not go back further, was not read
    /// further, or what the user had before was not visible.
    Before {
        /// The time.
        at: Timestamp,
    },
}

impl Since {
    /// Returns the word for what the answer rests on, such as `observed`.
    pub fn basis(&self) -> &'static str {
        match self {
            Self::Observed { .. } => "observed",
            Self::Audit { .. } => "audit",
            Self::BeforeFirstLoad { .. } => "before_first_load",
            Self::Before { .. } => "before",
        }
    }

    /// Returns the time: the source's if the audit log says it, and otherwise ours.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Observed { at, .. } | Self::BeforeFirstLoad { at } | Self::Before { at } => *at,
            Self::Audit { reported, .. } => reported.last,
        }
    }

    /// Returns the run that found it; `None` if no run did.
    pub fn run(&self) -> Option<RunId> {
        match self {
            Self::Observed { run, .. } | Self::Audit { run, .. } => Some(*run),
            Self::BeforeFirstLoad { .. } | Self::Before { .. } => None,
        }
    }

    /// Returns what the audit log reports of it; `None` if it was found otherwise.
    pub fn reported(&self) -> Option<&Reported> {
        match self {
            Self::Audit { reported, .. } => Some(reported),
            Self::Observed { .. } | Self::BeforeFirstLoad { .. } | Self::Before { .. } => None,
        }
    }
}
