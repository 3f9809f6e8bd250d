//! What programs read over HTTP: records in the unified schema and over SCIM, events, and reports.
//! Each program has a token.

mod accept;
mod caller;
mod events;
#[cfg(test)]
mod queries;
mod reports;
mod scim;
mod shared;
mod throttle;
mod unified;

use std::sync::Arc;

use crate::control::Control;
use crate::signal::Shutdown;
use crate::telemetry::Metrics;
use crate::web::openapi::Routes;

use shared::Api;

/// Makes the routes of the API.
///
/// `scheme` is that of the address, and `connections` is the most connections at one time.
pub(super) fn routes(
    control: Arc<Control>,
    scheme: &'static str,
    connections: usize,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Routes {
    let api = Arc::new(Api::new(control, scheme));
    unified::routes(Arc::clone(&api))
        .merge(reports::routes(Arc::clone(&api)))
        .merge(scim::routes(Arc::clone(&api)))
        .merge(events::routes(api, connections, metrics, shutdown))
}
