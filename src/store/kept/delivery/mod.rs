//! How far deliveries to each endpoint are: what is settled, what failed, what was asked for.
//!
//! An endpoint's cursor is one row. Whatever keeps it from moving on gets a row of its own and
//! is stepped over: a delivery that failed and is tried again, with those of the same record
//! that wait behind it ([`Deferred`]), one that was given up on ([`Parked`]), one that an
//! operator wants once more (a replay). One writer, the endpoint's worker, writes cursor and
//! deferred rows; what operators want comes as rows that it takes up: replays and orders.

mod attempt;
mod attempt_log;
mod cursor;
mod cursors;
mod item;
mod orders;
mod progress;
mod rows;
mod orphaned_endpoints;

pub use attempt::Attempt;
pub use attempt_log::{ATTEMPTS_AT_ONCE, AttemptLog};
pub use cursor::{Backfill, Cursor, Disabled, DisabledBy, Failing, Trouble};
pub use item::{InvalidItem, Item};
pub use orders::Order;
pub use progress::{Change, MAX_CHANGES, Progress};
pub use rows::{Deferred, MAX_DEFERRED, Parked};

pub(in crate::store) use attempt::read as read_attempts;
pub(in crate::store) use cursor::read as read_cursor;
