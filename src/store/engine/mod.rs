//! Everything that is sled's: opens its files, reads and writes rows, and gives room back.

pub mod caught;
pub mod compaction;
pub mod files;
pub mod inner;
pub mod log;
pub mod migrate;
pub mod nudge;
pub mod opening;
pub mod rows;
pub mod salvage;
pub mod scan;
pub mod writing;
