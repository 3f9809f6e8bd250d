//! The result of compacting a store, or why it was not compacted.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::store::error::{OpenError, StoreError};

use super::copying::CopyError;
use super::remake;

/// The result of compacting a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// Number of rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub live: u64,
    /// Bytes that the database took before.
    pub before: u64,
    /// Bytes that it takes now.
    pub after: u64,
}

/// Why a store was not compacted. The store is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// There is no store.
    #[error(
        "compacting the store in `{}`: there is none; look at `path` in `[store]`, and at who \
         runs this and from where",
        path.display()
    )]
    NoStore {
        /// Where we looked for it.
        path: PathBuf,
    },
    /// The store did not open.
    #[error("compacting the store")]
    Open {
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The disk has no space for a copy.
    #[error(
        "compacting the store: a copy may take {needed} bytes and {free} are free; free \
         some disk space, then try again"
    )]
    NoSpace {
        /// Bytes that a copy may take.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// Another compaction is under way.
    #[error("compacting the store: it is being compacted already")]
    UnderWay,
    /// The copy could not be made, or did not match.
    #[error("compacting the store; it is unchanged")]
    Failed {
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl CompactError {
    /// Returns the code under which `docs/errors.md` lists this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoStore { .. } => "store.not-there",
            Self::Open { source } => source.code(),
            Self::NoSpace { .. } => "store.no-room",
            Self::UnderWay => "store.compaction-under-way",
            Self::Failed { source } => source.code(),
        }
    }
}

impl From<CopyError> for CompactError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::NoSpace { needed, free } => Self::NoSpace { needed, free },
            CopyError::Source(source) | CopyError::Copy(source) => Self::Failed { source },
            CopyError::UnderWay => Self::UnderWay,
            CopyError::Stuck => Self::Failed {
                source: remake::stuck(),
            },
        }
    }
}
