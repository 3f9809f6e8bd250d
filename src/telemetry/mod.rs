//! What the process reports about itself: logs, metrics and traces.

mod chain;
mod crashes;
mod escaped;
mod fields;
mod format;
mod logging;
mod metrics;
mod traces;

pub use chain::chain;
pub use crashes::{Crashes, LastCrash, log_panics};
pub use format::Format;
pub use logging::{AlreadyStarted, Filter, InvalidFilter, LogOptions, start_logging};
pub use metrics::{
    CONTENT_TYPE, DeliveryOutcome, ExportOutcome, HookRejection, HookResult, HttpRoute, HttpStatus,
    Metric, Metrics, Part, PollOutcome, QlikTier, Sample, Shape,
};
pub use traces::{
    Ignored, Propagation, Received, Span, TraceProtocol, TraceSettings, Traces, TracesError,
    UnusableSetting, WantedTraces,
};
