//! The audit log between sweeps, and the records that it names.

pub(super) mod apart;
pub(super) mod audit_state;
pub(super) mod cross_check;
pub(super) mod givers;
pub(super) mod holders;
pub(super) mod polling;
pub(super) mod missed;
pub(super) mod not_shown;
pub(super) mod past_readings;
pub(super) mod past_sessions;
pub(super) mod poll_once;
pub(super) mod poll_start;
pub(super) mod poller;
pub(super) mod present;
pub(super) mod refresh;
pub(super) mod sessions;
pub(super) mod swept;
pub(super) mod todo;
