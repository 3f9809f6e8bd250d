//! The store as other layers use it: opens and closes it, takes commits, and runs blocking work off
//! async threads.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::clock::Clock;
use crate::model::{StoreCheck, StoreId};
use crate::store::check::{self, CheckError};
use crate::store::engine::{
    self, BackedUp, BackupError, CompactError, Compacted, Engine, RestoreError, Restored, Rule,
    Started, Ticket,
};
use crate::store::error::{OpenError, StoreError};
use crate::store::values::belief::Running;
use crate::store::values::commit::{Commit, Committed};

/// The store. Clones are cheap and share it; dropping the last one closes it.
///
/// Every call blocks: async code goes through [`Store::offload`]. Entries become visible only once
/// they are on disk; records become visible a moment earlier.
#[derive(Clone)]
pub struct Store {
    pub(in crate::store) engine: Arc<Engine>,
    pub(in crate::store) guards: Arc<Guards>,
}

/// What the clones of a store share besides the engine.
#[derive(Default)]
pub struct Guards {
    /// Taken while a tenant or run gets its number, which is one more than the highest in the
    /// store.
    pub numbering: Mutex<()>,
    /// The time by which ages are measured; `None` before the first look at the clocks.
    pub belief: Mutex<Option<Running>>,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// The new place of a damaged store that was found here; `store` contains what could still be
    /// read from it. `None` if the store was sound.
    pub moved_aside: Option<PathBuf>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a folder, or creates one there. A damaged store is moved aside, and the
    /// store that opens contains what could still be read from it.
    pub fn open(path: &Path) -> Result<Opened, OpenError> {
        Self::open_by(path, &Clock::system())
    }

    /// Does the same with a given clock: versions begin at its time.
    pub fn open_by(path: &Path, clock: &Clock) -> Result<Opened, OpenError> {
        let Started {
            engine,
            moved_aside,
        } = engine::open(path, clock)?;
        let guards = Arc::default();
        Ok(Opened {
            store: Self { engine, guards },
            moved_aside,
        })
    }

    /// Frees disk space that the store in a folder does not need. Nobody may have it open.
    pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
        engine::compact_at(path)
    }

    /// Frees disk space that this store does not need, while it stays in use.
    pub fn compact_beside(&self) -> Result<Compacted, CompactError> {
        self.engine.compact(Rule::USUAL)
    }

    /// Writes a backup of the store while it is in use.
    pub fn back_up(&self, out: impl io::Write) -> Result<BackedUp, BackupError> {
        engine::write_backup(&self.engine, out)
    }

    /// Compares the checksum of a backup with its content.
    pub fn verify_backup(file: &Path) -> Result<(), RestoreError> {
        engine::verify_backup(file).map(drop)
    }

    /// Makes the store of a backup in an empty folder, and lets it report that history was cut.
    pub fn restore(file: &Path, path: &Path) -> Result<Restored, RestoreError> {
        let restored = engine::restore_backup(file, path)?;
        let made = Self::open(&restored.made_in);
        let made = made.map_err(|source| RestoreError::Open { source });
        let noted = made.and_then(|opened| {
            let now = Clock::system().now();
            let noted = opened.store.note_restored(now);
            noted
                .and_then(|()| opened.store.close())
                .map_err(|source| RestoreError::Write {
                    path: path.to_owned(),
                    source,
                })
        });
        noted
            .and_then(|()| engine::take_restored(&restored, path))
            .inspect_err(|_failed| drop(std::fs::remove_dir_all(&restored.made_in)))?;
        Ok(restored)
    }

    /// Checks the store in a folder, in any format, and changes nothing in it. Nobody may have it
    /// open.
    pub fn check_at(path: &Path) -> Result<StoreCheck, CheckError> {
        check::offline(path)
    }

    /// Checks the store while it is in use.
    pub fn check(&self) -> Result<StoreCheck, StoreError> {
        check::online(&self.engine)
    }

    /// Returns the id that distinguishes this store from every other.
    pub fn id(&self) -> StoreId {
        self.engine.id
    }

    /// Runs blocking work on the store on a thread for blocking work.
    ///
    /// A panic in `work` continues in the caller.
    pub async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        self.begin(work).await
    }

    /// Does the same, but starts the work at this call and not when the result is first awaited.
    pub fn begin<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || work(&store));
        async move {
            match task.await {
                Ok(outcome) => outcome,
                Err(ended) => match ended.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // It never started: the runtime is shutting down, along with the caller.
                    Err(_cancelled) => std::future::pending().await,
                },
            }
        }
    }

    /// Returns whether the store has failed for good: the process must end and start again.
    pub fn is_broken(&self) -> bool {
        self.engine.check().is_err()
    }

    /// Waits until everything that was submitted before is on disk, which shows that the store can
    /// still be written to.
    pub fn answers(&self) -> Result<(), StoreError> {
        self.engine.answers()
    }

    /// Queues a commit without waiting for the disk; it waits only while the queue is full. Commits
    /// are applied in the order in which they are submitted.
    pub fn submit(&self, commit: Commit) -> Result<Ticket, StoreError> {
        self.note_late_users(&commit)?;
        self.engine.commit(commit)
    }

    /// Writes a commit, which is on disk when this returns.
    pub fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.submit(commit)?.wait()
    }

    /// Returns how many rows this thread has read from any store.
    #[cfg(test)]
    pub fn n_rows_read() -> u64 {
        engine::scan::N_READ.get()
    }

    /// Finishes what was submitted and closes the store, for all clones. The same folder can be
    /// opened again right after.
    pub fn close(&self) -> Result<(), StoreError> {
        self.engine.close()
    }
}
