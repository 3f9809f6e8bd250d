//! What is wanted of deliveries.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::EventName;

/// What is wanted of an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// To go on from where it stopped.
    Enable,
    /// To get nothing any more.
    Disable,
    /// To get everything that is known, then what happened since.
    Backfill,
}

/// How attempts ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// One way or another.
    Anyhow,
    /// Without the event having been taken.
    Failed,
}

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// One event.
    Event(EventName),
    /// Everything since then.
    Since(Timestamp),
    /// Everything that was given up on.
    Parked,
}

impl Wish {
    /// Returns what an endpoint was, as in 'was enabled by …'.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Enable => "enabled",
            Self::Disable => "disabled",
            Self::Backfill => "given everything that is known",
        }
    }
}
