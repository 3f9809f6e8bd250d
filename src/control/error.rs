//! Why a question got no answer.

use crate::model::{EndpointName, PlanId, TenantName};
use crate::store::{CompactError, StoreError};

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The tenant is not in the configuration.
    #[error("no tenant is called `{name}`; the configuration has {known}")]
    UnknownTenant {
        /// What was asked for.
        name: TenantName,
        /// What there is.
        known: String,
    },
    /// No plan has such a name.
    #[error("there is no {plan}; `qlik-roster plan list` lists those there are")]
    UnknownPlan {
        /// What was asked for.
        plan: PlanId,
    },
    /// A later run found other removals.
    #[error(
        "{plan} is superseded: a later run found other removals{}",
        now.map(|now| format!("; look at {now} instead")).unwrap_or_default()
    )]
    SupersededPlan {
        /// What was asked for.
        plan: PlanId,
        /// The plan that is open now; none: nothing is missing any more.
        now: Option<PlanId>,
    },
    /// The plan does not wait any more.
    #[error("{plan} is {state}: there is nothing to decide")]
    ClosedPlan {
        /// What was asked for.
        plan: PlanId,
        /// What became of it, as a word.
        state: &'static str,
    },
    /// No endpoint has such a name.
    #[error("no endpoint is called `{name}`; there {known}")]
    UnknownEndpoint {
        /// What was asked for.
        name: EndpointName,
        /// What there is, with its verb.
        known: String,
    },
    /// The journal has no such event, or no longer.
    #[error("there is no event {event}, or no longer")]
    UnknownEvent {
        /// What was asked for.
        event: String,
    },
    /// The event's id was given by another store, or by a newer copy of this one.
    #[error(
        "{event} is an event of another store, or of this one before an older copy was put in its \
         place; its number alone names the event that is there now"
    )]
    OtherStore {
        /// What was asked for.
        event: String,
    },
    /// The endpoint is not told of such events.
    #[error(
        "endpoint `{endpoint}` does not get event {event}: `events`, or what else it chooses by, \
         leaves it out"
    )]
    Unwanted {
        /// The endpoint.
        endpoint: EndpointName,
        /// What was asked for.
        event: String,
    },
    /// Nothing of that name was given up on.
    #[error(
        "event {event} is not parked for `{endpoint}`; `qlik-roster deliveries --parked` lists \
         what is"
    )]
    NotParked {
        /// The endpoint.
        endpoint: EndpointName,
        /// What was asked for.
        event: String,
    },
    /// It is on its way, and nothing is to be sent again.
    #[error(
        "event {event} is still to come to endpoint `{endpoint}`: it is sent when those before \
         it are"
    )]
    NotSentYet {
        /// The endpoint.
        endpoint: EndpointName,
        /// What was asked for.
        event: String,
    },
    /// A backfill would tell of nothing.
    #[error(
        "endpoint `{endpoint}` does not get `*.snapshot` events, which a backfill consists of: \
         `events`, or what else it chooses by, leaves them out"
    )]
    NoSnapshots {
        /// The endpoint.
        endpoint: EndpointName,
    },
    /// The question came, or was still open, when the daemon was told to end.
    #[error("the daemon is ending; ask again when it is back")]
    Ending,
    /// The store was not compacted.
    #[error(transparent)]
    Compact {
        /// Why.
        source: CompactError,
    },
    /// The store failed.
    #[error("asking the store")]
    Store {
        /// What went wrong.
        #[source]
        source: StoreError,
    },
}

impl ControlError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTenant { .. } => "control.unknown-tenant",
            Self::UnknownPlan { .. } => "control.unknown-plan",
            Self::SupersededPlan { .. } => "control.superseded-plan",
            Self::ClosedPlan { .. } => "control.closed-plan",
            Self::UnknownEndpoint { .. } => "control.unknown-endpoint",
            Self::UnknownEvent { .. } => "control.unknown-event",
            Self::OtherStore { .. } => "control.other-store",
            Self::Unwanted { .. } => "control.unwanted-event",
            Self::NotParked { .. } => "control.not-parked",
            Self::NotSentYet { .. } => "control.not-sent-yet",
            Self::NoSnapshots { .. } => "control.no-snapshots",
            Self::Ending => "control.ending",
            Self::Store { source } => source.code(),
            Self::Compact { source } => source.code(),
        }
    }

    /// Says that no endpoint has a name, and which there are.
    pub fn unknown_endpoint(name: &EndpointName, known: &[EndpointName]) -> Self {
        let known: Vec<_> = known.iter().map(|known| format!("`{known}`")).collect();
        let known = match known.as_slice() {
            [] => "is none".to_owned(),
            [one] => format!("is {one}"),
            [..] => format!("are {}", known.join(", ")),
        };
        Self::UnknownEndpoint {
            name: name.clone(),
            known,
        }
    }

    pub(super) fn store(source: StoreError) -> Self {
        Self::Store { source }
    }
}
