//! Tells webhook receivers what changed.

pub mod address;
mod failure;
mod filter;
mod options;
mod payload;
mod resolver;
mod schedule;
mod signature;
mod verdict;

pub use address::RefusedAddress;
pub use failure::Failure;
pub use filter::{EVENT_TYPES, EventFilter, InvalidFilter};
pub use options::{DEFAULT_TIMEOUT, Endpoint, InvalidEndpoint, Options};
pub use payload::{TEST_EVENT, body};
pub use schedule::Schedule;
pub use signature::{InvalidSecret, SigningSecret};
pub use verdict::Verdict;
