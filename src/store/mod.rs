//! Stores what is known of the tenants, everything that happened, and how far every consumer has
//! got. It wraps sled 0.34.7 behind one interface and keeps sled's rough edges inside.
//!
//! # Where to find what
//!
//! - `handle.rs` is the store as other layers use it; `kept/` has the calls that read and write it.
//! - `engine/` is everything that depends on sled. Its `mod.rs` lists the calls between the two,
//!   where a second engine would plug in; `values/` has what these calls pass.
//! - `layout/` defines keys and bytes, frozen for each format; `check/` reads everything and
//!   compares.
//!
//! `tests/tidy.rs` has the table of which of these may import which.
//!
//! # What must stay true
//!
//! - **State and journal move together.** A [`Commit`] is one batch on one tree: records, their
//!   fingerprints, the census, journal entries and the plan's progress. Such a batch survived every
//!   one of hundreds of kills; three batches in a row did not.
//! - **Acknowledged means synced, by us.** sled's `flush` hands the log to the kernel and leaves
//!   the sync to a thread that only logs its failures: of 20 simulated power cuts, 17 lost
//!   acknowledged data, most of them the whole store. The one writer flushes, syncs new files of
//!   large values and then the log through a handle of its own, and the committer answers all
//!   callers that wait. Entries that are not yet synced are visible to nobody.
//! - **At most 200 operations a batch.** sled collects garbage every so many batches, whatever
//!   their size: at 1000 operations a million updates cost a gigabyte of memory, at 200 they cost
//!   nothing. Callers count with [`Write::cost`].
//! - **Nothing slow within a batch.** One lock in sled serves the whole process and every database
//!   in it. Callers encode records and entries on their own threads; the writer packs records into
//!   their blocks before it takes that lock.
//! - **Records are packed**, some eight neighbours to a value (`block.rs`), and so are fingerprints
//!   (`bucket.rs`): sled's cost grows with the number of rows. A record has one place, the block
//!   that its id falls into, and each change rewrites that block.
//! - **Posting lists agree with the records, or say that they are not complete** (`posting/`). The
//!   batch of a commit includes its changes of these lists. The store derives them from the records
//!   that the commit replaces, so no caller can forget them.
//! - **No scan sees half a commit** where that matters: sled's iterators are not snapshots, so the
//!   scan of fingerprints blocks commits.
//! - **Every value is verified when it is read**, by a checksum that covers its key. Count and sum
//!   prove the fingerprints, the journal is dense, and the last acknowledged position is noted
//!   beside the database (`mark.rs`): sled silently opens a truncated log as a smaller store, or an
//!   empty one.
//! - **A damaged store is moved aside, never deleted, and never used.** A new store continues with
//!   whatever can still be read from it, and reports to everybody what is missing (`salvage/`).
//!   Damage found later stops the store and leaves a note for the next start.
//! - **After an error from sled nothing continues**: its threads may have died with it. The first
//!   fatal error answers every later call, and the process must restart.
//! - **Nobody waits for ever.** After a failed write sled may wait for something that never comes,
//!   in a flush and when it is closed. The committer gives it two minutes, nudging it, and the
//!   close gets some seconds.
//!
//! - **The journal begins where it was cut**, and a row says where that is (`cut.rs`). Every entry
//!   after the cut is there; before it only those that a row names, in a keyspace of their own.
//!   Readers do not mistake the cut for damage. Maintenance (`pass.rs`) works in steps of one
//!   write.
//! - **Only a copy gives disk space back** (`beside.rs`). It is made while everything else
//!   continues, is read back, and then replaces the database by renames (`replacement.rs`,
//!   `swap.rs`); a crash after any step must be harmless. So nobody keeps a handle to the database:
//!   each call asks for it again.
//! - **The live size is a running sum** (`live_size.rs`): each write updates it, so nobody has to
//!   count.
//!
//! # What opening does, in order
//!
//! Our lock (sled releases its own late); the remains of an interrupted compaction; the mark that a
//! killed process has left, or a copy of it (`open_mark.rs`), in which case everything is checked
//! before the store is used; the note of damage that an earlier process left; free disk space,
//! since sled panics on a full disk as it does on damage; removal of half-written files, any one of
//! which makes every open fail; a copy of the files, if the log has a gap (`untouched.rs`); the
//! open itself, catching panics and waiting for sled's lock; the format, refusing a newer one; an
//! interrupted commit, which is finished; the high-water mark; journal, cursors, all fingerprints
//! and a sample of records, and everything if the log had a gap; and last, the migration of an
//! older format. Without a gap and a migration, this takes well under a second for a million users.
//!
//! # What is left out on purpose
//!
//! `len`, `checksum` and `export` stop the world; `watch_prefix` blocks the writer behind a slow
//! reader; `generate_id` leaves gaps; a tree per tenant would cost pages and atomicity.

mod check;
mod engine;
mod error;
mod handle;
mod kept;
mod layout;
mod values;

pub use check::CheckError;
pub use engine::{BackedUp, BackupError, CompactError, Compacted, RestoreError, Restored, Ticket};
pub use error::{Cause, OpenError, StoreError};
pub use handle::{Opened, Store};
pub use kept::delivery::{
    ATTEMPTS_AT_ONCE, AttemptLog, DeliveryChange, MAX_CHANGES, MAX_DEFERRED, Progress,
};
pub use kept::held::Decision;
pub use kept::maintenance::pass::{Done, MaintenancePass};
pub use kept::maintenance::retention::Retention;
pub use kept::names::Names;
pub use kept::postings::PostedUsers;
pub use kept::rights::{Remains, USERS_IN_PART};
pub use kept::runs::{NewRun, SinceSweep};
pub use kept::seen_events::MAX_SEEN_EVENTS;
pub use kept::tenants::Known;
pub use values::audit::{Bookmark, SeenEvent};
pub use values::census::Census;
pub use values::commit::{Closing, Commit, Committed, MAX_QUIET, MAX_WRITES, Write};
pub use values::delivery::{
    Attempt, Backfill, Cursor, Deferred, Disabled, DisabledBy, Expansion, Failing, InvalidItem,
    Item, Order, Parked, Trouble,
};
pub use values::held::RemovalSum;
pub use values::licence::{
    EarlierReading, KeptLicence, LicenceEnd, LicenceReading, LicenceReport, Named,
};
pub use values::plan::{Plan, PlanHead};
pub use values::posting::PostingList;
pub use values::reading::ReadingMark;
pub use values::record::Kept;
pub use values::rights::{Behind, ListHead, RightsMark};
pub use values::skimmed::{Skimmed, UserEntry};
pub use values::space::{
    KeptSpace, SpaceDoubt, SpaceDoubts, SpaceNote, SpaceReading, SpaceReport, SpaceTodo, SpaceWrite,
};
pub use values::tenant_no::TenantNo;

#[cfg(test)]
mod tests;
