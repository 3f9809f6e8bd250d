//! Why a question about an earlier time cannot be answered.

use crate::model::{TenantName, Timestamp};
use crate::store::StoreError;

/// Why a question about an earlier time cannot be answered.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Nothing is known about that time.
    #[error(
        "what is known of `{tenant}` does not go back that far{}",
        first.map(|first| format!(": it begins at {first}")).unwrap_or_default()
    )]
    NotCovered {
        /// The tenant.
        tenant: TenantName,
        /// The first time that can be asked about; `None` if only the present can.
        first: Option<Timestamp>,
    },
    /// The journal was cut while it was read back.
    #[error("the journal was cut while it was read; ask again, or about a later time")]
    WasCut,
    /// Too much has changed in spaces since that time.
    #[error(
        "more than {limit} assignments and shares of spaces have changed since then, more than can \
         be undone at once; ask about a later time"
    )]
    TooManyInSpaces {
        /// How many may have changed.
        limit: usize,
    },
    /// Too many subjects of a licence have changed since that time.
    #[error(
        "the licence of more than {limit} subjects has changed since then, more than can be undone \
         at once; ask about a later time"
    )]
    TooManyInLicence {
        /// How many may have changed.
        limit: usize,
    },
    /// Roles and groups changed each time they were read.
    #[error("roles or groups of `{tenant}` change all the time at the moment; ask again")]
    Unsteady {
        /// The tenant.
        tenant: TenantName,
    },
    /// The store failed.
    #[error("reading what was known")]
    Store {
        /// What went wrong.
        source: StoreError,
    },
}

/// Adds nothing: the tenant and the time are in the question, and the caller reports that.
impl From<StoreError> for HistoryError {
    fn from(source: StoreError) -> Self {
        Self::Store { source }
    }
}

impl HistoryError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotCovered { .. } => "history.not-covered",
            Self::WasCut => "history.was-cut",
            Self::TooManyInSpaces { .. } | Self::TooManyInLicence { .. } => {
                "history.too-many-changed"
            }
            Self::Unsteady { .. } => "history.unsteady",
            Self::Store { source } => source.code(),
        }
    }
}
