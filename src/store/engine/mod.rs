//! Everything that depends on sled: opens its files, reads and writes rows, and frees disk space.
//!
//! # The line
//!
//! `kept/` and the handle never name sled. They use the engine by these calls alone:
//!
//! - **Open:** [`opening::open`] opens a folder, or salvages it; [`compaction::compact`] compacts
//!   one that nobody has open.
//! - **Read:** [`calls::Engine::read`] lends the database to a closure. There [`scan`] gets a value
//!   or walks a range, and [`rows`] reads rows into values. [`calls::Engine::still`] blocks commits
//!   while several reads must see the same state.
//! - **Write:** [`calls::Engine::submit`] queues a [`writing::work::Work`]: a commit, rows, a cut
//!   of the journal. [`calls::Engine::write`] writes rows and waits for the disk.
//! - **Ask:** its id, the last entry that is on disk, whether it has failed, how much live data it
//!   has, and how much of the disk its folder takes.
//! - **Free disk space:** a [`compaction::beside::Beside`] in steps.
//!
//! A second engine that stores keys and values would implement these calls. One with tables
//! (`PostgreSQL`) would also bring its own [`rows`], and answer by queries what `kept/` asks for.
//! Everything above the line stays, and so does `layout/`, whose bytes it would store as they are.
//!
//! `check/` reads a whole database, so it belongs to this engine, too.

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
