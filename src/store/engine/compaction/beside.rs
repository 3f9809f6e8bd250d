//! Copies the database into fresh files beside it while it is worked with, in steps, and has the
//! copy take its place.
//!
//! Room is only given back by a copy: sled uses room again that was given up, and never gives it
//! back. A step reads some rows while commits wait, and writes them into the copy while they go on.
//! What is written meanwhile to rows that the copy has is noted (`changes.rs`) and copied once
//! more. When all rows are there, the copy is synced, closed, opened again and read back: what it
//! holds must be what was written to it. Then it takes the place of the database while commits
//! wait (`replacement.rs`).
//!
//! A copy that is dropped, or whose process is killed, is removed; the database was not touched.
//! In memory are a few hundred rows, the keys that were noted, and what sled keeps of the copy,
//! which is little since it is brought to disk every few megabytes.

use std::io;
use std::ops::Bound;
use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::store::engine::files::{self, Blobs, Folder};
use crate::store::engine::inner::{Inner, held, let_go};
use crate::store::engine::writing::committer::Work;
use crate::store::engine::writing::writer;
use crate::store::engine::{opening, scan};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::kept::maintenance::usage::Count;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key};

use super::changes::{Changes, TooMany, Upto};
use super::compact::{Compacted, Rule};
use super::copying::{self, BYTES, Proof, ROWS, Row, Trouble};
use super::progress::{self, Progress};
use super::remake;
use super::replacement::{Outcome, Replacement};

/// Noted keys that may wait until the next step.
const FEW: usize = 200;

/// Noted keys from which on commits wait while they are copied once more: else the copy may never
/// catch up with them.
const MANY: usize = 2_000;

/// Portions of noted keys that one step copies at the most.
const PORTIONS: usize = 8;

/// How long a copy waits for a moment at which nobody reads. A check of the whole store may take
/// as long.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A copy on its way.
#[derive(Debug)]
pub struct Beside {
    store: Store,
    /// None: it has the database's place, or is lost.
    copy: Option<Copy>,
    stage: Stage,
    /// Bytes that the database took.
    before: u64,
}

#[derive(Debug)]
enum Stage {
    /// Behind which key.
    Copying(Key),
    /// Behind which key.
    ReadingBack(Key),
    /// Since when.
    Ready(Instant),
}

impl Beside {
    /// Begins a copy of a store in which so much lives.
    pub fn begin(store: &Store, live: Count, rule: Rule) -> Result<Self, Trouble> {
        let inner = &store.inner;
        copying::make_sure_of_room(&inner.folder, live, rule.spare)?;
        if held(&inner.shared.changes).is_some() {
            return Err(Trouble::UnderWay);
        }
        let before = inner
            .folder
            .bytes_of_database()
            .map_err(copying::copy("measuring the database"))?;
        remake::give_up(&inner.folder);
        let copy = Copy::make(&inner.folder, rule.portion)?;
        match &mut *held(&inner.shared.changes) {
            Some(_) => return Err(Trouble::UnderWay),
            changes => *changes = Some(Changes::new()),
        }
        Ok(Self {
            store: store.clone(),
            copy: Some(copy),
            stage: Stage::Copying(Key::new()),
            before,
        })
    }

    /// Does a step. `None` if there is more to do.
    pub fn step(&mut self) -> Result<Option<Compacted>, Trouble> {
        let inner = &self.store.inner;
        inner.shared.check().map_err(Trouble::Source)?;
        if inner.is_closing() {
            return Err(Trouble::Source(StoreError::Closed));
        }
        let copy = self.copy.as_mut().ok_or(Trouble::Stuck)?;
        let is_behind = copy.catch_up(inner)? > FEW;
        let next = match &self.stage {
            _ if is_behind => None,
            Stage::Copying(after) => {
                let last = copy.copy_on(&self.store, after)?;
                if last.is_none() {
                    copy.reopen(&inner.folder)?;
                }
                Some(last.map_or(Stage::ReadingBack(Key::new()), Stage::Copying))
            }
            Stage::ReadingBack(after) => {
                let last = copy.read_on(after)?;
                if last.is_none() {
                    copy.prove()?;
                }
                Some(last.map_or(Stage::Ready(Instant::now()), Stage::ReadingBack))
            }
            Stage::Ready(since) if since.elapsed() > PATIENCE => {
                return Err(Trouble::Copy(StoreError::io(
                    "waiting for a moment at which nobody reads the store",
                    io::ErrorKind::TimedOut.into(),
                )));
            }
            Stage::Ready(_) => return self.replace(),
        };
        if let Some(next) = next {
            self.stage = next;
        }
        // Each page that is read drives another out of the cache, which must not pile up.
        writer::collect_garbage();
        Ok(None)
    }

    /// Notes how far it is. So many rows lived there when it began.
    pub fn tell(&self, progress: &Progress, live: Count) {
        let (written, read) = match &self.copy {
            Some(copy) => (copy.written.count.rows, copy.read.count.rows),
            None => (live.rows, live.rows),
        };
        match self.stage {
            Stage::Copying(_) => progress.reach(progress::Stage::Copying, written, live.rows),
            Stage::ReadingBack(_) => progress.reach(progress::Stage::ReadingBack, read, live.rows),
            Stage::Ready(_) => progress.reach(progress::Stage::Waiting, written, live.rows),
        }
    }

    /// Returns whether only a moment is waited for at which nobody reads.
    #[cfg(test)]
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    /// Has the writer put the copy in the place of the database.
    fn replace(&mut self) -> Result<Option<Compacted>, Trouble> {
        let mut copy = self.copy.take().ok_or(Trouble::Stuck)?;
        // What can be synced before commits have to wait.
        let synced = copy.sync();
        let (told, outcome) = sync_channel(1);
        let inner = &self.store.inner;
        let replacement = Replacement { copy, told };
        synced?;
        let answer = inner
            .submit(Work::Replace(Box::new(replacement)))
            .and_then(crate::store::engine::inner::Ticket::wait);
        match (outcome.try_recv(), answer) {
            (Ok(Outcome::Later(copy)), _) => {
                self.copy = Some(*copy);
                Ok(None)
            }
            (Ok(Outcome::NotTaken(trouble)), _) => {
                inner.folder.remove_retired();
                Err(trouble)
            }
            (Ok(Outcome::Done(count)), Ok(_)) => {
                // Commits do not wait for that.
                inner.folder.remove_retired();
                let after = inner.folder.bytes_of_database();
                let after = after.map_err(copying::copy("measuring the copy"))?;
                Ok(Some(Compacted {
                    rows: count.rows,
                    live: count.bytes,
                    before: self.before,
                    after,
                }))
            }
            (_, Err(error)) => Err(Trouble::Source(error)),
            (Err(_), Ok(_)) => Err(Trouble::Stuck),
        }
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let inner = &self.store.inner;
        *held(&inner.shared.changes) = None;
        if let Some(copy) = self.copy.take() {
            let_go(copy.db);
        }
        // Another process may have the folder then; what is left there goes at the next opening.
        if !inner.is_closing() {
            remake::give_up(&inner.folder);
        }
    }
}

/// The files of a copy, and what was written to them.
#[derive(Debug)]
pub struct Copy {
    pub at: PathBuf,
    /// None: it is closed.
    db: Option<sled::Db>,
    blobs: Blobs,
    written: Proof,
    /// What was read back, and up to where.
    read: Proof,
    read_upto: Key,
    not_synced: usize,
    portion: usize,
}

impl Copy {
    fn make(folder: &Folder, portion: usize) -> Result<Self, Trouble> {
        let at = folder.compacting();
        files::make_folder(&at)
            .and_then(|()| files::give_as(&at, &folder.current()))
            .map_err(copying::copy("making the folder of the copy"))?;
        Ok(Self {
            db: Some(open(folder)?),
            blobs: Blobs::new(at.join("blobs")),
            at,
            written: Proof::default(),
            read: Proof::default(),
            read_upto: Key::new(),
            not_synced: 0,
            portion,
        })
    }

    fn db(&self) -> Result<&sled::Db, Trouble> {
        self.db.as_ref().ok_or(Trouble::Stuck)
    }

    /// Returns what is in it.
    pub fn count(&self) -> Count {
        self.written.count
    }

    /// Copies rows behind a key. Returns the last one's; `None` if that was all. Whoever writes may add
    /// a row at the end before each step, so the end is found with the last rows, and not after
    /// them.
    fn copy_on(&mut self, store: &Store, after: &Key) -> Result<Option<Key>, Trouble> {
        let inner = &store.inner;
        let read = inner.read("copying the store", |db| {
            let _still = store.still();
            let (mut rows, mut n_bytes, mut upto) = (Vec::new(), 0, None);
            for row in scan::after(db, &[], Bound::Excluded(after.clone())) {
                let (key, value): Row = row?;
                codec::verify(&key, &value)?;
                n_bytes += value.len();
                rows.push((key, value));
                if rows.len() == ROWS || n_bytes >= BYTES {
                    upto = rows.last().map(|(key, _)| key.to_vec());
                    break;
                }
            }
            if let Some(changes) = &mut *held(&inner.shared.changes) {
                changes.reach(upto.clone().map_or(Upto::End, Upto::Key));
            }
            Ok((rows, upto))
        });
        let (rows, upto) = read.map_err(Trouble::Source)?;
        let rows = rows.into_iter().filter(|(key, _)| **key != *keys::usage());
        self.put(
            rows.map(|(key, value)| (key.to_vec(), Some(value)))
                .collect(),
        )?;
        Ok(upto)
    }

    /// Copies once more what was written meanwhile. Returns how many keys are left.
    fn catch_up(&mut self, inner: &Inner) -> Result<usize, Trouble> {
        for _ in 0..PORTIONS {
            let left = noted(inner, |changes| changes.len())?;
            if left <= FEW {
                return Ok(left);
            }
            let gate = &inner.shared.gate;
            let _still = (left > MANY).then(|| gate.read());
            let keys = noted(inner, |changes| changes.take(ROWS))?;
            let rows = inner.read("copying what was written meanwhile", |db| read(db, keys));
            self.put(rows.map_err(Trouble::Source)?)?;
        }
        noted(inner, |changes| changes.len())
    }

    /// Copies the last of what was written, while nobody writes. False: there is too much of it.
    pub fn catch_up_last(&mut self, inner: Last<'_>) -> Result<bool, Trouble> {
        let Last { changes, db } = inner;
        if changes.len().map_err(too_many)? > MANY {
            return Ok(false);
        }
        loop {
            let keys = changes.take(ROWS).map_err(too_many)?;
            if keys.is_empty() {
                return Ok(true);
            }
            self.put(read(db, keys).map_err(Trouble::Source)?)?;
        }
    }

    /// Writes rows in the place of those that it may have.
    fn put(&mut self, rows: Vec<(Key, Option<sled::IVec>)>) -> Result<(), Trouble> {
        if rows.is_empty() {
            return Ok(());
        }
        let db = self.db.clone().ok_or(Trouble::Stuck)?;
        let mut batch = sled::Batch::default();
        let mut sizes = Vec::new();
        for (key, value) in rows {
            let before = scan::get(&db, &key).map_err(Trouble::Copy)?;
            let is_read = key <= self.read_upto;
            if let Some(before) = before {
                self.written.remove(&key, &before);
                if is_read {
                    self.read.remove(&key, &before);
                }
            }
            match value {
                Some(value) => {
                    self.written.add(&key, &value);
                    if is_read {
                        self.read.add(&key, &value);
                    }
                    sizes.push((key.clone(), value.len()));
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        copying::apply(&db, batch)?;
        for (key, n_bytes) in sizes {
            self.not_synced += n_bytes;
            scan::written(&db, &key, n_bytes).map_err(Trouble::Copy)?;
        }
        if self.not_synced >= self.portion {
            self.sync()?;
        }
        Ok(())
    }

    /// Writes a row that belongs to no part of what is copied.
    pub fn note(&self, (key, value): (Key, Option<Vec<u8>>)) -> Result<(), Trouble> {
        let mut batch = sled::Batch::default();
        batch.insert(key, value.unwrap_or_default());
        copying::apply(self.db()?, batch)
    }

    /// Brings it to disk.
    pub fn sync(&mut self) -> Result<(), Trouble> {
        self.not_synced = 0;
        let db = self.db.as_ref().ok_or(Trouble::Stuck)?;
        copying::sync(db, &self.at, &mut self.blobs)
    }

    /// Closes it and opens it again: from here on it is read from the disk's side, as the next
    /// opening will.
    fn reopen(&mut self, folder: &Folder) -> Result<(), Trouble> {
        self.sync()?;
        copying::close(self.db.take(), &self.at)?;
        self.db = Some(open(folder)?);
        Ok(())
    }

    /// Reads rows back behind a key. Returns the last one's; `None` if that was all.
    fn read_on(&mut self, after: &Key) -> Result<Option<Key>, Trouble> {
        let (mut n_rows, mut n_bytes) = (0, 0);
        for row in scan::after(self.db()?, &[], Bound::Excluded(after.clone())) {
            let (key, value) = row.map_err(Trouble::Copy)?;
            if *key != *keys::usage() {
                self.read.add(&key, &value);
            }
            n_rows += 1;
            n_bytes += value.len();
            if n_rows == ROWS || n_bytes >= BYTES {
                self.read_upto = key.to_vec();
                return Ok(Some(self.read_upto.clone()));
            }
        }
        Ok(None)
    }

    /// Compares what was read back with what was written.
    fn prove(&self) -> Result<(), Trouble> {
        match self.read == self.written {
            true => Ok(()),
            false => Err(copying::differs(
                "the copy is not what was copied".to_owned(),
            )),
        }
    }

    /// Closes it.
    pub fn close(self) -> Result<(), Trouble> {
        copying::close(self.db, &self.at)?;
        files::settle(&self.at).map_err(copying::copy("syncing the copy"))
    }
}

/// What is to be copied before a copy takes the place of the database.
pub struct Last<'a> {
    pub changes: &'a mut Changes,
    pub db: &'a sled::Db,
}

fn open(folder: &Folder) -> Result<sled::Db, Trouble> {
    let opened = opening::open_db(folder, &folder.compacting(), opening::SMALL_CACHE);
    opened.map_err(|refusal| {
        let error = io::Error::other(refusal.into_error(folder).to_string());
        copying::copy("opening the copy")(error)
    })
}

/// Reads rows as they are now; `None` if one is gone.
fn read(db: &sled::Db, keys: Vec<Key>) -> Result<Vec<(Key, Option<sled::IVec>)>, StoreError> {
    let mut rows = Vec::new();
    for key in keys {
        if key != keys::usage() {
            let value = scan::get(db, &key)?;
            if let Some(value) = &value {
                codec::verify(&key, value)?;
            }
            rows.push((key, value));
        }
    }
    Ok(rows)
}

fn noted<T: Default>(
    inner: &Inner,
    work: impl FnOnce(&mut Changes) -> Result<T, TooMany>,
) -> Result<T, Trouble> {
    match &mut *held(&inner.shared.changes) {
        Some(changes) => work(changes).map_err(too_many),
        None => Ok(T::default()),
    }
}

fn too_many(_: TooMany) -> Trouble {
    Trouble::Copy(StoreError::io(
        "copying what is written meanwhile",
        io::Error::other("more is written than the copy can take over"),
    ))
}
