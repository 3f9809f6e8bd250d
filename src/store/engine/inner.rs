//! What all clones of a [`Store`](crate::store::handle::Store) share: the database behind its guards, the way
//! to the committer, and the first fatal error, which answers everything from then on.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::model::{Seq, StoreId};
use crate::store::error::StoreError;
use crate::store::kept::commit::Committed;
use crate::store::kept::maintenance::belief::Running;
use crate::store::layout::keys::Key;
use crate::telemetry::chain;

use super::caught::caught;
use super::compaction::changes::Changes;
use super::files::{self, Folder, open_mark};
use super::nudge::nudge;
use super::writing::committer::{Job, Work};
use super::writing::tally::Tally;
use super::writing::under_way::UnderWay;

/// How long sled may take to release its files.
const CLOSE_PATIENCE: Duration = Duration::from_secs(5);

pub struct Inner {
    pub id: StoreId,
    pub folder: Folder,
    pub shared: Arc<Shared>,
    queue: Mutex<Option<SyncSender<Job>>>,
    under_way: UnderWay,
    committer: Mutex<Option<JoinHandle<()>>>,
    /// By what time things are old; `None` before the first look at the clocks.
    pub belief: Mutex<Option<Running>>,
    /// Numbers of tenants and runs are given by reading what there is and writing one more.
    pub numbering: Mutex<()>,
    /// Let go last: the next process finds everything done.
    lock: Mutex<Option<File>>,
}

/// What the committer shares with those who read.
pub struct Shared {
    /// None after the close.
    pub db: RwLock<Option<sled::Db>>,
    /// Held in writing while a batch is applied, in reading by a scan that must not see half
    /// of one: sled's iterators are no snapshots.
    pub gate: RwLock<()>,
    /// The journal's last entry that is on disk. What is behind it may be gone after a power
    /// cut and its place taken by another, so nobody is shown it.
    durable: AtomicU64,
    /// What lives in the database.
    pub tally: Mutex<Tally>,
    /// What is written while it is copied; `None` if it is not.
    pub changes: Mutex<Option<Changes>>,
    /// Whether the last process was stopped while it copied the database.
    pub was_stopped: AtomicBool,
    fatal: OnceLock<StoreError>,
}

impl Shared {
    pub fn new(db: sled::Db, durable: Seq, tally: Tally) -> Self {
        Self {
            db: RwLock::new(Some(db)),
            gate: RwLock::new(()),
            durable: AtomicU64::new(durable.0),
            tally: Mutex::new(tally),
            changes: Mutex::new(None),
            was_stopped: AtomicBool::new(false),
            fatal: OnceLock::new(),
        }
    }

    /// Returns the database. Not to be kept: a copy may take its place.
    pub fn database(&self) -> Result<sled::Db, StoreError> {
        let db = self.db.read().unwrap_or_else(PoisonError::into_inner);
        db.clone().ok_or(StoreError::Closed)
    }

    /// Has the database look again at what it waits for, unless another takes its place just now.
    pub fn nudge(&self) {
        if let Ok(db) = self.db.try_read()
            && let Some(db) = db.as_ref()
        {
            nudge(db);
        }
    }

    pub fn durable(&self) -> Seq {
        Seq(self.durable.load(Ordering::Acquire))
    }

    pub fn set_durable(&self, last: Seq) {
        self.durable.store(last.0, Ordering::Release);
    }

    pub fn check(&self) -> Result<(), StoreError> {
        match self.fatal.get() {
            Some(fatal) => Err(fatal.clone()),
            None => Ok(()),
        }
    }

    /// Remembers a fatal error, the first, and leaves word of damage for the next start.
    pub fn remember(&self, folder: &Folder, error: &StoreError) {
        if !error.is_fatal() || self.fatal.set(error.clone()).is_err() {
            return;
        }
        tracing::error!(
            code = error.code(),
            error = %chain(error),
            "The store cannot go on; the process has to be started again"
        );
        if let StoreError::Damaged { what } = error
            && let Err(refused) = folder.note_damage(what)
        {
            tracing::error!(error = %refused, "The damage could not be noted for the next start");
        }
    }
}

impl Inner {
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
            belief: Mutex::new(None),
            numbering: Mutex::new(()),
            lock: Mutex::new(Some(lock)),
        }
    }

    pub fn watch(&self, committer: JoinHandle<()>) {
        *held(&self.committer) = Some(committer);
    }

    /// Reads from the database: every error and panic there ends as an error here.
    pub fn read<T>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&sled::Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.shared.check()?;
        let db = self
            .shared
            .db
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(db) = db.as_ref() else {
            return Err(StoreError::Closed);
        };
        let outcome = caught(|| work(db)).unwrap_or_else(|message| {
            // Reading moves pages, and so panics on a full disk too, which is no damage.
            if self.folder.check_room().is_err() {
                return Err(StoreError::panicked(doing, message));
            }
            Err(StoreError::damaged(format!(
                "{doing}: the database panicked: {message}"
            )))
        });
        outcome.inspect_err(|error| self.shared.remember(&self.folder, error))
    }

    /// Queues work for the committer; waits while the queue is full, by number or by bytes.
    pub fn submit(&self, work: Work) -> Result<Ticket, StoreError> {
        self.shared.check()?;
        let queue = held(&self.queue).clone().ok_or(StoreError::Closed)?;
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

    /// Writes rows in one batch, on disk when it returns.
    pub fn write(&self, rows: Vec<(Key, Option<Vec<u8>>)>) -> Result<Committed, StoreError> {
        self.submit(Work::rows(rows))?.wait()
    }

    /// Returns whether nothing more may be written.
    pub fn is_closing(&self) -> bool {
        held(&self.queue).is_none()
    }

    /// Lets the committer finish what is queued, and the database go.
    pub fn close(&self) -> Result<(), StoreError> {
        drop(held(&self.queue).take());
        let committer = held(&self.committer).take();
        if let Some(committer) = committer
            && committer.join().is_err()
        {
            tracing::error!("The committer of the store panicked");
        }
        let db = self
            .shared
            .db
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let is_open = db.is_some();
        let_go(db);
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
        drop(held(&self.lock).take());
        outcome
    }

    fn gone(&self) -> StoreError {
        self.shared.check().err().unwrap_or(StoreError::Closed)
    }
}

/// Lets the database go, and does not wait for ever: after a failed write it may wait for a
/// buffer that nobody will write. Everything that was acknowledged is on disk before.
pub fn let_go(db: Option<sled::Db>) {
    let (done, gone) = sync_channel(1);
    let letting_go = thread::Builder::new()
        .name("store-close".to_owned())
        .spawn(move || drop(done.send(caught(|| drop(db)))));
    if let Err(refused) = letting_go {
        tracing::warn!(error = %refused, "No thread could be started to close the database");
    }
    match gone.recv_timeout(CLOSE_PATIENCE) {
        Ok(Err(message)) => {
            tracing::warn!(panic = message, "The database panicked while it was closed");
        }
        Err(RecvTimeoutError::Timeout) => {
            tracing::warn!("The database does not close; it ends with the process");
        }
        Ok(Ok(())) | Err(RecvTimeoutError::Disconnected) => {}
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // Whoever wants to know of a failure calls `close`; it is logged where it happened.
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

/// A lock that outlives a panic of whoever held it: what it guards is whole at any time.
pub fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
