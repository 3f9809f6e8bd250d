//! Copies a database into new files, in the order of the keys, and verifies the copy.
//!
//! The copy is written, synced, closed, opened again and read back: what is compared is what the
//! next opening will find.

use std::io;
use std::path::Path;
use std::sync::Arc;

use xxhash_rust::xxh3::Xxh3;

use crate::model::Lack;
use crate::store::check::{self, Checked, Faults, View};
use crate::store::engine::catch_panic::catch_panic;
use crate::store::engine::files::mark::{Mark, MarkFile};
use crate::store::engine::files::{self, Blobs, Folder};
use crate::store::engine::nudge::nudged;
use crate::store::engine::opening::database::{self, close_db, wait_until_free};
use crate::store::engine::opening::sound::Sound;
use crate::store::engine::rows::count::rows;
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::{Format, codec, keys, v1};
use crate::store::values::count::{Count, Usage};

use super::progress::{Progress, Stage};

/// The most rows of one write, and the size in bytes at which it is full.
pub const ROWS: usize = 190;
pub const BYTES: usize = 1024 * 1024;

/// Disk space that a copy may take: three times the live data, and some segments. Records take
/// twice their size, entries a little less.
const COPY_TAKES: u64 = 3;

/// Why there is no copy.
pub enum CopyError {
    NoSpace {
        needed: u64,
        free: u64,
    },
    /// The database that is copied failed.
    Source(StoreError),
    /// The copy failed.
    Copy(StoreError),
    /// Another copy is under way.
    UnderWay,
    /// The copying makes no progress, and its thread may still write.
    Stuck,
}

/// A row of a database.
pub type Row = (sled::IVec, sled::IVec);

/// How rows of a database change on their way into a copy.
pub trait Rewrite: Send {
    /// Turns a row into the rows that replace it in the copy.
    fn row(&mut self, row: Row, out: &mut Vec<Row>) -> Result<(), StoreError>;

    /// Adds the rows that can be computed only after every row was read.
    fn end(&mut self, out: &mut Vec<Row>);
}

/// What kind of copy to make.
pub struct Aim {
    /// Its format.
    pub format: u32,
    /// How rows change.
    pub rewrite: Box<dyn Rewrite>,
    /// Bytes that must be free besides what the rows of a copy take.
    pub spare: u64,
    /// Bytes after which the copy is flushed to disk: flushing everything at the end may mean
    /// gigabytes, which takes longer than the watchdog waits.
    pub portion: usize,
}

/// A copy in progress.
pub struct Copying {
    pub folder: Folder,
    pub source: Sound,
    pub aim: Aim,
    pub progress: Arc<Progress>,
}

/// Identifies the content of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Proof {
    pub count: Count,
    /// The sum of a hash of each row, ignoring overflow: rewritten rows may come out of order.
    sum: u128,
}

impl Proof {
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.count.add(key, value);
        self.sum = self.sum.wrapping_add(hash(key, value));
    }

    /// Removes a row that was added.
    pub fn remove(&mut self, key: &[u8], value: &[u8]) {
        self.count.remove(key.len(), value.len());
        self.sum = self.sum.wrapping_sub(hash(key, value));
    }
}

fn hash(key: &[u8], value: &[u8]) -> u128 {
    let mut hash = Xxh3::new();
    hash.update(&(key.len() as u64).to_be_bytes());
    hash.update(key);
    hash.update(value);
    hash.digest128()
}

impl Copying {
    /// Makes the copy and verifies it. Returns how much data the copy contains.
    pub fn run(mut self) -> Result<Count, CopyError> {
        let (rows, faults) = self.examine()?;
        let at = self.folder.compacting();
        files::make_folder(&at)
            .and_then(|()| files::give_as(&at, &self.folder.current()))
            .map_err(copy("making the folder of the copy"))?;
        let target = self.open(&at)?;
        self.progress.begin(Stage::Copying, Some(rows));
        let written = self.write(&target, &at);
        let closed = close(Some(target), &at);
        let proof = written?;
        closed?;
        // What was written is read back from the disk, as the next opening will read it.
        let target = self.open(&at)?;
        let read = self
            .prove(&target, &proof, &faults)
            .and_then(|()| sync(&target, &at, &mut Blobs::new(at.join("blobs"))));
        let closed = close(Some(target), &at);
        read.and(closed)?;
        Ok(proof.count)
    }

    /// Checks everything that is to be copied, and makes sure of disk space. Returns the number of
    /// rows, and their faults.
    fn examine(&self) -> Result<(u64, Faults), CopyError> {
        self.progress.begin(Stage::Checking, None);
        let found = self.check(&self.source.db, self.source.format);
        for fault in found.faults.all() {
            tracing::warn!("Found in the store, and left as it is: {fault}");
        }
        make_sure_of_space(&self.folder, found.count, self.aim.spare)?;
        Ok((found.count.rows, found.faults))
    }

    fn check(&self, db: &sled::Db, format: u32) -> Checked {
        check::whole(&View::alone(db, format), &|rows| self.progress.add(rows))
    }

    fn write(&mut self, target: &sled::Db, at: &Path) -> Result<Proof, CopyError> {
        let mut blobs = Blobs::new(at.join("blobs"));
        let proof = self.fill(target, at, &mut blobs)?;
        self.note(target, proof.count)?;
        sync(target, at, &mut blobs)?;
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

    fn prove(&self, target: &sled::Db, proof: &Proof, before: &Faults) -> Result<(), CopyError> {
        self.progress
            .begin(Stage::ReadingBack, Some(proof.count.rows));
        let found = catch_panic(|| {
            check::sample(target, &self.source.head)?;
            self.read(target)
        });
        let found = found.unwrap_or_else(|message| Err(StoreError::panicked("reading", message)));
        if found.map_err(CopyError::Copy)? != *proof {
            return Err(differs("the copy is not what was copied".to_owned()));
        }
        self.progress
            .begin(Stage::CheckingCopy, Some(proof.count.rows));
        let after = self.check(target, self.aim.format);
        match after.faults.not_among(before) {
            Some(new) => Err(differs(format!("the copy has a fault: {new}"))),
            None if after.faults.count() > before.count() => Err(differs(
                "the copy has more faults than the store".to_owned(),
            )),
            None => Ok(()),
        }
    }

    fn open(&self, at: &Path) -> Result<sled::Db, CopyError> {
        database::open_db(&self.folder, at, database::SMALL_CACHE).map_err(|refusal| {
            let error = io::Error::other(refusal.into_error(&self.folder).to_string());
            copy("opening the copy")(error)
        })
    }

    /// Copies all rows in the order of their keys, each verified.
    fn fill(
        &mut self,
        target: &sled::Db,
        at: &Path,
        blobs: &mut Blobs,
    ) -> Result<Proof, CopyError> {
        let mut rows = rows(&self.source.db);
        let mut proof = Proof::default();
        let (mut out, mut is_over, mut not_synced) = (Vec::new(), false, 0);
        while !is_over || !out.is_empty() {
            let aim = &mut self.aim;
            let read = reading(&self.folder, || {
                let (mut n_read, mut n_bytes) = (0, 0);
                while !is_over && out.len() < ROWS && n_bytes < BYTES {
                    let Some((key, value)) = rows.next().transpose()? else {
                        aim.rewrite.end(&mut out);
                        is_over = true;
                        break;
                    };
                    codec::verify(&key, &value)?;
                    n_read += 1;
                    n_bytes += value.len();
                    aim.row((key, value), &mut out)?;
                }
                Ok(n_read)
            });
            self.progress.add(read.map_err(CopyError::Source)?);
            let rest = out.split_off(out.len().min(ROWS));
            let mut batch = sled::Batch::default();
            let mut written = Vec::new();
            for (key, value) in std::mem::replace(&mut out, rest) {
                proof.add(&key, &value);
                not_synced += value.len();
                written.push((key.clone(), value.len()));
                batch.insert(key, value);
            }
            apply(target, batch)?;
            for (key, n_bytes) in written {
                scan::written(target, &key, n_bytes).map_err(CopyError::Copy)?;
            }
            if not_synced >= self.aim.portion {
                sync(target, at, blobs)?;
                not_synced = 0;
            }
            garbage::collect_garbage();
        }
        Ok(proof)
    }

    /// Reads all rows as [`fill`](Self::fill) wrote them.
    fn read(&self, db: &sled::Db) -> Result<Proof, StoreError> {
        let mut proof = Proof::default();
        for row in rows(db) {
            let (key, value) = row?;
            proof.add(&key, &value);
            self.progress.add(1);
            if proof.count.rows.is_multiple_of(ROWS as u64) {
                garbage::collect_garbage();
            }
        }
        Ok(proof)
    }

    /// Notes in the copy how much live data the copy has.
    fn note(&self, target: &sled::Db, count: Count) -> Result<(), CopyError> {
        let usage = Usage {
            count,
            commits: self.source.head.commits,
        };
        let (key, value) = codec::put(keys::usage(), &v1::Usage::from(usage));
        let mut batch = sled::Batch::default();
        batch.insert(key, value.unwrap_or_default());
        apply(target, batch)
    }
}

impl Aim {
    /// Rewrites a row; the format row gets the copy's format.
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        if *key != *keys::format() {
            return self.rewrite.row((key, value), out);
        }
        let mut format: Format = codec::read_row(&key, &value)?;
        format.version = self.format;
        let value = codec::row(&key, &format);
        out.push((key, value.into()));
        Ok(())
    }
}

impl Folder {
    /// Returns how much space a copy of this size lacks; `None` if it fits, or the system does not
    /// say.
    pub fn lacks_for(&self, live: Count, spare: u64) -> Option<Lack> {
        let needed = live.bytes.saturating_mul(COPY_TAKES).saturating_add(spare);
        let free = self.bytes_free()?;
        (free < needed).then_some(Lack { needed, free })
    }
}

/// Fails if the disk has no space for a copy.
pub fn make_sure_of_space(folder: &Folder, live: Count, spare: u64) -> Result<(), CopyError> {
    match folder.lacks_for(live, spare) {
        Some(Lack { needed, free }) => Err(CopyError::NoSpace { needed, free }),
        None => Ok(()),
    }
}

/// Returns the error for a copy that does not match.
pub fn differs(how: String) -> CopyError {
    copy("reading the copy back")(io::Error::other(how))
}

/// Reads from the database that is copied. Reading moves pages, and so panics on a full disk as it
/// does on damage: that alone does not make a store damaged.
pub fn reading<T>(
    folder: &Folder,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    catch_panic(work).unwrap_or_else(|message| {
        if folder.check_space().is_err() {
            return Err(StoreError::panicked("reading what is copied", message));
        }
        let what = format!("reading it the database panicked: {message}");
        Err(StoreError::damaged(what))
    })
}

pub fn apply(target: &sled::Db, batch: sled::Batch) -> Result<(), CopyError> {
    match nudged(target, || catch_panic(|| target.apply_batch(batch))) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(CopyError::Copy(StoreError::sled("writing the copy", error))),
        Err(message) => Err(CopyError::Copy(StoreError::panicked(
            "writing the copy",
            message,
        ))),
    }
}

/// Flushes the copy to disk, as the writer does.
pub fn sync(target: &sled::Db, at: &Path, blobs: &mut Blobs) -> Result<(), CopyError> {
    match nudged(target, || catch_panic(|| target.flush())) {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => {
            return Err(CopyError::Copy(StoreError::sled(
                "flushing the copy",
                error,
            )));
        }
        Err(message) => {
            return Err(CopyError::Copy(StoreError::panicked(
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

/// Closes a database and waits until nobody has its file open: sled's threads may run on for a
/// while, and write to a path that by then belongs to another database.
pub fn close(db: Option<sled::Db>, at: &Path) -> Result<(), CopyError> {
    close_db(db);
    wait_until_free(at).map_err(copy("closing the copy"))
}

/// Attributes an I/O error to the copy.
pub fn copy(doing: &'static str) -> impl Fn(io::Error) -> CopyError {
    move |error| CopyError::Copy(StoreError::io(doing, error))
}
