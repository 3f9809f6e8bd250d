//! `GET /metrics`: the numbers for Prometheus.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::control::Control;
use crate::telemetry::{self, Metrics, Sample};

/// Makes the route.
pub(super) fn router(metrics: Metrics, control: Arc<Control>) -> Router {
    Router::new()
        .route("/metrics", get(print))
        .with_state((metrics, control))
}

async fn print(State((metrics, control)): State<(Metrics, Arc<Control>)>) -> impl IntoResponse {
    // An age is computed when it is asked for.
    for (tenant, age) in control.ages() {
        metrics.set(Sample::SinceSuccess { tenant: &tenant }, age.as_secs_f64());
    }
    let head = [(CONTENT_TYPE, telemetry::CONTENT_TYPE)];
    (head, metrics.print())
}
