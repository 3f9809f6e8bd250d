//! The store as everybody else holds it: opens and closes it, takes commits, and takes blocking
//! work off async threads.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::clock::Clock;
use crate::model::StoreId;
use crate::store::engine::calls::{Engine, Ticket};
use crate::store::engine::compaction::compact;
use crate::store::engine::compaction::compacted::{CompactError, Compacted};
use crate::store::engine::compaction::rule::Rule;
use crate::store::engine::opening::open;
use crate::store::engine::opening::starting::Started;
use crate::store::engine::writing::work::Work;
use crate::store::error::{OpenError, StoreError};
use crate::store::kept::commit::{Commit, Committed};
use crate::store::kept::maintenance::belief::Running;

/// The store. Clones are cheap and share it; the last to go closes it.
///
/// Every call blocks: async code goes through [`Store::offload`]. Entries are only shown once
/// they are on disk; records a moment before.
#[derive(Clone)]
pub struct Store {
    pub(in crate::store) engine: Arc<Engine>,
    pub(in crate::store) guards: Arc<Guards>,
}

/// What clones of a store have in common beside the engine.
#[derive(Default)]
pub struct Guards {
    /// Numbers of tenants and runs are given by reading what there is and writing one more.
    pub numbering: Mutex<()>,
    /// By what time things are old; `None` before the first look at the clocks.
    pub belief: Mutex<Option<Running>>,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where a damaged store is that was found in its place; this one holds what reads of it.
    pub moved_aside: Option<PathBuf>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a folder, or makes one there. One that is damaged is moved aside, and what
    /// reads of it is in the one that opens.
    pub fn open(path: &Path) -> Result<Opened, OpenError> {
        Self::open_by(path, &Clock::system())
    }

    /// The same by a clock that somebody sets: versions begin at its time.
    pub fn open_by(path: &Path, clock: &Clock) -> Result<Opened, OpenError> {
        let Started {
            engine,
            moved_aside,
        } = open::open(path, clock)?;
        let guards = Arc::default();
        Ok(Opened {
            store: Self { engine, guards },
            moved_aside,
        })
    }

    /// Gives disk space back that the store in a folder does not need. Nobody may have it open.
    pub fn compact(path: &Path) -> Result<Compacted, CompactError> {
        compact::at(path)
    }

    /// Gives disk space back that this store does not need, while it is worked with.
    pub fn compact_beside(&self) -> Result<Compacted, CompactError> {
        self.engine.compact(Rule::USUAL)
    }

    /// Returns the id that tells this store from every other.
    pub fn id(&self) -> StoreId {
        self.engine.id
    }

    /// Runs blocking work with the store on a thread for such.
    ///
    /// A panic in `work` goes on in the caller.
    pub async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        self.begin(work).await
    }

    /// The same, begun when it is called and not when it is first awaited.
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
                    // Never begun: the runtime is going down, and whoever waits here with it.
                    Err(_cancelled) => std::future::pending().await,
                },
            }
        }
    }

    /// Returns whether the store has failed for good: the process must end and start again.
    pub fn is_broken(&self) -> bool {
        self.engine.shared.check().is_err()
    }

    /// Queues a commit and does not wait for the disk; waits only while the queue is full.
    /// Commits are applied in the order in which they are submitted.
    pub fn submit(&self, commit: Commit) -> Result<Ticket, StoreError> {
        self.engine.submit(Work::Commit(commit.prepare()?))
    }

    /// Writes a commit; on disk when it returns.
    pub fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.submit(commit)?.wait()
    }

    /// Finishes what was submitted and closes the store, for all clones. A store may be opened
    /// in the same place right after.
    pub fn close(&self) -> Result<(), StoreError> {
        self.engine.close()
    }
}
