//! The real daemon against the emulated tenant and a real receiver, over real HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unnecessary_debug_formatting,
    clippy::disallowed_methods,
    clippy::too_many_lines,
    reason = "a test that cannot go on must say where, and panics do"
)]

mod absences;
mod access;
mod access_commands;
mod access_formats;
mod accounts;
mod alive;
mod alerts;
mod apps;
mod audit;
mod backup;
mod changes;
mod clocks;
mod commands;
mod connections;
mod control;
mod delivery;
mod crash;
mod deliveries;
mod demo;
mod egress;
mod empty;
mod event_feed;
mod ends;
mod evaluator_gaps;
mod export;
mod exports;
mod failures;
mod faults;
mod follow;
mod formats;
mod getting_started;
mod givers;
mod guard;
mod histories;
mod history;
mod hooks;
mod init;
mod ipv6;
mod idle_licences;
mod late_everyone;
mod licence_answers;
mod licence_history;
mod licence_kills;
mod licences;
mod list_kills;
mod list_retention;
mod long_lists;
mod losses;
mod manual;
mod matrix;
mod memory;
mod metric_values;
mod metrics;
mod names;
mod openapi;
mod paging;
mod parquet;
mod past_sessions;
mod permissions;
mod plans;
mod polls;
mod proxies;
mod printing;
mod process;
mod progress;
mod questions;
mod reload;
mod reports;
mod rights;
mod schemas;
mod scim;
mod secret_addresses;
mod serving;
mod sessions;
mod space;
mod space_faults;
mod space_diff;
mod space_kills;
mod space_lists;
mod spaces;
mod spaces_due;
mod support;
mod systemd;
mod ten_questions;
mod tls;
#[cfg(feature = "otel")]
mod traces;
mod unified;
mod unified_access;
mod waiting;
mod walks;
