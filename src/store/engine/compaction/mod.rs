//! Frees disk space by a copy that replaces the database.

pub mod beside;
pub mod changes;
pub mod compact;
pub mod compacted;
pub mod copy;
pub mod copying;
pub mod counting;
pub mod progress;
pub mod ready_copy;
pub mod remake;
pub mod replacement;
pub mod rule;
pub mod wanted;
