//! qlik-roster keeps a faithful copy of who may do what in Qlik Cloud tenants, and tells other
//! systems when it changes.
//!
//! The layers, in the direction in which data flows, are described in ARCHITECTURE.md; each
//! one's `mod.rs` opens with what it is for and what must stay true in it.
#![cfg_attr(
    test,
    allow(clippy::too_many_lines, reason = "a table of cases is long")
)]

pub mod model;

pub mod connector;
pub mod access;
pub mod reconcile;
pub mod store;
pub mod history;
pub mod sync;

pub mod deliver;

pub mod control;
pub mod view;
pub mod web;
pub mod export;

pub mod config;
pub mod telemetry;

pub mod daemon;
pub mod cli;

pub mod demo;

pub mod authorities;
mod causes;
pub mod clock;
mod core_dumps;
mod csv;
pub mod doing;
pub mod environment_proxy;
pub mod forward_proxy;
pub mod http_client;
pub mod jws;
pub mod lock;
mod loopback;
pub mod no_proxy;
pub mod obstacle;
mod peer;
pub mod printable;
pub mod pulse;
pub mod retry;
pub mod secret;
pub mod signal;
pub mod status_line;
mod suggest;
mod system_words;
pub mod systemd;
pub mod tls;
pub mod tls_failure;
mod verifier;
