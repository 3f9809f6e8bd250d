//! How questions and commands travel: as JSON that names each, answered by the JSON of its answer.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::acting::{Acting, Actor};
use super::reading::Reading;
use super::{ControlError, command, query};

/// A question. Answering it changes nothing.
pub trait Query: Into<AnyQuery> + Send + 'static {
    /// The type of the answer.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Returns what it asks about, as in 'waiting for the daemon to tell …'.
    fn about(&self) -> &'static str;

    /// Reads the answer from the store. Blocks.
    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError>;
}

/// Something that an operator wants done. It is answered at once; if it takes long, the answer is
/// the task that does it.
pub trait Command: Into<AnyCommand> + Send + 'static {
    /// The type of the answer.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Returns what it does, as in 'asking the daemon to …'.
    fn about(&self) -> &'static str;

    /// Does it, or starts it. Blocks.
    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError>;
}

/// An answer as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded(pub Vec<u8>);

impl Encoded {
    pub(super) fn of(answer: &impl Serialize) -> Self {
        Self(serde_json::to_vec(answer).expect("keys of answers are texts"))
    }
}

macro_rules! queries {
    ($( $name:ident ),+ $(,)?) => {
        /// Any question.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is the question of the same name")]
        pub enum AnyQuery {
            $( $name(query::$name), )+
        }

        impl AnyQuery {
            pub(super) fn answer(self, reading: &Reading<'_>) -> Result<Encoded, ControlError> {
                match self {
                    $( Self::$name(query) => query.answer(reading).map(|it| Encoded::of(&it)), )+
                }
            }
        }

        $(
            impl From<query::$name> for AnyQuery {
                fn from(query: query::$name) -> Self {
                    Self::$name(query)
                }
            }
        )+
    };
}

queries! {
    Status,
    Progress,
    Doing,
    Tenants,
    Records,
    Find,
    Holders,
    Inherited,
    Runs,
    Run,
    Events,
    Event,
    Findings,
    Plans,
    Plan,
    PlanSummary,
    Removals,
    HistoryLosses,
    Endpoints,
    Attempts,
    Parked,
    Waiting,
}

macro_rules! commands {
    ($( $name:ident ),+ $(,)?) => {
        /// Any command.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is the command of the same name")]
        pub enum AnyCommand {
            $( $name(command::$name), )+
        }

        impl AnyCommand {
            pub(super) fn carry_out(self, acting: &Acting<'_>) -> Result<Encoded, ControlError> {
                match self {
                    $( Self::$name(it) => it.carry_out(acting).map(|it| Encoded::of(&it)), )+
                }
            }
        }

        $(
            impl From<command::$name> for AnyCommand {
                fn from(command: command::$name) -> Self {
                    Self::$name(command)
                }
            }
        )+
    };
}

commands! {
    Sync,
    Approve,
    Reject,
    AcceptFinding,
    ReopenFinding,
    AcceptLosses,
    CheckStore,
    CompactStore,
    SetEndpoint,
    Replay,
    Dismiss,
}

/// A command, with who gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who gives it.
    pub by: Actor,
    /// The command.
    pub command: AnyCommand,
}
