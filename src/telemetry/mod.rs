//! What the process reports about itself: logs and metrics.

mod chain;
mod crashes;
mod escaped;
mod fields;
mod format;
mod logging;
mod metrics;

pub use chain::chain;
pub use crashes::{Crashes, LastCrash, log_panics};
pub use format::Format;
pub use logging::{AlreadyStarted, Filter, InvalidFilter, LogOptions, start_logging};
pub use metrics::{
    CONTENT_TYPE, DeliveryOutcome, ExportOutcome, HookRejection, HookResult, HttpRoute, HttpStatus,
    Metric, Metrics, Part, PollOutcome, QlikTier, Sample, Shape,
};
