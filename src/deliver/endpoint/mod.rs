//! How an endpoint is set up: as the configuration describes it, checked. Pure.

pub(super) mod egress;
pub(super) mod flow;
pub(super) mod options;
pub(super) mod schedule;
