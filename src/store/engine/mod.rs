//! Everything that is sled's: opens its files, reads and writes rows, and gives disk space back.
//!
//! # The line
//!
//! What is kept (`kept/`) and the handle never name sled. They ask the engine by these calls alone:
//!
//! - **Open:** [`opening::open`] opens a folder, or salvages it; [`compaction::compact`] compacts one
//!   that nobody has open.
//! - **Read:** [`calls::Engine::read`] lends the database to a closure. There [`scan`] gets a value or
//!   walks a range, and [`rows`] reads what has a meaning. [`calls::Engine::still`] keeps commits
//!   out while rows must be of one moment.
//! - **Write:** [`calls::Engine::submit`] queues a [`writing::work::Work`]: a commit, rows, a cut of
//!   the journal. [`calls::Engine::write`] writes rows and waits for the disk.
//! - **Ask:** its id, the last entry that is on disk, whether it has failed, what lives in it, and
//!   how much of the disk its folder takes.
//! - **Give disk space back:** a [`compaction::beside::Beside`] in steps.
//!
//! A second engine that keeps keys and values comes in the place of these calls. One with tables
//! (`PostgreSQL`) also brings its own [`rows`]: there it answers what `kept/` asks for in queries. What
//! stays is above the line, with `layout/`, whose bytes it would store as they are.
//!
//! `check/` reads a whole database, and so is this engine's, too.

pub mod calls;
pub mod catch_panic;
pub mod compaction;
pub mod files;
pub mod garbage;
pub mod log;
pub mod migrate;
pub mod nudge;
pub mod opening;
pub mod rows;
pub mod salvage;
pub mod scan;
pub mod shared;
pub mod writing;
