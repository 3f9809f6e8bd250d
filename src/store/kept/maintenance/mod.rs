//! Deletes what is older than its keep time, and measures how much of the disk the store takes.

pub mod clocks;
pub mod retention;
pub mod pass;
pub mod usage;
