//! Keeps what is known of the tenants, everything that happened, and how far all who work
//! with it are: sled 0.34.7 behind one door, with its rough edges on our side of it.
//!
//! # Where what is
//!
//! - `handle.rs` is the store as everybody else holds it; `kept/` is what may be asked of it.
//! - `engine/` is all that is sled's. Its `mod.rs` says which calls cross the line between the two,
//!   where a second engine would come.
//! - `layout/` is keys and bytes, frozen for each format; `check/` reads everything and compares.
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
//!   every entry is there; before it only those that a row names, in a keyspace of their own.
//!   Readers take the cut for no damage. Maintenance (`pass.rs`) goes in steps of one write.
//! - **Disk space is only given back by a copy** (`beside.rs`), made while all go on, which takes the
//!   place of the database by renames after it was read back (`replacement.rs`, `swap.rs`): each
//!   step of it may be the last. So nobody keeps a handle of the database: it is asked for anew.
//! - **What lives here is added up** (`tally.rs`): each write takes the sum along, and nobody counts.
//!
//! # What opening does, in order
//!
//! Our lock (sled releases its own late); the mark that a process which was killed has left, or the copy of
//! one (`open_mark.rs`), of which everything is checked first; what a compaction left that was stopped; disk
//! space to write, since sled panics on a full disk as on damage; half-written files removed, for one of them makes
//! every open fail; a copy of the files, if the log has a gap (`untouched.rs`); the open itself, with panics
//! caught and patience with sled's lock; the format, refusing a newer one; the mark; journal, cursors, all
//! fingerprints and a sample of records, or everything if the log had a gap. Without one, for a million
//! users that is well under a second.
//!
//! # What is left out on purpose
//!
//! `len`, `checksum` and `export` stop the world; `watch_prefix` blocks the writer behind a
//! slow reader; `generate_id` leaves gaps; a tree per tenant would cost pages and atomicity.

mod check;
mod engine;
mod error;
mod handle;
mod kept;
mod layout;
mod tenant_no;

pub use check::CheckError;
pub use engine::calls::Ticket;
pub use engine::compaction::compacted::{CompactError, Compacted};
pub use engine::rows::census::Census;
pub use engine::rows::held::Entries;
pub use engine::rows::state::Kept;
pub use error::{Cause, OpenError, StoreError};
pub use handle::{Opened, Store};
pub use kept::commit::{Closing, Commit, Committed, MAX_QUIET, MAX_WRITES, Write};
pub use kept::delivery::{
    ATTEMPTS_AT_ONCE, Attempt, AttemptLog, Backfill, Change as DeliveryChange, Cursor, Deferred,
    Disabled, DisabledBy, Failing, InvalidItem, Item, MAX_CHANGES, MAX_DEFERRED, Order, Parked,
    Progress, Trouble,
};
pub use kept::held::Decision;
pub use kept::maintenance::pass::{Done, MaintenancePass};
pub use kept::maintenance::retention::Retention;
pub use kept::names::Names;
pub use kept::plan::{Plan, PlanHead};
pub use kept::runs::{NewRun, SinceSweep};
pub use kept::seen_events::{Bookmark, MAX_SEEN_EVENTS, SeenEvent};
pub use kept::tenants::Known;
pub use tenant_no::TenantNo;

#[cfg(test)]
mod tests;
