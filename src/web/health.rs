//! `/livez` and `/readyz`, for Kubernetes and other watchers.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use crate::control::Control;
use crate::signal::Shutdown;

/// What health depends on.
#[derive(Debug, Clone)]
pub struct Health {
    /// Alive as long as the store works: a store that failed needs a new process.
    pub control: Arc<Control>,
    /// Ready until told to end.
    pub shutdown: Shutdown,
}

/// Makes the routes.
pub(super) fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(health)
}

async fn livez(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.control.is_broken() {
        (StatusCode::INTERNAL_SERVER_ERROR, "the store has failed\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn readyz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.control.is_broken() {
        (StatusCode::SERVICE_UNAVAILABLE, "the store has failed\n")
    } else if health.shutdown.is_triggered() {
        (StatusCode::SERVICE_UNAVAILABLE, "ending\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}
