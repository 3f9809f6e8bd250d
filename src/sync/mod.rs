//! Runs: when they are due.

mod schedule;

pub use schedule::{InvalidSchedule, MAX_INTERVAL, MIN_INTERVAL, Schedule, parse_duration};
