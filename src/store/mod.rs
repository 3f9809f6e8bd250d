//! Keeps what is known of the tenants, everything that happened, and how far all who work
//! with it are: sled 0.34.7 behind one door, with its rough edges on our side of it.
//!
//! # What must stay true
//!
//! - **State and journal move together.** A [`Commit`] is one batch on one tree: records,
//!   their fingerprints, the census, journal entries and the plan's progress. It was there
//!   after every one of hundreds of kills; three batches one after the other were not.
//! - **Acknowledged means synced, by us.** sled's `flush` hands the log to the kernel and
//!   leaves the sync to a thread that only logs its failures: of 20 simulated power cuts, 17
//!   lost what was acknowledged, most of them the whole store. The one writer flushes, syncs
//!   new files of large values and then the log through a handle of its own, and the
//!   committer answers all who wait. Entries that are not synced are shown to nobody.
//! - **200 operations a batch at the most.** sled collects garbage once for so many batches,
//!   whatever their size: at 1000 operations a million updates cost a gigabyte of memory, at
//!   200 they cost nothing. [`Write::cost`] is what a caller counts with.
//! - **Nothing slow within a batch.** One lock in sled serves the whole process, every
//!   database of it. Callers make the bytes of records and entries on their own threads; the
//!   committer packs records into their blocks before it takes that lock.
//! - **Records are packed**, some eight neighbours a value (`block.rs`), and so are fingerprints
//!   (`bucket.rs`): sled's cost goes by the row. A record has one place, the block that its id
//!   falls into, and each change rewrites that block.
//! - **No scan sees half a commit** where that matters: sled's iterators are no snapshots, so
//!   the scan of fingerprints holds the committer off.
//! - **Every value is verified when it is read**, by a checksum that takes in its key. The
//!   fingerprints are proved by count and sum, the journal is dense, and what was acknowledged
//!   last is noted beside the database (`mark.rs`): a log cut short opens as a smaller store,
//!   or an empty one, without a word.
//! - **A damaged store is moved aside, never deleted, and never worked with.** What reads of it a
//!   new one goes on with, which tells everybody what is missing (`salvage/`). Damage met later
//!   ends the store and leaves a note for the next start.
//! - **After an error of sled's nothing goes on**: its threads may have ended with it. The
//!   first fatal error answers every later call, and the process starts again.
//! - **Nobody waits for ever.** After a failed write sled may wait for what will never come,
//!   in a flush and when it is closed. The committer gives it two minutes, nudging it, and
//!   the close some seconds.
//!
//! - **The journal begins where it was cut**, and a row says where that is (`cut.rs`). Behind it
//!   every entry is there; before it only those that a row names, in a space of their own.
//!   Readers take the cut for no damage. Upkeep (`round.rs`) goes in steps of one write.
//! - **Room is only given back by a copy** (`beside.rs`), made while all go on, which takes the
//!   place of the database by renames after it was read back (`replacement.rs`, `swap.rs`): each
//!   step of it may be the last. So nobody keeps a handle of the database: it is asked for anew.
//! - **What lives here is added up** (`tally.rs`): each write takes the sum along, and nobody counts.
//!
//! # What opening does, in order
//!
//! Our lock (sled lets its own go late); the mark that a process which was killed has left, or the
//! copy of one (`open_mark.rs`), of which everything is checked first; what a compaction left that was stopped; room to write, since sled panics on a full disk as on
//! damage; half-written files removed, for one of them makes every open fail; the open
//! itself, with panics caught and patience with sled's lock; the format, refusing a newer
//! one; the mark; journal, cursors, all fingerprints and a sample of records. For a million
//! users that is well under a second.
//!
//! # What is left out on purpose
//!
//! `len`, `checksum` and `export` stop the world; `watch_prefix` blocks the writer behind a
//! slow reader; `generate_id` leaves gaps; a tree per tenant would cost pages and atomicity.

mod keys;

mod layout;
mod convert;

mod block;
mod bucket;
mod census;
mod codec;

mod commit;
mod committer;
mod compose;
mod cut;
mod writer;

mod caught;
mod check;
mod files;
mod log;
mod mark;
mod nudge;
mod open_mark;
mod opening;
mod pending;
mod room;
mod spare;
mod salvage;
mod starting;

mod inner;
mod under_way;
mod scan;

mod belief;
mod beside;
mod changes;
mod compact;
mod copying;
mod migrate;
mod progress;
mod remake;
mod replacement;
mod swap;

mod retention;
mod round;
mod tally;
mod usage;

mod absent;
mod accepted;
mod delivery;
mod held;
mod journal;
mod names;
mod news;
mod plan;
mod runs;
mod state;
mod links;
mod losses;
mod tenants;

mod error;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::model::StoreId;

pub use census::Census;
pub use check::CheckError;
pub use commit::{Closing, Commit, Committed, MAX_QUIET, MAX_WRITES, Write};
pub use compact::{CompactError, Compacted};
pub use delivery::{
    ATTEMPTS_AT_ONCE, Attempt, AttemptLog, Backfill, Change as DeliveryChange, Cursor, Deferred,
    Disabled, DisabledBy, Failing, InvalidItem, Item, MAX_CHANGES, MAX_DEFERRED, Order, Parked,
    Progress, Trouble,
};
pub use error::{Cause, OpenError, StoreError};
pub use held::{Decision, Entries};
pub use inner::Ticket;
pub use names::Names;
pub use news::{Bookmark, Heard, MAX_HEARD};
pub use plan::{Plan, PlanHead};
pub use retention::Retention;
pub use round::{Done, Round};
pub use runs::{NewRun, SinceSweep};
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
/// Every call blocks: async code goes through [`Store::offload`]. Entries are only shown once
/// they are on disk; records a moment before.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
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
        opening::open(path)
    }

    /// The same by a clock that somebody sets: versions begin at its time.
    pub fn open_by(path: &Path, clock: &Clock) -> Result<Opened, OpenError> {
        opening::open_by(path, clock)
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
