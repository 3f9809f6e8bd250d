//! Deletes what is past its time, and knows how much of the disk the store takes.

pub mod belief;
pub mod clocks;
pub mod retention;
pub mod pass;
pub mod usage;
