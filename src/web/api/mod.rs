//! What programs read over HTTP: records in the unified schema and over SCIM, events, and reports.
//! Each program has a token.

mod accept;
mod caller;
mod events;
mod reports;
mod scim;
mod shared;
mod throttle;
mod unified;

use std::sync::Arc;

use axum::Router;

use crate::control::Control;
use crate::signal::Shutdown;
use crate::telemetry::Metrics;

use shared::Api;

/// Makes the routes of the API.
///
/// `scheme` is that of the address, and `connections` is the most connections at one time.
pub(super) fn router(
    control: Arc<Control>,
    scheme: &'static str,
    connections: usize,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Router {
    let api = Arc::new(Api::new(control, scheme));
    unified::router(Arc::clone(&api))
        .merge(reports::router(Arc::clone(&api)))
        .merge(scim::router(Arc::clone(&api)))
        .merge(events::router(api, connections, metrics, shutdown))
}
