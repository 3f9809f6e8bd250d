//! What the writing threads share with readers: the database, and the first fatal error, which
//! answers every call from then on.

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, OnceLock, RwLock};

use tokio::sync::watch;

use crate::lock;
use crate::model::Seq;
use crate::store::error::StoreError;
use crate::telemetry::chain;

use super::compaction::changes::Changes;
use super::files::Folder;
use super::nudge::nudge;
use super::writing::live_size::LiveSize;

/// What the writing threads share with readers.
pub struct Shared {
    /// `None` after the close.
    pub db: RwLock<Option<sled::Db>>,
    /// Locked for writing while a batch is applied, and for reading by a scan that must not see
    /// half a batch: sled's iterators are not snapshots.
    pub gate: RwLock<()>,
    /// The journal's last entry that is on disk. Later entries may be lost in a power cut and their
    /// positions reused, so they are shown to nobody.
    durable: watch::Sender<Seq>,
    /// The amount of live data.
    pub live_size: Mutex<LiveSize>,
    /// The keys written while the database is copied; `None` if no copy is under way.
    pub changes: Mutex<Option<Changes>>,
    /// Whether the last process was interrupted while it copied the database.
    pub was_stopped: AtomicBool,
    fatal: OnceLock<StoreError>,
}

impl Shared {
    pub fn new(db: sled::Db, durable: Seq, live_size: LiveSize) -> Self {
        Self {
            db: RwLock::new(Some(db)),
            gate: RwLock::new(()),
            durable: watch::Sender::new(durable),
            live_size: Mutex::new(live_size),
            changes: Mutex::new(None),
            was_stopped: AtomicBool::new(false),
            fatal: OnceLock::new(),
        }
    }

    /// Returns the database. Do not keep it: a copy may replace it.
    pub fn database(&self) -> Result<sled::Db, StoreError> {
        lock::read(&self.db).clone().ok_or(StoreError::Closed)
    }

    /// Makes the database check again what it waits for, unless it is just being replaced.
    pub fn nudge(&self) {
        if let Ok(db) = self.db.try_read()
            && let Some(db) = db.as_ref()
        {
            nudge(db);
        }
    }

    pub fn durable(&self) -> Seq {
        *self.durable.borrow()
    }

    pub fn set_durable(&self, last: Seq) {
        self.durable.send_replace(last);
    }

    /// Returns a view of the last entry on disk that can be waited for.
    pub fn watch_durable(&self) -> watch::Receiver<Seq> {
        self.durable.subscribe()
    }

    pub fn check(&self) -> Result<(), StoreError> {
        match self.fatal.get() {
            Some(fatal) => Err(fatal.clone()),
            None => Ok(()),
        }
    }

    /// Remembers the first fatal error. If it is damage, leaves a note for the next start.
    pub fn remember(&self, folder: &Folder, error: &StoreError) {
        if !error.is_fatal() || self.fatal.set(error.clone()).is_err() {
            return;
        }
        tracing::error!(
            code = error.code(),
            error = %chain(error),
            "The store cannot continue; the process must be restarted"
        );
        if let StoreError::Damaged { what } = error
            && let Err(refused) = folder.note_damage(what)
        {
            tracing::error!(error = %refused, "The damage could not be noted for the next start");
        }
    }
}
