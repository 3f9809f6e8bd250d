//! Why a question got no answer.

use crate::model::{PlanId, TenantName};
use crate::store::StoreError;

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
    /// The question came, or was still open, when the daemon was told to end.
    #[error("the daemon is ending; ask again when it is back")]
    Ending,
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
            Self::Ending => "control.ending",
            Self::Store { source } => source.code(),
        }
    }

    pub(super) fn store(source: StoreError) -> Self {
        Self::Store { source }
    }
}
