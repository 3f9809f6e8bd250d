//! Serves health, metrics, and Qlik's webhooks on `server.listen`.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use tokio::net::TcpListener;

use crate::signal::Shutdown;
use crate::telemetry::Metrics;

use super::tls::{Tls, TlsListener};
use super::{Health, Limits, QlikHooks, api, connections, health, hooks, metrics, openapi};

/// How long a head may take to arrive, and a connection may be idle: longer than the interval of
/// most scrapers and probes.
const HEAD: Duration = Duration::from_secs(30);

/// How long a connection may live, so that nobody holds one by reading an answer slowly. Only a
/// stream of events prolongs it.
const LIFE: Duration = Duration::from_secs(120);

/// What is served.
#[derive(Debug, Clone)]
pub struct Front {
    /// The health checks.
    pub health: Health,
    /// The metrics.
    pub metrics: Metrics,
    /// The tenants whose webhooks are accepted.
    pub hooks: Arc<QlikHooks>,
    /// The most connections at one time.
    pub connections: usize,
}

/// Where requests come from.
#[derive(Debug, Clone)]
pub struct Address {
    /// The open port.
    pub listener: Arc<TcpListener>,
    /// The certificate for TLS; `None` for plain HTTP.
    pub tls: Option<Tls>,
}

impl Address {
    /// Returns the scheme of its URLs.
    fn scheme(&self) -> &'static str {
        match self.tls {
            Some(_) => "https",
            None => "http",
        }
    }

    async fn serve(self, router: Router, limits: Limits, metrics: &Metrics, shutdown: Shutdown) {
        let Self { listener, tls } = self;
        match tls {
            None => connections::serve(listener, router, limits, metrics, shutdown).await,
            Some(tls) => {
                let listener = TlsListener {
                    inner: listener,
                    tls,
                };
                connections::serve(listener, router, limits, metrics, shutdown).await;
            }
        }
    }
}

/// Answers probes until told to end, while the store is being opened.
pub async fn serve_opening(address: Address, connections: usize, shutdown: Shutdown) {
    let limits = Limits {
        connections,
        head: HEAD,
        life: Some(LIFE),
    };
    let metrics = Metrics::default();
    address
        .serve(health::opening(), limits, &metrics, shutdown)
        .await;
}

/// Serves until told to end.
pub async fn serve(address: Address, front: Front) -> io::Result<()> {
    let shutdown = front.health.shutdown.clone();
    // The other half is for requests without a body, which are answered at once.
    let n_bodies = front.connections.div_ceil(2);
    let control = Arc::clone(&front.health.control);
    let all = health::routes(front.health)
        .merge(metrics::routes(front.metrics.clone(), Arc::clone(&control)))
        .merge(api::routes(
            Arc::clone(&control),
            address.scheme(),
            front.connections,
            front.metrics.clone(),
            shutdown.clone(),
        ))
        .merge(hooks::routes(front.hooks, n_bodies));
    let counted = metrics::Counted {
        metrics: front.metrics.clone(),
        scheme: address.scheme(),
    };
    let router = openapi::served(all).layer(from_fn_with_state(counted, metrics::count));
    let limits = Limits {
        connections: front.connections,
        head: HEAD,
        life: Some(LIFE),
    };
    address
        .serve(router, limits, &front.metrics, shutdown)
        .await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;
    use crate::signal;

    #[tokio::test]
    async fn probes_are_answered_while_the_store_is_being_opened() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listens = listener.local_addr().unwrap();
        let address = Address {
            listener: Arc::new(listener),
            tls: None,
        };
        let (trigger, shutdown) = signal::shutdown();
        let mut serving = JoinSet::new();
        serving.spawn(serve_opening(address.clone(), 8, shutdown));

        for (path, status, said) in [
            ("/livez", 200, "ok\n"),
            ("/readyz", 503, "the store is being opened\n"),
            ("/metrics", 503, "the store is being opened\n"),
            ("/events", 503, "the store is being opened\n"),
            ("/scim/v2/Users", 503, "the store is being opened\n"),
        ] {
            let answer = reqwest::get(format!("http://{listens}{path}"))
                .await
                .unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path}");
            assert_eq!(answer.text().await.unwrap(), said, "{path}");
        }

        // The port stays open for what is served afterwards.
        trigger.trigger();
        serving.join_next().await.unwrap().unwrap();
        assert_eq!(address.listener.local_addr().unwrap(), listens);
    }
}
