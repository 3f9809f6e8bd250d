//! Writes: one thread gathers what is queued, another applies it and syncs it.

pub mod prepared;
pub mod postings;
pub mod committer;
pub mod spare;
pub mod live_size;
pub mod under_way;
pub mod work;
pub mod writer;
