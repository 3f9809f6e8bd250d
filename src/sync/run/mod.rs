//! One run, from its beginning to its record.

pub(super) mod beside;
pub(super) mod failure_events;
pub(super) mod finish;
pub(super) mod job;
pub(super) mod measure;
pub(super) mod outcome;
pub(super) mod progress;
pub(super) mod read_tenant;
pub(super) mod running;
pub(super) mod steps;
