//! The calls to the running engine: read, write, close.

use std::fmt;
use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, RwLockReadGuard};
use std::thread::JoinHandle;

use tokio::sync::watch;

use crate::lock::{self, lock};
use crate::model::{Account, Fact, RunId, Seq, StoreId, Timestamp};
use crate::store::error::StoreError;
use crate::store::layout::entry;
use crate::store::values::commit::{Commit, Committed};
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

use super::catch_panic::catch_panic;
use super::files::{self, Folder, open_mark};
use super::opening::database::close_db;
use super::reader::Reader;
use super::shared::Shared;
use super::writing::prepared::Prepared;
use super::writing::under_way::UnderWay;
use super::writing::work::{Job, Work};

/// An open database. Clones of the store share it.
pub struct Engine {
    pub id: StoreId,
    pub(in crate::store) folder: Folder,
    pub(in crate::store) shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    under_way: UnderWay,
    committer: Mutex<Option<JoinHandle<()>>>,
    /// Released last, so that the next process finds everything finished.
    lock: Mutex<Option<File>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").finish_non_exhaustive()
    }
}

impl Engine {
    pub fn new(
        id: StoreId,
        folder: Folder,
        lock: File,
        shared: Arc<Shared>,
        queue: SyncSender<Job>,
    ) -> Self {
        Self {
            id,
            folder,
            shared,
            queue: Mutex::new(Some(queue)),
            under_way: UnderWay::default(),
            committer: Mutex::new(None),
            lock: Mutex::new(Some(lock)),
        }
    }

    pub fn watch(&self, committer: JoinHandle<()>) {
        *lock(&self.committer) = Some(committer);
    }

    /// Returns the first fatal error; it answers every call from then on.
    pub fn check(&self) -> Result<(), StoreError> {
        self.shared.check()
    }

    /// Returns the journal's last entry that is on disk.
    pub fn last_seq(&self) -> Seq {
        self.shared.durable()
    }

    /// Returns a view of that entry that can be waited for.
    pub fn watch_last_seq(&self) -> watch::Receiver<Seq> {
        self.shared.watch_durable()
    }

    /// Returns whether the last process was interrupted while it copied the database; true only at
    /// the first call.
    pub fn take_was_stopped(&self) -> bool {
        self.shared.was_stopped.swap(false, Ordering::Relaxed)
    }

    /// Reads from the database. Every error or panic of the read is returned as an error.
    pub fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.lend_database(doing, |db| work(Reader::of(db)))
    }

    /// Reads from the database while commits wait: several reads then see the same state.
    pub fn read_still<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(Reader<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.read(doing, |reader| {
            let _still = self.still();
            work(reader)
        })
    }

    /// Lends the database itself. Only the engine, a check and tests may ask for it.
    pub fn lend_database<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&sled::Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.check()?;
        let db = lock::read(&self.shared.db);
        let Some(db) = db.as_ref() else {
            return Err(StoreError::Closed);
        };
        let outcome = catch_panic(|| work(db)).unwrap_or_else(|message| {
            // Reading moves pages, and so also panics on a full disk, which is not damage.
            if self.folder.check_space().is_err() {
                return Err(StoreError::panicked(doing, message));
            }
            Err(StoreError::damaged(format!(
                "{doing}: the database panicked: {message}"
            )))
        });
        outcome.inspect_err(|error| self.shared.remember(&self.folder, error))
    }

    /// Blocks commits until the guard is dropped.
    pub fn still(&self) -> RwLockReadGuard<'_, ()> {
        lock::read(&self.shared.gate)
    }

    /// Queues work for the committer; waits while the queue is full, by number or by bytes.
    pub fn submit(&self, work: Work) -> Result<Ticket, StoreError> {
        self.shared.check()?;
        let queue = lock(&self.queue).clone().ok_or(StoreError::Closed)?;
        let share = self.under_way.enter(work.n_bytes());
        let (reply, outcome) = sync_channel(1);
        match queue.send(Job { work, reply, share }) {
            Ok(()) => Ok(Ticket {
                outcome,
                shared: Arc::clone(&self.shared),
            }),
            Err(_gone) => Err(self.gone()),
        }
    }

    /// Queues a commit without waiting for the disk. It is encoded on the caller's thread.
    pub fn commit(&self, commit: Commit) -> Result<Ticket, StoreError> {
        self.submit(Work::Commit(Prepared::of(commit)?))
    }

    /// Writes rows in one batch, which is on disk when this returns.
    pub fn write(&self, rows: Vec<Row>) -> Result<Committed, StoreError> {
        self.submit_rows(rows)?.wait()
    }

    /// Queues rows that are written in one batch.
    pub fn submit_rows(&self, rows: Vec<Row>) -> Result<Ticket, StoreError> {
        self.submit(Work::Rows { rows, fact: None })
    }

    /// Writes rows, and a journal entry that records a fact, in one batch.
    pub fn write_with_fact(
        &self,
        rows: Vec<Row>,
        fact: Option<(Timestamp, Fact)>,
    ) -> Result<Committed, StoreError> {
        let fact = fact.map(|(at, fact)| (at, entry::pack(None, &fact, None)));
        self.submit(Work::Rows { rows, fact })?.wait()
    }

    /// Writes rows, and the journal entry of a fact that a run found in a tenant, in one batch.
    pub fn write_with_entry(
        &self,
        rows: Vec<Row>,
        at: Timestamp,
        origin: (RunId, &Account),
        fact: &Fact,
    ) -> Result<Committed, StoreError> {
        let fact = Some((at, entry::pack(Some(origin), fact, None)));
        self.submit(Work::Rows { rows, fact })?.wait()
    }

    /// Removes the journal's first entries up to a position, as many as one write may, and keeps
    /// those that a row names.
    pub fn cut_journal(&self, upto: Seq) -> Result<Committed, StoreError> {
        self.submit(Work::Cut(upto))?.wait()
    }

    /// Removes these kept entries, except those that a row names.
    pub fn forget_entries(&self, kept: Vec<Seq>) -> Result<Committed, StoreError> {
        self.submit(Work::Forget(kept))?.wait()
    }

    /// Takes the next step of building the posting lists of a tenant, if there is one.
    pub fn build_postings(&self, no: TenantNo) -> Result<Committed, StoreError> {
        self.submit(Work::BuildPostings(no))?.wait()
    }

    /// Waits until the thread that writes has done everything before and has synced the files.
    pub fn answers(&self) -> Result<(), StoreError> {
        self.submit(Work::Nothing)?.wait().map(drop)
    }

    /// Returns whether nothing more may be written.
    pub fn is_closing(&self) -> bool {
        lock(&self.queue).is_none()
    }

    /// Waits until the committer has finished what is queued, then closes the database.
    pub fn close(&self) -> Result<(), StoreError> {
        drop(lock(&self.queue).take());
        let committer = lock(&self.committer).take();
        if let Some(committer) = committer
            && committer.join().is_err()
        {
            tracing::error!("The committer of the store panicked");
        }
        let db = lock::write(&self.shared.db).take();
        let is_open = db.is_some();
        close_db(db);
        if is_open && let Err(refused) = files::hand_over(&self.folder.current()) {
            tracing::warn!(error = %refused, "The store's files could not be given to their owner");
        }
        let outcome = self.shared.check();
        if is_open
            && outcome.is_ok()
            && let Err(refused) = open_mark::clear(&self.folder)
        {
            tracing::warn!(error = %refused, "The store's mark `open` could not be removed at the close");
        }
        drop(lock(&self.lock).take());
        outcome
    }

    fn gone(&self) -> StoreError {
        self.shared.check().err().unwrap_or(StoreError::Closed)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // A caller that needs to know of a failure calls `close`. Here, the failure is only logged.
        drop(self.close());
    }
}

/// A commit under way.
#[must_use = "a commit counts once it was waited for"]
pub struct Ticket {
    outcome: Receiver<Result<Committed, StoreError>>,
    shared: Arc<Shared>,
}

impl Ticket {
    /// Waits until the commit is on disk.
    pub fn wait(self) -> Result<Committed, StoreError> {
        match self.outcome.recv() {
            Ok(outcome) => outcome,
            Err(_committer_ended) => {
                self.shared.check()?;
                Err(StoreError::Closed)
            }
        }
    }
}
