//! Copies a database into fresh files, in the order of the keys, and proves the copy.
//!
//! The copy is written, synced, closed, opened again and read back: what the next opening will
//! find is what is compared.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::Xxh3;

use super::caught::caught;
use super::error::StoreError;
use super::files::{self, Blobs, Folder};
use super::inner::let_go;
use super::mark::{Mark, MarkFile};
use super::nudge::nudged;
use super::opening::{self, Sound};
use super::usage::{Count, Usage};
use super::{check, codec, keys, scan, writer};

/// Rows of one write, and bytes over which no row is added.
const ROWS: usize = 190;
const BYTES: usize = 1024 * 1024;

/// How long sled may take to let go of a file.
const LOCK_PATIENCE: Duration = Duration::from_secs(10);
const LOCK_PAUSE: Duration = Duration::from_millis(5);

/// Why there is no copy.
pub enum Trouble {
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

/// A copy on its way.
pub struct Copying {
    pub folder: Folder,
    pub source: Sound,
    /// Bytes after which it is synced.
    pub portion: usize,
    /// Grows as long as something is done.
    pub progress: Arc<AtomicU64>,
}

/// What tells one database from another.
#[derive(PartialEq, Eq)]
struct Proof {
    count: Count,
    sum: u64,
}

impl Copying {
    /// Makes the copy and proves it. Returns what is in it.
    pub fn run(self) -> Result<Count, Trouble> {
        let at = self.folder.compacting();
        files::make_folder(&at)
            .and_then(|()| files::give_as(&at, &self.folder.current()))
            .map_err(copy("making the folder of the copy"))?;
        let fresh = self.open(&at)?;
        let written = self.write(&fresh, &at);
        let closed = close(fresh, &at);
        let proof = written?;
        closed?;
        // What was written is read from the disk's side, as the next opening will.
        let fresh = self.open(&at)?;
        let read = self
            .prove(&fresh, &proof)
            .and_then(|()| sync(&fresh, &at, &mut Blobs::new(at.join("blobs"))));
        let closed = close(fresh, &at);
        read.and(closed)?;
        Ok(proof.count)
    }

    fn write(&self, fresh: &sled::Db, at: &Path) -> Result<Proof, Trouble> {
        let mut blobs = Blobs::new(at.join("blobs"));
        let proof = self.fill(fresh, at, &mut blobs)?;
        self.note(fresh, proof.count)?;
        sync(fresh, at, &mut blobs)?;
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
    fn fill(&self, fresh: &sled::Db, at: &Path, blobs: &mut Blobs) -> Result<Proof, Trouble> {
        let mut rows = rows(&self.source.db);
        let (mut count, mut sum) = (Count::default(), Xxh3::new());
        let mut not_synced = 0;
        loop {
            let batch = reading(&self.folder, || {
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
                Ok((batch, n_rows, n_bytes))
            });
            let (batch, n_rows, n_bytes) = batch.map_err(Trouble::Source)?;
            if n_rows == 0 {
                let sum = sum.digest();
                return Ok(Proof { count, sum });
            }
            apply(fresh, batch)?;
            not_synced += n_bytes;
            if not_synced >= self.portion {
                sync(fresh, at, blobs)?;
                not_synced = 0;
            }
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

/// Reads from the database that is copied. Reading moves pages, and so panics on a full disk as
/// it does on damage: a store is not condemned for that.
pub fn reading<T>(
    folder: &Folder,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    caught(work).unwrap_or_else(|message| {
        if folder.check_room().is_err() {
            return Err(StoreError::panicked("reading what is copied", message));
        }
        let what = format!("reading it the database panicked: {message}");
        Err(StoreError::damaged(what))
    })
}

/// All rows but the note of how many there are.
fn rows(db: &sled::Db) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> {
    let note = keys::usage();
    scan::prefix(db, &[]).filter(move |row| !matches!(row, Ok((key, _)) if **key == *note))
}

/// Counts what lives in a database.
pub fn count(db: &sled::Db) -> Result<Count, StoreError> {
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
    match nudged(fresh, || caught(|| fresh.apply_batch(batch))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Trouble::Copy(StoreError::sled("writing the copy", error))),
        Err(message) => Err(Trouble::Copy(StoreError::panicked(
            "writing the copy",
            message,
        ))),
    }
}

/// Brings the copy to disk, as the writer does.
fn sync(fresh: &sled::Db, at: &Path, blobs: &mut Blobs) -> Result<(), Trouble> {
    match nudged(fresh, || caught(|| fresh.flush())) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => return Err(Trouble::Copy(StoreError::sled("flushing the copy", error))),
        Err(message) => {
            return Err(Trouble::Copy(StoreError::panicked(
                "flushing the copy",
                message,
            )));
        }
    }
    blobs
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

/// Waits until nobody has the file of a database.
pub fn wait_until_free(at: &Path) -> io::Result<()> {
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

/// Says that it is the copy that something is wrong with.
fn copy(doing: &'static str) -> impl Fn(io::Error) -> Trouble {
    move |error| Trouble::Copy(StoreError::io(doing, error))
}
