//! The orders that an operator gives about deliveries.

use serde::{Deserialize, Serialize};

use crate::model::Timestamp;

use super::EventName;

/// What an operator orders for an endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Continue from where it stopped.
    Enable,
    /// Send nothing any more.
    Disable,
    /// Send everything that is known, then what happened since.
    Backfill,
}

/// Which attempts are wanted, by how they ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// Successful or not.
    Anyhow,
    /// The event was not accepted.
    Failed,
}

/// What to send again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// One event.
    Event(EventName),
    /// Everything since a time.
    Since(Timestamp),
    /// Everything that is parked.
    Parked,
}

impl Wish {
    /// Returns what happened to the endpoint, as in 'was enabled by …'.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Enable => "enabled",
            Self::Disable => "disabled",
            Self::Backfill => "given everything that is known",
        }
    }
}
