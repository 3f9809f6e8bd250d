//! What the process tells about itself.

mod logging;

pub use logging::{AlreadyStarted, Filter, Format, InvalidFilter, LogOptions, start_logging};
