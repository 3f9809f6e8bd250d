//! Gives room back by a copy of what lives in a database: sled uses room again that was given up,
//! and never gives it back.
//!
//! Nothing else has the store open: this is done at an opening, or by a command instead of one.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Store;
use super::caught::caught;
use super::copying::{self, Aim, AsItIs, Live, Trouble};
use super::error::{OpenError, StoreError};
use super::files::Folder;
use super::inner::let_go;
use super::opening::{self, Refusal, Sound};
use super::remake;
use super::swap::Attempt;
use super::usage::{self, Count, SMALL, Usage};

/// What progress and failures are said of.
const DOING: &str = "Compacting the store";

/// When a database is compacted at an opening, and what is asked of the disk then.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Bytes below which it is small, whatever lives in it.
    pub small: u64,
    /// Bytes that must be free beside what the rows of a copy take.
    pub spare: u64,
    /// Bytes after which a copy is brought to disk: all of it at its end may be gigabytes, which
    /// take longer than who watches over it has patience.
    pub portion: usize,
}

impl Rule {
    pub const USUAL: Self = Self {
        small: SMALL,
        spare: 16 * 1024 * 1024,
        portion: 64 * 1024 * 1024,
    };
}

/// What came of compacting a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        let cleared = opening::clear_up(&folder).map_err(refused);
        let sound = cleared.and_then(|_| open(&folder))?;
        let measured = || {
            folder.bytes_of_database().map_err(|error| {
                let source = StoreError::io("measuring the database", error);
                CompactError::Failed { source }
            })
        };
        let made = measured().and_then(|before| Ok((before, copy(&folder, &sound)?)));
        let (before, count) = match made {
            Ok(made) => made,
            Err(error) => {
                remake::give_up(&folder);
                let_go(Some(sound.db));
                return Err(error);
            }
        };
        let compacted =
            remake::replace(&folder, sound).map_err(|refusal| refusal.into_compact(&folder))?;
        let_go(Some(compacted.db));
        let after = measured()?;
        drop(lock);
        Ok(Compacted {
            rows: count.rows,
            live: count.bytes,
            before,
            after,
        })
    }
}

/// Makes a copy of everything that lives in a database.
fn copy(folder: &Folder, sound: &Sound) -> Result<Count, CompactError> {
    let live = copying::reading(folder, || copying::count(&sound.db));
    let made = match live {
        Ok(live) => remake::make(folder, sound, aim(sound, live.bytes, Rule::USUAL), DOING),
        Err(error) => Err(Trouble::Source(error)),
    };
    made.map_err(|trouble| {
        trouble.note(folder);
        CompactError::from(trouble)
    })
}

/// A copy of the same format, row by row.
fn aim(sound: &Sound, live: u64, rule: Rule) -> Aim {
    Aim {
        format: sound.format,
        rewrite: Box::new(AsItIs),
        live: Live::Known(live),
        spare: rule.spare,
        portion: rule.portion,
    }
}

fn open(folder: &Folder) -> Result<Sound, CompactError> {
    opening::open_kept(folder).map_err(|refusal| refusal.into_compact(folder))
}

impl Refusal {
    fn into_compact(self, folder: &Folder) -> CompactError {
        CompactError::Open {
            source: self.into_error(folder),
        }
    }
}

impl Trouble {
    /// Leaves word of damage for the next start, as every reader does that meets some.
    fn note(&self, folder: &Folder) {
        if let Self::Source(StoreError::Damaged { what }) = self
            && let Err(refused) = folder.note_damage(what)
        {
            tracing::error!(error = %refused, "The damage could not be noted for the next start");
        }
    }
}

impl From<Trouble> for CompactError {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::NoRoom { needed, free } => Self::NoRoom { needed, free },
            Trouble::Source(source) | Trouble::Copy(source) => Self::Failed { source },
            Trouble::Stuck => Self::Failed {
                source: remake::stuck(),
            },
        }
    }
}

/// Compacts a database that was just opened, if that is worth it. Where it does not work, the
/// database is gone on with as it is.
pub fn where_worth(
    folder: &Folder,
    sound: Sound,
    attempt: Attempt,
    rule: Rule,
) -> Result<Sound, Refusal> {
    let Some((before, usage)) = wasted(folder, &sound.db, rule) else {
        return Ok(sound);
    };
    if attempt == Attempt::BrokenOff {
        tracing::warn!(
            "The last start was stopped while it compacted the store; this one does not try"
        );
        return Ok(sound);
    }
    let live = usage.count.bytes;
    tracing::info!(
        before,
        live,
        "The store takes {before} bytes for {live} that live in it; it is compacted before it is \
         worked with"
    );
    let began = Instant::now();
    match remake::make(folder, &sound, aim(&sound, live, rule), DOING) {
        Ok(_) => {}
        Err(Trouble::Source(StoreError::Damaged { what })) => {
            remake::give_up(folder);
            let_go(Some(sound.db));
            return Err(Refusal::Damaged(what));
        }
        Err(Trouble::Stuck) => {
            // What was written of the copy stays, and somebody may write to it yet: by it the
            // next start knows not to try.
            let_go(Some(sound.db));
            return Err(Refusal::Error(OpenError::Failed {
                path: folder.path().to_owned(),
                source: remake::stuck(),
            }));
        }
        Err(trouble @ (Trouble::NoRoom { .. } | Trouble::Source(_) | Trouble::Copy(_))) => {
            remake::give_up(folder);
            let error = CompactError::from(trouble);
            tracing::warn!(
                code = error.code(),
                error = %error,
                source = std::error::Error::source(&error).map(tracing::field::display),
                "The store could not be compacted; it is gone on with as it is"
            );
            return Ok(sound);
        }
    }
    let sound = remake::replace(folder, sound)?;
    let after = folder.bytes_of_database().unwrap_or(0);
    tracing::info!(
        before,
        after,
        "Compacted the store from {before} bytes to {after} in {:?}",
        began.elapsed()
    );
    Ok(sound)
}

/// Returns how large the database is and what lives in it, where that is out of proportion.
fn wasted(folder: &Folder, db: &sled::Db, rule: Rule) -> Option<(u64, Usage)> {
    let before = folder.bytes_of_database().ok()?;
    let usage = caught(|| usage::noted(db)).ok()?.ok()??;
    let is_wasted = before >= rule.small && usage::is_wasteful(before, usage.count.bytes);
    is_wasted.then_some((before, usage))
}
