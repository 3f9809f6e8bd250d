//! Serves what is there on `server.listen`: health, metrics, and Qlik's webhooks.

use std::sync::Arc;

use tokio::net::TcpListener;

use crate::telemetry::Metrics;

use super::{Health, QlikHooks, health, hooks, metrics};

/// What is served.
#[derive(Debug)]
pub struct Front {
    /// Whether we are well.
    pub health: Health,
    /// The numbers.
    pub metrics: Metrics,
    /// Whose webhooks are taken.
    pub hooks: QlikHooks,
}

/// Serves until told to end.
pub async fn serve(listener: TcpListener, front: Front) -> std::io::Result<()> {
    let shutdown = front.health.shutdown.clone();
    let router = health::router(front.health)
        .merge(metrics::router(front.metrics))
        .merge(hooks::router(Arc::new(front.hooks)));
    axum::serve(listener, router)
        .with_graceful_shutdown(async move { shutdown.triggered().await })
        .await
}
