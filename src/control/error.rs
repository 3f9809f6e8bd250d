//! Why a question got no answer.

use crate::model::TenantName;
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
            Self::Ending => "control.ending",
            Self::Store { source } => source.code(),
        }
    }

    pub(super) fn store(source: StoreError) -> Self {
        Self::Store { source }
    }
}
