//! `GET /metrics`: the numbers for Prometheus.

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::telemetry::{self, Metrics};

/// Makes the route.
pub(super) fn router(metrics: Metrics) -> Router {
    Router::new()
        .route("/metrics", get(print))
        .with_state(metrics)
}

async fn print(State(metrics): State<Metrics>) -> impl IntoResponse {
    let head = [(CONTENT_TYPE, telemetry::CONTENT_TYPE)];
    (head, metrics.print())
}
