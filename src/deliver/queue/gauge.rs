//! The metrics of one endpoint.

use super::state::{Ended, State};
use crate::deliver::transport::verdict::Verdict;
use crate::model::{EndpointName, Seq};
use crate::telemetry::{DeliveryOutcome, Metrics, Sample};

#[derive(Debug)]
pub(super) struct Gauge {
    metrics: Metrics,
    endpoint: EndpointName,
}

impl Gauge {
    pub fn new(metrics: Metrics, endpoint: &EndpointName) -> Self {
        Self {
            metrics,
            endpoint: endpoint.clone(),
        }
    }

    /// Counts an attempt.
    pub fn count(&self, ended: &Ended) {
        let outcome = &match ended.verdict {
            Verdict::Delivered { .. } => DeliveryOutcome::Delivered,
            Verdict::Retry { .. } => DeliveryOutcome::Failed,
            Verdict::Disable { .. } => DeliveryOutcome::Disabled,
        };
        let endpoint = &self.endpoint;
        let n_events = u32::try_from(ended.deliveries.len()).unwrap_or(u32::MAX);
        self.metrics.add(
            Sample::Deliveries { endpoint, outcome },
            f64::from(n_events),
        );
        let took = ended.took.as_secs_f64();
        self.metrics
            .add(Sample::DeliverySeconds { endpoint, outcome }, took);
        self.metrics.count(Sample::Messages { endpoint, outcome });
    }

    /// Reports the endpoint's state.
    #[expect(clippy::cast_precision_loss, reason = "no journal has 2^52 entries")]
    pub fn tell(&self, state: &State, last: Seq) {
        let endpoint = &self.endpoint;
        let behind = last.0.saturating_sub(state.settled().0);
        self.metrics.set(Sample::Behind { endpoint }, behind as f64);
        let takes = if state.takes() { 1.0 } else { 0.0 };
        self.metrics.set(Sample::EndpointTakes { endpoint }, takes);
        let parked = f64::from(u32::try_from(state.totals.parked).unwrap_or(u32::MAX));
        self.metrics.set(Sample::Parked { endpoint }, parked);
    }
}
