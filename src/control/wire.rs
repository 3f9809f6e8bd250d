//! How questions and commands travel: as JSON that names each, answered by the JSON of its answer.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::acting::{Acting, Actor};
use super::reading::Reading;
use super::{AskedApp, ControlError, command, query};

/// A question. Answering it changes nothing.
pub trait Query: Into<AnyQuery> + Send + 'static {
    /// The type of the answer.
    type Answer: Serialize + DeserializeOwned + Send + 'static;

    /// Returns what it asks about, as in "waiting for the daemon's answer about …".
    fn about(&self) -> &'static str;

    /// Returns the app that it is about. If the store does not have the app, its source may have to
    /// be asked before the answer is read.
    fn app(&self) -> Option<AskedApp> {
        None
    }

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

/// Returns an answer as JSON.
fn encoded<A: Serialize>(answer: A) -> Box<RawValue> {
    serde_json::value::to_raw_value(&answer).expect("keys of answers are texts")
}

macro_rules! queries {
    ($( $name:ident ),+ $(,)?) => {
        /// Any question. Its answer is the JSON of the question's own answer.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is the question of the same name")]
        pub enum AnyQuery {
            $( $name(query::$name), )+
        }

        impl Query for AnyQuery {
            type Answer = Box<RawValue>;

            fn about(&self) -> &'static str {
                match self {
                    $( Self::$name(query) => query.about(), )+
                }
            }

            fn app(&self) -> Option<AskedApp> {
                match self {
                    $( Self::$name(query) => query.app(), )+
                }
            }

            fn answer(self, reading: &Reading<'_>) -> Result<Box<RawValue>, ControlError> {
                match self {
                    $( Self::$name(query) => query.answer(reading).map(encoded), )+
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
    GrantingGroups,
    Inherited,
    Access,
    UserAccess,
    SpaceAccess,
    SpaceRights,
    Spaces,
    Owned,
    Licences,
    LicenceTenants,
    AccessDiff,
    AccessReview,
    StaleAccess,
    AccessChanges,
    Runs,
    Run,
    Preview,
    Events,
    Event,
    EventFeed,
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
    Tokens,
    UnifiedRecords,
    UnifiedRecord,
    UnifiedDeleted,
    ReportRows,
    UnifiedTenants,
    ScimResources,
    ScimResource,
    ScimSorted,
    ScimCount,
}

macro_rules! commands {
    ($( $name:ident ),+ $(,)?) => {
        /// Any command. Its answer is the JSON of the command's own answer.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[expect(missing_docs, reason = "each is the command of the same name")]
        pub enum AnyCommand {
            $( $name(command::$name), )+
        }

        impl Command for AnyCommand {
            type Answer = Box<RawValue>;

            fn about(&self) -> &'static str {
                match self {
                    $( Self::$name(command) => command.about(), )+
                }
            }

            fn carry_out(self, acting: &Acting<'_>) -> Result<Box<RawValue>, ControlError> {
                match self {
                    $( Self::$name(command) => command.carry_out(acting).map(encoded), )+
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
    Reload,
    SetEndpoint,
    Replay,
    Dismiss,
    WriteExport,
    CreateToken,
    RevokeToken,
}

/// A command, with who gives it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenCommand {
    /// Who gives it.
    pub by: Actor,
    /// The command.
    pub command: AnyCommand,
}
