//! Writes: one thread gathers what is queued, another applies it and syncs it.

pub mod prepared;
pub mod committer;
pub mod spare;
pub mod tally;
pub mod under_way;
pub mod work;
pub mod writer;
