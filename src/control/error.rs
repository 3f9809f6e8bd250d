//! Why a question was not answered.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::TaskId;
use super::export_state::ExportFailure;
use crate::deliver::Gone;
use crate::history::HistoryError;
use crate::model::{EndpointName, EventId, ExportName, FindingId, PlanId, TenantName, TokenId};
use crate::store::{CompactError, StoreError};
use crate::suggest::{closest, did_you_mean};
use crate::telemetry::chain;

/// How many names a message lists. The command that lists all shows the rest.
const MAX_NAMES: usize = 20;

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The tenant is not in the configuration.
    #[error("no tenant is called `{name}`{known}")]
    UnknownTenant {
        /// What was asked for.
        name: TenantName,
        /// What exists, and what was probably meant.
        known: String,
    },
    /// No plan has this name.
    #[error("there is no {plan}; `qlik-roster plan list` lists the plans")]
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
        /// The plan that is open now; `None` if no records are missing any more.
        now: Option<PlanId>,
    },
    /// The plan is no longer open.
    #[error("{plan} is {state}: there is nothing to decide")]
    ClosedPlan {
        /// What was asked for.
        plan: PlanId,
        /// Its state, as a word.
        state: &'static str,
    },
    /// No open finding has this id.
    #[error("finding {id} does not exist, or no longer exists; `qlik-roster findings` lists them")]
    UnknownFinding {
        /// What was asked for.
        id: FindingId,
    },
    /// Nobody has accepted this finding.
    #[error("{id} is not accepted; `qlik-roster findings --accepted` lists those that are")]
    NotAccepted {
        /// What was asked for.
        id: FindingId,
    },
    /// No endpoint has this name.
    #[error("no endpoint is called `{name}`{known}")]
    UnknownEndpoint {
        /// What was asked for.
        name: EndpointName,
        /// What exists, and what was probably meant.
        known: String,
    },
    /// The journal does not contain this event, or no longer contains it.
    #[error("event {event} does not exist, or no longer exists")]
    UnknownEvent {
        /// What was asked for.
        event: String,
    },
    /// The event's id was given by another store, or by a newer copy of this one.
    #[error(
        "{event} belongs to another store, or to this one before it was restored from an older \
         copy; its number alone means the event that is there now"
    )]
    OtherStore {
        /// What was asked for.
        event: String,
    },
    /// The endpoint's filter excludes this event.
    #[error(
        "endpoint `{endpoint}` does not get event {event}: its `events`, or another of its \
         filters, leaves it out"
    )]
    Unwanted {
        /// The endpoint.
        endpoint: EndpointName,
        /// What was asked for.
        event: String,
    },
    /// No parked delivery has this name.
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
    /// The event is still being delivered, so it cannot be sent again.
    #[error(
        "event {event} is not due for endpoint `{endpoint}` yet: it is sent after those before it"
    )]
    NotSentYet {
        /// The endpoint.
        endpoint: EndpointName,
        /// What was asked for.
        event: String,
    },
    /// A backfill would send nothing.
    #[error(
        "endpoint `{endpoint}` does not get `*.snapshot` events, which a backfill consists of: its \
         `events`, or another of its filters, leaves them out"
    )]
    NoSnapshots {
        /// The endpoint.
        endpoint: EndpointName,
    },
    /// No task has this name, or the daemon no longer knows it.
    #[error(
        "the daemon does not know task {task}: it was restarted since, or the task ended over a \
         minute ago or crashed; `qlik-roster runs` shows what became of a run"
    )]
    UnknownTask {
        /// What was asked for.
        task: TaskId,
    },
    /// The task has ended, and its result was dropped to keep all results within their bound.
    #[error(
        "the result of task {task} is no longer kept: newer results took its place; `qlik-roster \
         runs` shows what became of a run, and a dry run shows its preview when you repeat it"
    )]
    DroppedOutcome {
        /// What was asked for.
        task: TaskId,
    },
    /// The task is still running, so nothing is known of its rows.
    #[error("task {task} has not ended yet; ask again when it has")]
    NotEnded {
        /// What was asked for.
        task: TaskId,
    },
    /// The task has failed, so it has no rows.
    #[error("task {task} has failed: {problem} [{}]", problem.code())]
    FailedTask {
        /// What was asked for.
        task: TaskId,
        /// Why.
        problem: SentError,
    },
    /// No tenant that the token may read has this name.
    #[error("no tenant that this token may read is called `{called}`; `GET /accounts` lists them")]
    NoSuchAccount {
        /// What was asked for.
        called: String,
    },
    /// A choice of events is not valid.
    #[error("`{parameter}` is wrong: {what}")]
    WrongFeedChoice {
        /// The parameter.
        parameter: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// Events cannot be read on from this position.
    #[error(
        "{}; what is still there begins after `{oldest}`",
        why.said()
    )]
    PositionGone {
        /// Why not.
        why: Gone,
        /// The position from which everything that is still there can be read.
        oldest: EventId,
    },
    /// No token has this id.
    #[error("there is no token {id}; `qlik-roster token list` lists the tokens")]
    UnknownToken {
        /// What was asked for.
        id: TokenId,
    },
    /// The store has as many tokens as it may have.
    #[error(
        "there are {most} tokens, and no store has more; `qlik-roster token revoke` removes one"
    )]
    TooManyTokens {
        /// How many a store may have.
        most: usize,
    },
    /// The system provided no random numbers.
    #[error("the system provided no random numbers to make a token from: {what}")]
    NoRandomness {
        /// The system's error.
        what: String,
    },
    /// No export has this name.
    #[error("no export is called `{name}`{known}")]
    UnknownExport {
        /// What was asked for.
        name: ExportName,
        /// What exists, and what was probably meant.
        known: String,
    },
    /// The export could not be written.
    #[error("{}; {} [{}]", failure.message, failure.remedy, failure.code)]
    NotExported {
        /// Why not.
        failure: ExportFailure,
    },
    /// The daemon was told to end before it answered the question.
    #[error("the daemon is ending; ask again when it is back")]
    Ending,
    /// Nothing can be said about the requested time.
    #[error(transparent)]
    History {
        /// Why.
        source: HistoryError,
    },
    /// The store was not compacted.
    #[error(transparent)]
    Compact {
        /// Why.
        source: CompactError,
    },
    /// The store failed.
    #[error("{doing}")]
    Store {
        /// What the store was used for.
        doing: Doing,
        /// What went wrong.
        source: StoreError,
    },
}

/// What the store was used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// It is not stated yet.
    Unnamed,
    /// A question was asked about this.
    Asking(&'static str),
    /// A command was given to do this.
    CarryingOut(&'static str),
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unnamed => f.write_str("using the store"),
            Self::Asking(about) => write!(f, "looking up {about} in the store"),
            Self::CarryingOut(what) => write!(f, "trying to {what}"),
        }
    }
}

/// [`ControlError::while_doing`] adds what the store was used for.
impl From<StoreError> for ControlError {
    fn from(source: StoreError) -> Self {
        Self::Store {
            doing: Doing::Unnamed,
            source,
        }
    }
}

/// A failure of the store stays one if it comes from reading history.
impl From<HistoryError> for ControlError {
    fn from(source: HistoryError) -> Self {
        match source {
            HistoryError::Store { source } => source.into(),
            source @ (HistoryError::NotCovered { .. }
            | HistoryError::WasCut
            | HistoryError::TooManyInSpaces { .. }
            | HistoryError::TooManyInLicence { .. }
            | HistoryError::Unsteady { .. }) => Self::History { source },
        }
    }
}

impl ControlError {
    /// Adds to a failure of the store what it was used for.
    pub(super) fn while_doing(self, doing: Doing) -> Self {
        match self {
            Self::Store { source, .. } => Self::Store { doing, source },
            other => other,
        }
    }
}

/// Why there is no answer, as sent to clients and to those who watch a task.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
pub struct SentError {
    /// The code that `docs/errors.md` explains.
    code: String,
    /// What went wrong, with its causes.
    message: String,
}

impl SentError {
    /// Describes an error.
    pub fn of(error: &ControlError) -> Self {
        Self {
            code: error.code().to_owned(),
            message: chain(error),
        }
    }

    /// Returns the code.
    pub fn code(&self) -> &str {
        &self.code
    }
}

impl ControlError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownTenant { .. } => "control.unknown-tenant",
            Self::UnknownPlan { .. } => "control.unknown-plan",
            Self::SupersededPlan { .. } => "control.superseded-plan",
            Self::ClosedPlan { .. } => "control.closed-plan",
            Self::UnknownFinding { .. } => "control.unknown-finding",
            Self::NotAccepted { .. } => "control.not-accepted",
            Self::UnknownEndpoint { .. } => "control.unknown-endpoint",
            Self::UnknownEvent { .. } => "control.unknown-event",
            Self::OtherStore { .. } => "control.other-store",
            Self::Unwanted { .. } => "control.unwanted-event",
            Self::NotParked { .. } => "control.not-parked",
            Self::NotSentYet { .. } => "control.not-sent-yet",
            Self::NoSnapshots { .. } => "control.no-snapshots",
            Self::UnknownTask { .. } => "control.unknown-task",
            Self::DroppedOutcome { .. } => "control.dropped-outcome",
            Self::NotEnded { .. } => "control.not-ended",
            Self::FailedTask { .. } => "control.failed-task",
            Self::NoSuchAccount { .. } => "control.no-such-account",
            Self::WrongFeedChoice { .. } => "control.wrong-feed-choice",
            Self::PositionGone { .. } => "control.position-gone",
            Self::UnknownToken { .. } => "control.unknown-token",
            Self::TooManyTokens { .. } => "control.too-many-tokens",
            Self::NoRandomness { .. } => "control.no-randomness",
            Self::UnknownExport { .. } => "control.unknown-export",
            Self::NotExported { .. } => "control.not-exported",
            Self::Ending => "control.ending",
            Self::Store { source, .. } => source.code(),
            Self::History { source } => source.code(),
            Self::Compact { source } => source.code(),
        }
    }

    /// Says that no endpoint has this name, and lists those that exist.
    pub fn unknown_endpoint(name: &EndpointName, known: &[EndpointName]) -> Self {
        let known: BTreeSet<_> = known.iter().map(|known| known.0.as_str()).collect();
        Self::UnknownEndpoint {
            name: name.clone(),
            known: there_are(closest(&name.0, known.iter().copied()), &known),
        }
    }

    /// Says that no export has this name, and lists those that exist.
    pub fn unknown_export(name: &ExportName, known: &BTreeSet<&str>) -> Self {
        Self::UnknownExport {
            name: name.clone(),
            known: there_are(closest(&name.0, known.iter().copied()), known),
        }
    }

    /// Says that no tenant has this name, and lists those that exist. Each has its own name and
    /// other names by which somebody may know it.
    pub fn unknown_tenant<'a>(
        name: &TenantName,
        known: impl IntoIterator<Item = (&'a TenantName, Vec<&'a str>)>,
    ) -> Self {
        let mut names = BTreeSet::new();
        let mut called = BTreeMap::new();
        for (name, others) in known {
            names.insert(name.0.as_str());
            called.insert(name.0.to_lowercase(), name.0.as_str());
            for other in others {
                called.entry(other.to_lowercase()).or_insert(&name.0);
            }
        }
        let meant = closest(&name.0.to_lowercase(), called.keys().map(String::as_str));
        let meant = meant.and_then(|word| called.get(word).copied());
        Self::UnknownTenant {
            name: name.clone(),
            known: there_are(meant, &names),
        }
    }
}

/// Says what was probably meant and what exists, after a message that a name is unknown.
fn there_are(meant: Option<&str>, known: &BTreeSet<&str>) -> String {
    let mut names: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
    let n_more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    if n_more > 0 {
        names.push(format!("{n_more} more"));
    }
    let names = match names.as_slice() {
        [] => "is none".to_owned(),
        [one] => format!("is {one}"),
        [..] => format!("are {}", names.join(", ")),
    };
    match meant {
        Some(meant) => format!(", {} There {names}", did_you_mean(meant)),
        None => format!("; there {names}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_mistypes_a_name_is_told_what_was_meant_and_what_there_is() {
        let names = ["acme", "beta"].map(|name| TenantName(name.to_owned()));
        let known = || {
            names
                .iter()
                .zip([vec!["Acme Analytics", "t-17"], vec!["Beta GmbH"]])
        };
        for (called, expected) in [
            ("amce", ", did you mean `acme`? There are `acme`, `beta`"),
            ("ACME", ", did you mean `acme`? There are `acme`, `beta`"),
            (
                "acme analytics",
                ", did you mean `acme`? There are `acme`, `beta`",
            ),
            (
                "beta gmbh",
                ", did you mean `beta`? There are `acme`, `beta`",
            ),
            ("x", "; there are `acme`, `beta`"),
        ] {
            let error = ControlError::unknown_tenant(&TenantName(called.to_owned()), known());

            let expected = format!("no tenant is called `{called}`{expected}");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let endpoints = (0..30).map(|number| EndpointName(format!("hook-{number:02}")));
        let endpoints: Vec<_> = endpoints.collect();

        let error = ControlError::unknown_endpoint(&EndpointName("hok-07".to_owned()), &endpoints);

        let said = error.to_string();
        assert!(said.contains("did you mean `hook-07`?"), "{said}");
        assert!(said.ends_with("`hook-19`, 10 more"), "{said}");
    }
}
