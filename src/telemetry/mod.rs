//! What the process tells about itself.

mod chain;
mod logging;

pub use chain::chain;
pub use logging::{AlreadyStarted, Filter, Format, InvalidFilter, LogOptions, start_logging};
