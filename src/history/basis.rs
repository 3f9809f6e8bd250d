//! Since when a user has held a role, and what that rests on.

use serde::{Deserialize, Serialize};

use crate::model::{RunId, Timestamp};

/// Since when a user has held a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "basis")]
pub enum Since {
    /// A run found that the user had come to hold it.
    Observed {
        /// When, by our clock. Earlier runs had not seen it.
        at: Timestamp,
        /// The run.
        run: RunId,
    },
    /// The user held it when the tenant was first read as a whole.
    BeforeFirstLoad {
        /// When that was.
        at: Timestamp,
    },
    /// The user held it at this time already. The journal does not go back further, was not read
    /// further, or what the user held before was not visible.
    Before {
        /// The time.
        at: Timestamp,
    },
}

impl Since {
    /// Returns the word for what it rests on: `observed`.
    pub fn basis(self) -> &'static str {
        match self {
            Self::Observed { .. } => "observed",
            Self::BeforeFirstLoad { .. } => "before_first_load",
            Self::Before { .. } => "before",
        }
    }

    /// Returns the time.
    pub fn at(self) -> Timestamp {
        match self {
            Self::Observed { at, .. } | Self::BeforeFirstLoad { at } | Self::Before { at } => at,
        }
    }

    /// Returns the run that found it; `None` if no run did.
    pub fn run(self) -> Option<RunId> {
        match self {
            Self::Observed { run, .. } => Some(run),
            Self::BeforeFirstLoad { .. } | Self::Before { .. } => None,
        }
    }
}
