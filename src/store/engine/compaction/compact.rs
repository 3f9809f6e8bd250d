//! When a store is compacted, what came of it, and the command that does it at once.
//!
//! How it is done stands in `beside.rs`: by the daemon while it serves, and in the same way where
//! nobody else has the store open.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::doing::{self, doing};
use crate::store::engine::files::Folder;
use crate::store::engine::opening::{self, Refusal, Sound, starting};
use crate::store::error::{OpenError, StoreError};
use crate::store::handle::Store;
use crate::store::kept::maintenance::usage::SMALL;

use super::beside::Beside;
use super::copying::Trouble;
use super::progress::Progress;
use super::remake;

/// When a database is compacted, and what is asked of the disk then.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Bytes below which it is small, whatever lives in it.
    pub small: u64,
    /// Bytes that must be free beside what the rows of a copy take.
    pub spare: u64,
    /// Bytes after which a copy is brought to disk: until then they may be in memory, several
    /// times, and all of it at its end may take longer than who watches over it has patience.
    pub portion: usize,
}

impl Rule {
    pub const USUAL: Self = Self {
        small: SMALL,
        spare: 16 * 1024 * 1024,
        portion: 8 * 1024 * 1024,
    };
}

/// What came of compacting a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compacted {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub live: u64,
    /// Bytes that the database took before.
    pub before: u64,
    /// Bytes that it takes now.
    pub after: u64,
}

/// Why a store was not compacted. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum CompactError {
    /// There is no store.
    #[error(
        "compacting the store in `{}`: there is none; look at `path` in `[store]`, and at who \
         runs this and from where",
        path.display()
    )]
    NoStore {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// The store did not open.
    #[error("compacting the store")]
    Open {
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The disk has no room for a copy.
    #[error(
        "compacting the store: a copy may take {needed} bytes and {free} are free; make room, \
         then try again"
    )]
    NoRoom {
        /// What a copy may take.
        needed: u64,
        /// What is free.
        free: u64,
    },
    /// It is being done already.
    #[error("compacting the store: it is being compacted already")]
    UnderWay,
    /// The copy could not be made, or was not as it should be.
    #[error("compacting the store, which is as it was")]
    Failed {
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl CompactError {
    /// Returns the code under which `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoStore { .. } => "store.not-there",
            Self::Open { source } => source.code(),
            Self::NoRoom { .. } => "store.no-room",
            Self::UnderWay => "store.compaction-under-way",
            Self::Failed { source } => source.code(),
        }
    }
}

impl Store {
    /// Gives room back that the store in a folder does not need. Nobody may have it open.
    pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
        let folder = Folder::new(path);
        if !folder.current().exists() && !folder.replaced().exists() {
            return Err(CompactError::NoStore {
                path: path.to_owned(),
            });
        }
        let refused = |source| CompactError::Open { source };
        let lock = opening::take_lock(&folder).map_err(refused)?;
        opening::clear_up(&folder).map_err(refused)?;
        // Of whatever format, and never moved aside.
        let sound = open(&folder)?;
        let store =
            starting::start(folder, &Clock::system(), lock, sound, None).map_err(refused)?;
        let compacted = store.store.compact_beside();
        let closed = store.store.close();
        let compacted = compacted?;
        closed.map_err(|source| CompactError::Failed { source })?;
        Ok(compacted)
    }

    /// Gives room back that this store does not need, while it is worked with.
    pub fn compact_beside(&self) -> Result<Compacted, CompactError> {
        self.compact_by(Rule::USUAL)
    }

    /// Makes a copy of everything that lives here, which takes the place of the database.
    pub(in crate::store) fn compact_by(&self, rule: Rule) -> Result<Compacted, CompactError> {
        let counting = doing("counting what lives in the store");
        let live = loop {
            let counted = self.count_on();
            if let Some(live) = counted.map_err(|source| CompactError::Failed { source })? {
                break live;
            }
        };
        drop(counting);
        let mut beside = Beside::begin(self, live, rule)?;
        let progress = Arc::new(Progress::default());
        let shown = Arc::clone(&progress);
        beside.tell(&progress, live);
        let _doing = doing::telling(move || format!("compacting the store: {}", shown.now()));
        loop {
            if let Some(compacted) = beside.step()? {
                return Ok(compacted);
            }
            beside.tell(&progress, live);
        }
    }
}

fn open(folder: &Folder) -> Result<Sound, CompactError> {
    opening::open_left(folder).map_err(|refusal| refusal.into_compact(folder))
}

impl Refusal {
    fn into_compact(self, folder: &Folder) -> CompactError {
        CompactError::Open {
            source: self.into_error(folder),
        }
    }
}

impl From<Trouble> for CompactError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoRoom { needed, free } => Self::NoRoom { needed, free },
            Trouble::Source(source) | Trouble::Copy(source) => Self::Failed { source },
            Trouble::UnderWay => Self::UnderWay,
            Trouble::Stuck => Self::Failed {
                source: remake::stuck(),
            },
        }
    }
}
