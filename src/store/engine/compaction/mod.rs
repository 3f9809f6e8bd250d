//! Gives room back by a copy of the database that takes its place.

pub mod beside;
pub mod changes;
pub mod compact;
pub mod copying;
pub mod progress;
pub mod remake;
pub mod replacement;
