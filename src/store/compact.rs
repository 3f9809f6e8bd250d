//! Copies a database into fresh files and puts them in its place: sled uses room again that
//! was given up, and never gives it back.
//!
//! The copy is written in the order of the keys, synced, closed, opened again and read back
//! before it takes the place of the other (`swap.rs`). Nothing else has the store open: this
//! is done at an opening, or by a command instead of one.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use xxhash_rust::xxh3::Xxh3;

use super::caught::caught;
use super::error::{OpenError, StoreError};
use super::files::{self, Blobs, Folder};
use super::inner::let_go;
use super::mark::{Mark, MarkFile};
use super::opening::{self, Refusal, Sound};
use super::swap::Attempt;
use super::usage::{self, Count, SMALL, Usage};
use super::{Store, check, codec, keys, scan, writer};

/// How many times as large as what lives in it a database must be. Updates at random settle at
/// four and a half times, which a copy would not change for long.
const WASTEFUL: u64 = 6;

/// Room that a copy may take: three times what lives in it, and some segments. Of records it
/// takes twice, of entries a little less.
const COPY_TAKES: u64 = 3;
const COPY_ALSO_TAKES: u64 = 16 * 1024 * 1024;

/// Rows of one write, and bytes over which no row is added.
const ROWS: usize = 190;
const BYTES: usize = 1024 * 1024;

/// How long a copy may stand still: after a failed write sled may wait for ever.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long sled may take to let go of a file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

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
            Self::Open { source } => source.code(),
            Self::NoRoom { .. } => "store.no-room",
            Self::Failed { source } => source.code(),
        }
    }
}

/// Why there is no copy.
enum Trouble {
    NoRoom {
        needed: u64,
        free: u64,
    },
    /// With the database that is copied.
    Source(StoreError),
    /// With the copy.
    Copy(StoreError),
    /// The copying does not come to its end, and may do something yet.
    Stuck,
}

impl Store {
    /// Gives room back that the store in a folder does not need. Nobody may have it open.
    pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
        let refused = |source| CompactError::Open { source };
        let folder = Folder::new(path);
        let lock = opening::take_lock(&folder).map_err(refused)?;
        let opened = opening::clear_up(&folder).map_err(refused);
        let sound = opened.and_then(|_| open(&folder))?;
        let io = |error| CompactError::Failed {
            source: StoreError::io("measuring the database", error),
        };
        let before = folder.bytes_of_database().map_err(io)?;
        let live = caught(|| count(&sound.db)).unwrap_or_else(|message| {
            let what = format!("reading it the database panicked: {message}");
            Err(StoreError::damaged(what))
        });
        let made = match live {
            Ok(live) => make(&folder, &sound, live.bytes),
            Err(error) => Err(Trouble::Source(error)),
        };
        let count = made.map_err(|trouble| {
            give_up(&folder);
            trouble.note(&folder);
            CompactError::from(trouble)
        })?;
        let compacted = replace(&folder, sound).map_err(|refusal| refusal.into_compact(&folder))?;
        let after = folder.bytes_of_database().map_err(io)?;
        let_go(Some(compacted.db));
        drop(lock);
        Ok(Compacted {
            rows: count.rows,
            live: count.bytes,
            before,
            after,
        })
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
            Trouble::Stuck => Self::Failed { source: stuck() },
        }
    }
}

/// Compacts a database that was just opened, if that is worth it. Where it does not work, the
/// database is gone on with as it is.
pub fn where_worth(folder: &Folder, sound: Sound, attempt: Attempt) -> Result<Sound, Refusal> {
    let Some((before, usage)) = wasted(folder, &sound.db) else {
        return Ok(sound);
    };
    if attempt == Attempt::BrokenOff {
        tracing::warn!(
            "The last start was stopped while it compacted the store; this one does not try"
        );
        return Ok(sound);
    }
    let began = Instant::now();
    match make(folder, &sound, usage.count.bytes) {
        Ok(_) => {}
        Err(Trouble::Source(StoreError::Damaged { what })) => return Err(Refusal::Damaged(what)),
        Err(Trouble::Stuck) => {
            return Err(Refusal::Error(OpenError::Failed {
                path: folder.path().to_owned(),
                source: stuck(),
            }));
        }
        Err(trouble @ (Trouble::NoRoom { .. } | Trouble::Source(_) | Trouble::Copy(_))) => {
            give_up(folder);
            let error = CompactError::from(trouble);
            tracing::warn!(
                code = error.code(),
                error = %error,
                source = std::error::Error::source(&error).map(tracing::field::display),
                "The store takes {before} bytes for {} that live in it, and could not be \
                 compacted; it is gone on with as it is",
                usage.count.bytes
            );
            return Ok(sound);
        }
    }
    let sound = replace(folder, sound)?;
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
fn wasted(folder: &Folder, db: &sled::Db) -> Option<(u64, Usage)> {
    let before = folder.bytes_of_database().ok()?;
    let usage = caught(|| usage::noted(db)).ok()?.ok()??;
    let is_wasted = before >= SMALL && before / WASTEFUL > usage.count.bytes;
    is_wasted.then_some((before, usage))
}

/// Makes a copy and proves it. Watches over the thread that does, since sled may wait for ever.
fn make(folder: &Folder, sound: &Sound, live: u64) -> Result<Count, Trouble> {
    let needed = live
        .saturating_mul(COPY_TAKES)
        .saturating_add(COPY_ALSO_TAKES);
    if let Some(free) = folder.bytes_free().filter(|free| *free < needed) {
        return Err(Trouble::NoRoom { needed, free });
    }
    let progress = Arc::new(AtomicU64::new(0));
    let (done, outcome) = sync_channel(1);
    let copying = Copying {
        folder: folder.clone(),
        source: sound.clone(),
        progress: Arc::clone(&progress),
    };
    let thread = thread::Builder::new()
        .name("store-compact".to_owned())
        .spawn(move || drop(done.send(copying.run())));
    thread.map_err(|error| Trouble::Copy(StoreError::io("starting a thread", error)))?;
    let mut seen = 0;
    loop {
        match outcome.recv_timeout(PATIENCE) {
            Ok(outcome) => return outcome,
            Err(RecvTimeoutError::Timeout) => {
                let now = progress.load(Ordering::Relaxed);
                if now == seen {
                    return Err(Trouble::Stuck);
                }
                seen = now;
            }
            Err(RecvTimeoutError::Disconnected) => {
                let message = "the thread that copies ended".to_owned();
                return Err(Trouble::Copy(StoreError::panicked("copying", message)));
            }
        }
    }
}

/// A copy on its way.
struct Copying {
    folder: Folder,
    source: Sound,
    progress: Arc<AtomicU64>,
}

/// What tells one database from another.
#[derive(PartialEq, Eq)]
struct Proof {
    count: Count,
    sum: u64,
}

impl Copying {
    fn run(self) -> Result<Count, Trouble> {
        let at = self.folder.compacting();
        files::make_folder(&at).map_err(copy("making the folder of the copy"))?;
        let fresh = self.open(&at)?;
        let written = self.write(&fresh, &at);
        let closed = close(fresh, &at);
        let proof = written?;
        closed?;
        // What was written is read from the disk's side, as the next opening will.
        let fresh = self.open(&at)?;
        let read = self.prove(&fresh, &proof).and_then(|()| sync(&fresh, &at));
        let closed = close(fresh, &at);
        read.and(closed)?;
        Ok(proof.count)
    }

    fn write(&self, fresh: &sled::Db, at: &Path) -> Result<Proof, Trouble> {
        let proof = self.fill(fresh)?;
        self.note(fresh, proof.count)?;
        sync(fresh, at)?;
        let mark = Mark {
            store: self.source.store,
            commits: self.source.head.commits,
            last: self.source.head.last,
        };
        MarkFile::open(&at.join("high-water"))
            .and_then(|mut file| file.keep(mark))
            .map_err(copy("keeping the mark of the copy"))?;
        files::sync_folder(at).map_err(copy("syncing the copy"))?;
        Ok(proof)
    }

    fn prove(&self, fresh: &sled::Db, proof: &Proof) -> Result<(), Trouble> {
        let found = caught(|| {
            check::sample(fresh, &self.source.head)?;
            self.read(fresh)
        });
        let found = found.unwrap_or_else(|message| Err(StoreError::panicked("reading", message)));
        if found.map_err(Trouble::Copy)? == *proof {
            return Ok(());
        }
        let differs = io::Error::other("the copy is not what was copied");
        Err(copy("reading the copy back")(differs))
    }

    fn open(&self, at: &Path) -> Result<sled::Db, Trouble> {
        opening::open_db(&self.folder, at).map_err(|refusal| {
            let error = io::Error::other(refusal.into_error(&self.folder).to_string());
            copy("opening the copy")(error)
        })
    }

    /// Copies all rows in the order of their keys, each verified.
    fn fill(&self, fresh: &sled::Db) -> Result<Proof, Trouble> {
        let mut rows = rows(&self.source.db);
        let (mut count, mut sum) = (Count::default(), Xxh3::new());
        loop {
            let batch = caught(|| -> Result<_, StoreError> {
                let (mut batch, mut n_rows, mut n_bytes) = (sled::Batch::default(), 0, 0);
                while n_rows < ROWS && n_bytes < BYTES {
                    let Some(row) = rows.next() else { break };
                    let (key, value) = row?;
                    codec::open(&key, &value)?;
                    count.add(&key, &value);
                    take(&mut sum, &key, &value);
                    n_rows += 1;
                    n_bytes += value.len();
                    batch.insert(key, value);
                }
                Ok((batch, n_rows))
            });
            let batch = batch.unwrap_or_else(|message| {
                let what = format!("reading it the database panicked: {message}");
                Err(StoreError::damaged(what))
            });
            let (batch, n_rows) = batch.map_err(Trouble::Source)?;
            if n_rows == 0 {
                let sum = sum.digest();
                return Ok(Proof { count, sum });
            }
            apply(fresh, batch)?;
            self.progress.fetch_add(1, Ordering::Relaxed);
            writer::collect_garbage();
        }
    }

    /// Reads all rows as [`fill`](Self::fill) does.
    fn read(&self, db: &sled::Db) -> Result<Proof, StoreError> {
        let (mut count, mut sum) = (Count::default(), Xxh3::new());
        for row in rows(db) {
            let (key, value) = row?;
            count.add(&key, &value);
            take(&mut sum, &key, &value);
            self.progress.fetch_add(1, Ordering::Relaxed);
        }
        let sum = sum.digest();
        Ok(Proof { count, sum })
    }

    /// Notes in the copy what lives in it.
    fn note(&self, fresh: &sled::Db, count: Count) -> Result<(), Trouble> {
        let usage = Usage {
            count,
            commits: self.source.head.commits,
        };
        let (key, value) = codec::put(keys::usage(), &usage);
        let mut batch = sled::Batch::default();
        batch.insert(key, value.unwrap_or_default());
        apply(fresh, batch)
    }
}

/// All rows but the note of how many there are.
fn rows(db: &sled::Db) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> {
    let note = keys::usage();
    scan::prefix(db, &[]).filter(move |row| !matches!(row, Ok((key, _)) if **key == *note))
}

fn count(db: &sled::Db) -> Result<Count, StoreError> {
    rows(db).try_fold(Count::default(), |mut count, row| {
        let (key, value) = row?;
        count.add(&key, &value);
        Ok(count)
    })
}

fn take(sum: &mut Xxh3, key: &[u8], value: &[u8]) {
    sum.update(&(key.len() as u64).to_be_bytes());
    sum.update(key);
    sum.update(&(value.len() as u64).to_be_bytes());
    sum.update(value);
}

fn apply(fresh: &sled::Db, batch: sled::Batch) -> Result<(), Trouble> {
    let applied = caught(|| fresh.apply_batch(batch));
    match applied {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Trouble::Copy(StoreError::sled("writing the copy", error))),
        Err(message) => Err(Trouble::Copy(StoreError::panicked(
            "writing the copy",
            message,
        ))),
    }
}

/// Brings the copy to disk, as the writer does.
fn sync(fresh: &sled::Db, at: &Path) -> Result<(), Trouble> {
    match caught(|| fresh.flush()) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Trouble::Copy(StoreError::sled("flushing the copy", error))),
        Err(message) => {
            return Err(Trouble::Copy(StoreError::panicked(
                "flushing the copy",
                message,
            )));
        }
    }
    Blobs::new(at.join("blobs"))
        .sync()
        .and_then(|()| files::settle(at))
        .map_err(copy("syncing the copy"))
}

/// Closes a database and waits until nobody has its file: sled's threads may go on for a while,
/// and what they write goes by a path that another will have then.
fn close(db: sled::Db, at: &Path) -> Result<(), Trouble> {
    let_go(Some(db));
    wait_until_free(at).map_err(copy("closing the copy"))
}

fn wait_until_free(at: &Path) -> io::Result<()> {
    let file = File::open(at.join("db"))?;
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < deadline => {
                thread::sleep(LOCK_PAUSE);
            }
            Err(fs::TryLockError::WouldBlock) => return Err(io::ErrorKind::TimedOut.into()),
            Err(fs::TryLockError::Error(refused)) => return Err(refused),
        }
    }
}

/// Puts the copy in the place of the database and opens it there.
fn replace(folder: &Folder, sound: Sound) -> Result<Sound, Refusal> {
    let_go(Some(sound.db));
    let swapped = wait_until_free(&folder.current()).and_then(|()| folder.swap());
    if let Err(refused) = swapped {
        tracing::warn!(
            error = %refused,
            "The compacted store could not take the place of the other, which is gone on with"
        );
        give_up(folder);
    }
    opening::open_kept(folder)
}

/// Removes a copy that is not taken; what is left of it goes at the next start.
fn give_up(folder: &Folder) {
    if let Err(refused) = fs::remove_dir_all(folder.compacting())
        && refused.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(error = %refused, "A copy of the store that is not needed could not be removed");
    }
}

fn copy(doing: &'static str) -> impl Fn(io::Error) -> Trouble {
    move |error| Trouble::Copy(StoreError::io(doing, error))
}

fn stuck() -> StoreError {
    StoreError::io("copying the store", io::ErrorKind::TimedOut.into())
}
