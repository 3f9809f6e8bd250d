//! Traces: what the process did for a request, a run or a delivery, and how long each part took.
//! They are sent by OTLP to where the standard variables `OTEL_…` say.
//!
//! What must stay true: a span contains nothing secret and nothing about people. So there is no
//! address of a request in it, only the route or the host. And nothing waits for a trace: if spans
//! cannot be sent, they are dropped.
//!
//! Without the feature `otel`, spans do nothing, and all of this costs nothing.

mod error;
mod parts;
mod settings;
mod span;

#[cfg(feature = "otel")]
mod exporter;
#[cfg(feature = "otel")]
mod recorded;
#[cfg(not(feature = "otel"))]
mod unrecorded;

#[cfg(feature = "otel")]
use recorded as record;
#[cfg(not(feature = "otel"))]
use unrecorded as record;

use std::time::Duration;

use crate::forward_proxy::ForwardProxy;

pub use error::TracesError;
pub use settings::{
    Ignored, Propagation, TraceProtocol, TraceSettings, UnusableSetting, WantedTraces,
};
pub use span::{Received, Span};

/// How long the end of the process waits until the last spans are sent.
const FAREWELL: Duration = Duration::from_secs(1);

/// What sends spans, until the process ends.
#[derive(Debug)]
pub struct Traces(record::Provider);

impl Traces {
    /// Begins to send spans: from now on they are recorded.
    pub fn start(
        settings: &TraceSettings,
        proxy: Option<ForwardProxy>,
    ) -> Result<Self, TracesError> {
        record::start(settings, proxy).map(Self)
    }

    /// Sends what was recorded and not sent yet, if that is possible within a second.
    pub async fn end(self) {
        record::end(self.0, FAREWELL).await;
    }
}
