//! What the process tells about itself.

mod chain;
mod escaped;
mod fields;
mod logging;
mod metrics;

pub use chain::chain;
pub use logging::{AlreadyStarted, Filter, Format, InvalidFilter, LogOptions, start_logging};
pub use metrics::{CONTENT_TYPE, Metric, Metrics, Shape};
