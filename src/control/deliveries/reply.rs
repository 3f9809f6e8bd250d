//! The answers about deliveries.

use serde::{Deserialize, Serialize};

use super::Unmatched;
use crate::model::{EndpointName, Seq, Timestamp};
use crate::store::{Attempt, Deferred, Item, Parked};

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The endpoint.
    pub endpoint: EndpointRow,
    /// The events that are sent again.
    pub events: Count,
    /// The entry that they begin with, and its time. `None` if nothing happened since the requested
    /// time, or no time was requested.
    pub first: Option<(Seq, Timestamp)>,
}

/// A count of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Exactly this many.
    Exactly(u64),
    /// At least this many: the rest was not counted.
    AtLeast(u64),
}

/// An attempt, with its endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The attempt.
    pub attempt: Attempt,
}

/// A parked delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The type of its event; `None` if the event was deleted.
    pub event_type: Option<String>,
    /// The parked delivery.
    pub parked: Parked,
}

/// A delivery that waits for another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The type of its event; `None` if the event was deleted.
    pub event_type: Option<String>,
    /// The pending delivery.
    pub item: Item,
    /// What it waits for.
    pub deferred: Deferred,
}

/// An endpoint and the state of its deliveries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// Its name in the configuration.
    pub name: EndpointName,
    /// Scheme, host and port; `None` if it is no longer configured. Path and query may hold a
    /// token.
    pub origin: Option<String>,
    /// Its state, as it will be once its worker has carried out all orders.
    pub state: EndpointState,
    /// Every entry up to here is settled: delivered, not for this endpoint, parked or waiting.
    pub settled: Seq,
    /// How many entries after that are still in the journal.
    pub behind: u64,
    /// Deliveries that wait for another attempt.
    pub waiting: u64,
    /// Parked deliveries.
    pub parked: u64,
    /// When the last event was delivered.
    pub delivered_at: Option<Timestamp>,
    /// Names in its filter that match nothing; only in a `Status`.
    #[serde(default)]
    pub unmatched: Unmatched,
}

/// The state of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It is in the store, but no longer in the configuration.
    NotConfigured,
    /// It never got a delivery; it gets what is found from the next start on.
    New,
    /// As far as we know, it accepts events.
    Taking,
    /// It accepts events, and first gets everything that is known, then what happened since.
    Backfilling {
        /// Since when.
        since: Timestamp,
        /// The entry after which the journal continues.
        mark: Seq,
    },
    /// It accepts nothing and is probed.
    InTrouble {
        /// Since when all attempts have failed.
        since: Option<Timestamp>,
        /// When the next probe is due.
        due: Timestamp,
        /// The error of the last probe.
        reason: String,
    },
    /// It gets nothing, because it answered that it wants nothing or failed for too long.
    Disabled {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
    /// It gets nothing, because an operator disabled it.
    Stopped {
        /// Since when.
        since: Timestamp,
    },
}

impl EndpointRow {
    /// Returns the code of the problem, as `docs/errors.md` explains it.
    pub fn code(&self) -> Option<&'static str> {
        match &self.state {
            EndpointState::Disabled { .. } => Some("deliver.endpoint-disabled"),
            EndpointState::InTrouble { .. } => Some("deliver.endpoint-in-trouble"),
            EndpointState::NotConfigured
            | EndpointState::New
            | EndpointState::Taking
            | EndpointState::Backfilling { .. }
            | EndpointState::Stopped { .. } => (self.parked > 0).then_some("deliver.parked"),
        }
    }

    /// Returns what an operator can do about the problem.
    pub fn remedy(&self) -> Option<String> {
        let name = &self.name;
        match &self.state {
            EndpointState::Disabled { .. } => Some(format!(
                "repair its receiver, then `qlik-roster endpoints enable {name}`: it continues \
                 where it stopped, as far back as `keep` in `[store]` reaches"
            )),
            EndpointState::InTrouble { .. } => Some(format!(
                "nothing, if this passes: the endpoint is probed; `qlik-roster endpoints test \
                 {name}` shows what its receiver does"
            )),
            EndpointState::NotConfigured
            | EndpointState::New
            | EndpointState::Taking
            | EndpointState::Backfilling { .. }
            | EndpointState::Stopped { .. } => (self.parked > 0).then(|| {
                format!(
                    "`qlik-roster deliveries --parked --endpoint {name}` lists them; `qlik-roster \
                     replay --parked --endpoint {name}` sends them again"
                )
            }),
        }
    }
}

impl EndpointState {
    /// Returns the word for the state.
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotConfigured => "not configured",
            Self::New => "new",
            Self::Taking => "taking",
            Self::Backfilling { .. } => "backfilling",
            Self::InTrouble { .. } => "in trouble",
            Self::Disabled { .. } => "disabled",
            Self::Stopped { .. } => "stopped",
        }
    }

    /// Returns the details that go with the word.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::New => Some("it gets events that are found after the next start".to_owned()),
            Self::NotConfigured | Self::Taking => None,
            Self::Backfilling { since, mark } => Some(format!(
                "since {since}: everything that is known, then what follows event {mark}"
            )),
            Self::InTrouble { since, due, reason } => {
                let since = since.map(|since| format!("since {since}, "));
                let since = since.unwrap_or_default();
                Some(format!("{since}next probe at {due}: {reason}"))
            }
            Self::Disabled { since, reason } => Some(format!("since {since}: {reason}")),
            Self::Stopped { since } => Some(format!("since {since}, by an operator")),
        }
    }
}
