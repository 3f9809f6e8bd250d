//! Why a run was given up.

use crate::connector::FetchError;
use crate::model::{ConnectionName, Kind, RecordRef, TenantName};
use crate::store::StoreError;

use super::tenants::claims::{Claimant, Contested};

/// Why a run was given up. What it had committed stays; nothing else changed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The source did not answer as it should.
    #[error("reading the tenant's {what}")]
    Fetch {
        /// What was being read.
        what: &'static str,
        /// What went wrong.
        #[source]
        source: FetchError,
    },
    /// A listing did not reach its end.
    #[error("reading the tenant's {what}: {why}")]
    NoEnd {
        /// What was being read.
        what: &'static str,
        /// What happened instead.
        why: &'static str,
    },
    /// A collection came back empty although records of it were known.
    #[error(
        "the tenant shows no {} at all, although {known} are known: nothing was changed",
        kind.plural()
    )]
    EmptyCollection {
        /// Which collection.
        kind: Kind,
        /// How many records of it are known.
        known: u64,
    },
    /// Two tenants in the configuration are the same one.
    #[error(
        "`{other}` already reads this tenant{}; a tenant may have only one name",
        over(connections)
    )]
    SameTenant {
        /// The other one's name.
        other: TenantName,
        /// The connections of the other and of this one.
        connections: Box<[ConnectionName; 2]>,
    },
    /// A fingerprint is kept for a record that does not exist.
    #[error("the store has a fingerprint of {record} but not the record")]
    MissingBody {
        /// Which record.
        record: RecordRef,
    },
    /// The store failed.
    #[error("keeping what was read")]
    Store {
        /// What went wrong.
        #[source]
        source: StoreError,
    },
}

impl RunError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch { source, .. } => source.code(),
            Self::NoEnd { .. } => "sync.no-end",
            Self::EmptyCollection { .. } => "sync.empty-collection",
            Self::SameTenant { .. } => "sync.same-tenant",
            Self::MissingBody { .. } => "sync.missing-body",
            Self::Store { source } => source.code(),
        }
    }

    pub(super) fn contested(contested: Contested, me: &Claimant) -> Self {
        let (Contested::Aside(other) | Contested::Twice(other)) = contested;
        Self::SameTenant {
            other: other.name,
            connections: Box::new([other.connection, me.connection.clone()]),
        }
    }

    pub(super) fn fetch(what: &'static str) -> impl FnOnce(FetchError) -> Self {
        move |source| Self::Fetch { what, source }
    }

    pub(super) fn store(source: StoreError) -> Self {
        Self::Store { source }
    }
}

fn over([theirs, ours]: &[ConnectionName; 2]) -> String {
    if theirs == ours {
        return String::new();
    }
    format!(", over the connection `{theirs}` and not `{ours}`")
}
