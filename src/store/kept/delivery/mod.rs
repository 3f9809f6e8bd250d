//! How far deliveries to each endpoint have got: what is settled, what failed, what was requested.
//!
//! An endpoint's cursor is one row. Whatever would keep it from advancing gets a row of its own and
//! is skipped: a delivery that failed and will be retried, along with those of the same record that
//! wait behind it (`Deferred`), one that was given up (`Parked`), one that an operator wants
//! sent again (a replay). Only the endpoint's worker writes the cursor and deferred rows;
//! operators' requests arrive as rows that the worker picks up: replays and orders.

mod attempt_log;
mod cursors;
mod orders;
mod orphaned_endpoints;
mod progress;
mod rows;

pub use attempt_log::{ATTEMPTS_AT_ONCE, AttemptLog};
pub use progress::{DeliveryChange, MAX_CHANGES, Progress};
pub use rows::MAX_DEFERRED;
