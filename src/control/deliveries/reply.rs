//! What is answered about deliveries.

use serde::{Deserialize, Serialize};

use super::Unmatched;
use crate::model::{EndpointName, Seq, Timestamp};
use crate::store::{Attempt, Deferred, Item, Parked};

/// What is sent again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// The endpoint.
    pub endpoint: EndpointRow,
    /// Events that it gets again.
    pub events: Count,
    /// The entry that they begin with, and its time. `None` if nothing happened since the time that
    /// was asked for, or no time was.
    pub first: Option<(Seq, Timestamp)>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// So many.
    Exactly(u64),
    /// So many and perhaps more: the rest was not counted.
    AtLeast(u64),
}

/// An attempt at an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The attempt.
    pub attempt: Attempt,
}

/// Something that was given up on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The type of its event; `None` if the event is not there any more.
    pub event_type: Option<String>,
    /// What it is.
    pub parked: Parked,
}

/// Something that waits for another attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingRow {
    /// The endpoint.
    pub endpoint: EndpointName,
    /// The type of its event; `None` if the event is not there any more.
    pub event_type: Option<String>,
    /// What it is.
    pub item: Item,
    /// What it waits for.
    pub deferred: Deferred,
}

/// An endpoint and how deliveries to it go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// What the operator calls it.
    pub name: EndpointName,
    /// Scheme, host and port; none where it is not configured any more. Path and query may
    /// hold a token.
    pub origin: Option<String>,
    /// How it stands, with the orders done that its worker has not taken up yet.
    pub state: EndpointState,
    /// Every entry up to here is settled: delivered, not for this endpoint, parked or waiting.
    pub settled: Seq,
    /// Entries behind that, of those that are there.
    pub behind: u64,
    /// Deliveries that wait for another attempt.
    pub waiting: u64,
    /// Deliveries that were given up on.
    pub parked: u64,
    /// When something was delivered last.
    pub delivered_at: Option<Timestamp>,
    /// What it chooses by and nothing is called; of a `Status` only.
    #[serde(default)]
    pub unmatched: Unmatched,
}

/// How an endpoint stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// The store knows it, and the configuration does not any more.
    NotConfigured,
    /// It was never delivered to; it gets what is found from the next start on.
    New,
    /// It takes events, as far as is known.
    Taking,
    /// It takes events, and gets everything that is known before what happened since.
    Backfilling {
        /// Since when.
        since: Timestamp,
        /// The entry behind which the journal goes on.
        mark: Seq,
    },
    /// It takes nothing and is probed.
    InTrouble {
        /// Since when nothing but failures came.
        since: Option<Timestamp>,
        /// When the next probe is due.
        due: Timestamp,
        /// What the last one ended with.
        reason: String,
    },
    /// It gets nothing, since it answered so or failed for too long.
    Disabled {
        /// Since when.
        since: Timestamp,
        /// Why.
        reason: String,
    },
    /// It gets nothing, since an operator wants it so.
    Stopped {
        /// Since when.
        since: Timestamp,
    },
}

impl EndpointRow {
    /// Returns the code of what is wrong with it, as `docs/errors.md` explains it.
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

    /// Returns what an operator can do about what is wrong with it.
    pub fn remedy(&self) -> Option<String> {
        let name = &self.name;
        match &self.state {
            EndpointState::Disabled { .. } => Some(format!(
                "see to its receiver, then `qlik-roster endpoints enable {name}`: it goes on where \
                 it stopped, as far back as `keep` in `[store]` reaches"
            )),
            EndpointState::InTrouble { .. } => Some(format!(
                "nothing, if it passes: it is probed; `qlik-roster endpoints test {name}` shows \
                 what its receiver does"
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
    /// Returns the word for it.
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

    /// Returns what there is to say of it beyond the word.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::New => Some("it gets what is found from the next start on".to_owned()),
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
