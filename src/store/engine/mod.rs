//! Everything that depends on sled: opens its files, reads and writes rows, and frees disk space.
//!
//! # The boundary
//!
//! `kept/` and the handle use what this file re-exports; `tests/tidy.rs` finds an import that goes
//! deeper. What crosses the boundary is in `values/`, and no type of sled crosses it: a read gets a
//! [`Reader`](reader::Reader), which shows what it finds and not where. A second engine has to
//! offer:
//!
//! - **Open and close:** [`open()`] opens a folder, or salvages it; [`compact_at`] compacts one
//!   that nobody has open; [`Engine::close`] finishes what was submitted.
//! - **Read:** [`Engine::read`] runs a closure with a reader, [`Engine::read_still`] one that must
//!   see a single state. The reader finds records, fingerprints, entries and runs by what they are,
//!   and any other row by its key.
//! - **Write:** [`Engine::commit`] takes a commit as a value and encodes it. [`Engine::write`] and
//!   [`Engine::submit_rows`] take rows, [`Engine::write_with_fact`] and
//!   [`Engine::write_with_entry`] rows and an entry. [`Engine::cut_journal`] and
//!   [`Engine::forget_entries`] shorten the journal, and [`Engine::build_postings`] does one step
//!   of building the posting lists, which commits then keep up to date. Each call is one atomic
//!   write, and is answered when it is on disk.
//! - **Ask:** its id, the last entry that is on disk, whether it has failed or was interrupted, how
//!   much live data it has, and how much of the disk it takes.
//! - **Free disk space:** [`Engine::wanted`] says whether that is worth it; [`Engine::count_on`]
//!   and [`Beside`] do it in steps.
//! - **Note the time** that is believed, apart from the data: [`Engine::note_clock`].
//!
//! # What a second engine means
//!
//! [`Engine`] and the reader become traits, or enums of both engines; no signature above has to
//! change. An engine with tables (`PostgreSQL`) answers for records, entries and runs by queries.
//! Commits come as values, so it fills these tables as it likes. All other rows come with the keys
//! and bytes of `layout/`, so they fit a table of keys and values; this includes the rows of runs,
//! which `kept/` writes by key: a table of runs would need a call that writes it.
//!
//! The limits of one write (`values/commit.rs`, and the constants in `kept/` that follow from it)
//! are sled's. `check/` reads sled's rows, so it belongs to this engine, too: an opening and a
//! compaction call it.

pub mod backup;
pub mod calls;
pub mod catch_panic;
pub mod compaction;
pub mod files;
pub mod garbage;
pub mod log;
pub mod migrate;
pub mod nudge;
pub mod opening;
pub mod reader;
pub mod rows;
pub mod salvage;
pub mod scan;
pub mod shared;
mod sled_error;
pub mod writing;

pub use backup::{BackedUp, BackupError, RestoreError, Restored};
pub use backup::{
    restore as restore_backup, take as take_restored, verify as verify_backup,
    write as write_backup,
};
pub use calls::{Engine, Ticket};
pub use compaction::beside::Beside;
pub use compaction::compact::at as compact_at;
pub use compaction::compacted::{CompactError, Compacted};
pub use compaction::rule::Rule;
pub use compaction::wanted::{DiskUsage, Wanted};
pub use opening::open::open;
pub use opening::starting::Started;
