//! Copies the database into new files beside it, in steps and while it is in use, then swaps the
//! copy in.
//!
//! Only a copy gives disk space back: sled reuses space that it freed, but never returns it. A step
//! reads some rows while commits wait, and writes them into the copy while commits continue.
//! Meanwhile, writes to rows that the copy already has are noted (`changes.rs`), and those rows are
//! copied once more. When all rows are there, the copy is synced, closed, opened again and read
//! back: its content must equal what was written to it. Then it replaces the database while commits
//! wait (`replacement.rs`).
//!
//! A copy that is dropped, or whose process is killed, is removed; the database was not touched.
//! Memory use is a few hundred rows, the noted keys, and what sled caches of the copy, which is
//! little since it is flushed to disk every few megabytes.

use std::io;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use crate::lock::{self, lock};
use crate::store::engine::calls::{Engine, Ticket};
use crate::store::engine::opening::database::close_db;
use crate::store::engine::writing::work::Work;
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key};
use crate::store::values::count::Count;

use super::changes::{Changes, TooMany, Upto};
use super::compacted::Compacted;
use super::copy::{Copy, MANY, read, too_many};
use super::copying::{self, BYTES, CopyError, ROWS, Row};
use super::progress::{self, Progress};
use super::ready_copy::{Outcome, Replacement};
use super::remake;
use super::rule::Rule;

/// How many noted keys may wait until the next step.
const FEW: usize = 200;

/// The most portions of noted keys that one step copies.
const PORTIONS: usize = 8;

/// How long a copy waits for a moment at which nobody reads. A check of the whole store may take
/// that long.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// A copy in progress.
#[derive(Debug)]
pub struct Beside {
    engine: Arc<Engine>,
    /// `None` if the copy has replaced the database, or is lost.
    copy: Option<Copy>,
    stage: Stage,
    /// The database's size in bytes before the copy.
    before: u64,
}

#[derive(Debug)]
enum Stage {
    /// The rows after this key are still to be copied.
    Copying(Key),
    /// The rows after this key are still to be read back.
    ReadingBack(Key),
    /// The copy has been ready since this moment.
    Ready(Instant),
}

impl Beside {
    /// Begins a copy of a store with this much live data.
    pub fn begin(engine: &Arc<Engine>, live: Count, rule: Rule) -> Result<Self, CopyError> {
        copying::make_sure_of_space(&engine.folder, live, rule.spare)?;
        if lock(&engine.shared.changes).is_some() {
            return Err(CopyError::UnderWay);
        }
        let before = engine
            .folder
            .bytes_of_database()
            .map_err(copying::copy("measuring the database"))?;
        remake::give_up(&engine.folder);
        let copy = Copy::make(&engine.folder, rule.portion)?;
        match &mut *lock(&engine.shared.changes) {
            Some(_) => return Err(CopyError::UnderWay),
            changes => *changes = Some(Changes::new()),
        }
        Ok(Self {
            engine: Arc::clone(engine),
            copy: Some(copy),
            stage: Stage::Copying(Key::new()),
            before,
        })
    }

    /// Does a step. Returns `None` if there is more to do.
    pub fn step(&mut self) -> Result<Option<Compacted>, CopyError> {
        let engine = &self.engine;
        engine.shared.check().map_err(CopyError::Source)?;
        if engine.is_closing() {
            return Err(CopyError::Source(StoreError::Closed));
        }
        let copy = self.copy.as_mut().ok_or(CopyError::Stuck)?;
        let is_behind = copy.catch_up(engine)? > FEW;
        let next = match &self.stage {
            _ if is_behind => None,
            Stage::Copying(after) => {
                let last = copy.copy_on(engine, after)?;
                if last.is_none() {
                    copy.reopen(&engine.folder)?;
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
                return Err(CopyError::Copy(StoreError::io(
                    "waiting for a moment at which nobody reads the store",
                    io::ErrorKind::TimedOut.into(),
                )));
            }
            Stage::Ready(_) => return self.replace(),
        };
        if let Some(next) = next {
            self.stage = next;
        }
        // Each page that is read evicts another from the cache, and these must not pile up.
        garbage::collect_garbage();
        Ok(None)
    }

    /// Reports progress, given the number of rows that were live at the start.
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

    /// Returns whether the copy only waits for a moment at which nobody reads.
    #[cfg(test)]
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }

    /// Asks the writer to put the copy in the place of the database.
    fn replace(&mut self) -> Result<Option<Compacted>, CopyError> {
        let mut copy = self.copy.take().ok_or(CopyError::Stuck)?;
        // Sync what can be synced before commits have to wait.
        let synced = copy.sync();
        let (told, outcome) = sync_channel(1);
        let engine = &self.engine;
        let replacement = Replacement { copy, told };
        synced?;
        let answer = engine
            .submit(Work::Replace(Box::new(replacement)))
            .and_then(Ticket::wait);
        match (outcome.try_recv(), answer) {
            (Ok(Outcome::Later(copy)), _) => {
                self.copy = Some(*copy);
                Ok(None)
            }
            (Ok(Outcome::NotTaken(error)), _) => {
                engine.folder.remove_retired();
                Err(error)
            }
            (Ok(Outcome::Done(count)), Ok(_)) => {
                // Commits do not wait for this.
                engine.folder.remove_retired();
                let after = engine.folder.bytes_of_database();
                let after = after.map_err(copying::copy("measuring the copy"))?;
                Ok(Some(Compacted {
                    rows: count.rows,
                    live: count.bytes,
                    before: self.before,
                    after,
                }))
            }
            (_, Err(error)) => Err(CopyError::Source(error)),
            (Err(_), Ok(_)) => Err(CopyError::Stuck),
        }
    }
}

impl Copy {
    /// Copies rows after a key. Returns the last one's key; `None` if no rows follow. A writer may
    /// add a row at the end before each step, so the end is detected together with the last rows,
    /// and not after them.
    fn copy_on(&mut self, engine: &Engine, after: &Key) -> Result<Option<Key>, CopyError> {
        let read = engine.lend_database("copying the store", |db| {
            let _still = engine.still();
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
            if let Some(changes) = &mut *lock(&engine.shared.changes) {
                changes.reach(upto.clone().map_or(Upto::End, Upto::Key));
            }
            Ok((rows, upto))
        });
        let (rows, upto) = read.map_err(CopyError::Source)?;
        let rows = rows.into_iter().filter(|(key, _)| **key != *keys::usage());
        self.put(
            rows.map(|(key, value)| (key.to_vec(), Some(value)))
                .collect(),
        )?;
        Ok(upto)
    }

    /// Copies the noted keys again. Returns how many keys are left.
    fn catch_up(&mut self, engine: &Engine) -> Result<usize, CopyError> {
        for _ in 0..PORTIONS {
            let left = noted(engine, |changes| changes.len())?;
            if left <= FEW {
                return Ok(left);
            }
            let gate = &engine.shared.gate;
            let _still = (left > MANY).then(|| lock::read(gate));
            let keys = noted(engine, |changes| changes.take(ROWS))?;
            let rows =
                engine.lend_database("copying what was written meanwhile", |db| read(db, keys));
            self.put(rows.map_err(CopyError::Source)?)?;
        }
        noted(engine, |changes| changes.len())
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let engine = &self.engine;
        *lock(&engine.shared.changes) = None;
        if let Some(copy) = self.copy.take() {
            close_db(copy.db);
        }
        // Another process may own the folder by then; the next opening removes what is left there.
        if !engine.is_closing() {
            remake::give_up(&engine.folder);
        }
    }
}

fn noted<T: Default>(
    engine: &Engine,
    work: impl FnOnce(&mut Changes) -> Result<T, TooMany>,
) -> Result<T, CopyError> {
    match &mut *lock(&engine.shared.changes) {
        Some(changes) => work(changes).map_err(too_many),
        None => Ok(T::default()),
    }
}
