//! The store.

mod keys;

mod bucket;
mod census;
mod codec;

mod commit;
mod committer;
mod compose;

mod caught;
mod check;
mod files;
mod mark;
mod opening;

mod inner;
mod scan;

mod cursors;
mod journal;
mod plan;
mod runs;
mod state;
mod tenants;

mod error;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::StoreId;

pub use census::Census;
pub use commit::{Closing, Commit, Committed, MAX_QUIET, MAX_WRITES, Write};
pub use cursors::{Cursor, Parked};
pub use error::{Cause, OpenError, StoreError};
pub use inner::Ticket;
pub use plan::{Plan, PlanHead};
pub use runs::NewRun;
pub use state::Kept;
pub use tenants::Known;

use committer::Work;
use inner::Inner;

/// Number of a tenant within one store: short, so that keys are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantNo(pub(in crate::store) u32);

impl fmt::Display for TenantNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The store. Clones are cheap and share it; the last to go closes it.
///
/// Every call blocks: async code goes through [`Store::offload`].
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

/// A store that was opened.
#[derive(Debug)]
pub struct Opened {
    /// The store.
    pub store: Store,
    /// Where a damaged store is that was found in its place; this one is empty then.
    pub moved_aside: Option<PathBuf>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in a folder, or makes one there. One that is damaged is moved aside.
    pub fn open(path: &Path) -> Result<Opened, OpenError> {
        opening::open(path)
    }

    /// Returns the id that tells this store from every other.
    pub fn id(&self) -> StoreId {
        self.inner.id
    }

    /// Runs blocking work with the store on a thread for such.
    ///
    /// A panic in `work` goes on in the caller.
    pub async fn offload<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> T + Send + 'static,
    ) -> T {
        let store = self.clone();
        match tokio::task::spawn_blocking(move || work(&store)).await {
            Ok(outcome) => outcome,
            Err(ended) => match ended.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Never begun: the runtime is going down, and whoever waits here with it.
                Err(_cancelled) => std::future::pending().await,
            },
        }
    }

    /// Returns whether the store has failed for good: the process must end and start again.
    pub fn is_broken(&self) -> bool {
        self.inner.shared.check().is_err()
    }

    /// Queues a commit and does not wait for the disk; waits only while the queue is full.
    /// Commits are applied in the order in which they are submitted.
    pub fn submit(&self, commit: Commit) -> Result<Ticket, StoreError> {
        self.inner.submit(Work::Commit(commit.prepare()?))
    }

    /// Writes a commit; on disk when it returns.
    pub fn commit(&self, commit: Commit) -> Result<Committed, StoreError> {
        self.submit(commit)?.wait()
    }

    /// Finishes what was submitted and closes the store, for all clones. A store may be opened
    /// in the same place right after.
    pub fn close(&self) -> Result<(), StoreError> {
        self.inner.close()
    }
}

#[cfg(test)]
mod tests;
