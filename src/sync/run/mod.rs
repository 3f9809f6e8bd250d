//! One run, from its beginning to its record.

pub(super) mod beside;
mod context;
mod failure_events;
mod finish;
pub(super) mod job;
pub(super) mod lent;
pub(super) mod measure;
pub(super) mod outcome;
mod overtaken;
pub(super) mod progress;
mod read_tenant;
pub(super) mod running;
mod steps;
mod turn;
