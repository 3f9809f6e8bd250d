//! Serves what is there on `server.listen`: health, metrics, and Qlik's webhooks.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use crate::telemetry::Metrics;

use super::{Health, Limits, QlikHooks, connections, health, hooks, metrics};

/// How long a head may take to come, and a connection may be idle: longer than most scrapers and
/// probes pause.
const HEAD: Duration = Duration::from_secs(30);

/// How long a connection may live, so that nobody holds one by reading an answer slowly.
const LIFE: Duration = Duration::from_secs(120);

/// What is served.
#[derive(Debug)]
pub struct Front {
    /// Whether we are well.
    pub health: Health,
    /// The numbers.
    pub metrics: Metrics,
    /// Whose webhooks are taken.
    pub hooks: QlikHooks,
    /// Connections at one time at the most.
    pub connections: usize,
}

/// Serves until told to end.
pub async fn serve(listener: TcpListener, front: Front) -> io::Result<()> {
    let shutdown = front.health.shutdown.clone();
    // The other half is for those who only ask, and are answered at once.
    let n_bodies = front.connections.div_ceil(2);
    let control = Arc::clone(&front.health.control);
    let router = health::router(front.health)
        .merge(metrics::router(front.metrics.clone(), control))
        .merge(hooks::router(Arc::new(front.hooks), n_bodies));
    let limits = Limits {
        connections: front.connections,
        head: HEAD,
        life: Some(LIFE),
    };
    connections::serve(listener, router, limits, &front.metrics, shutdown).await;
    Ok(())
}
