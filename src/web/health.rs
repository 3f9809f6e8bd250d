//! `/livez` and `/readyz`, for Kubernetes and other watchers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::control::Control;
use crate::signal::Shutdown;

/// How long the store's answer about the tenants is cached: anybody may ask, as often as they like.
const CACHED: Duration = Duration::from_secs(5);

/// The answer while history was lost and nobody has acknowledged it.
const LOST: &str = "ok; history was lost with a damaged store, `qlik-roster status` says more\n";

/// What health depends on.
#[derive(Debug, Clone)]
pub struct Health {
    /// The daemon is alive as long as the store works: a failed store needs a new process.
    pub control: Arc<Control>,
    /// The daemon is ready until told to end, unless a tenant has only ever failed or is overdue.
    pub shutdown: Shutdown,
}

/// Answers probes, and caches the last answer.
#[derive(Debug, Clone)]
struct Watched {
    health: Health,
    tenants: Arc<Mutex<Option<(Instant, String)>>>,
    lost: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Watched {
    /// Says how many tenants were tried but never read; empty if none. It gives no names or
    /// reasons, since anybody may ask.
    async fn never_read(&self) -> String {
        let mut tenants = self.tenants.lock().await;
        if let Some((at, said)) = &*tenants
            && at.elapsed() < CACHED
        {
            return said.clone();
        }
        let said = match self.health.control.never_read().await {
            Ok(names) if names.is_empty() => String::new(),
            Ok(names) => format!(
                "{} of the tenants could never be read; `qlik-roster status` says why\n",
                names.len()
            ),
            Err(_failed) => "the store does not answer\n".to_owned(),
        };
        *tenants = Some((Instant::now(), said.clone()));
        said
    }
}

/// Makes the routes.
pub(super) fn router(health: Health) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(readyz))
        .with_state(Watched {
            health,
            tenants: Arc::default(),
            lost: Arc::default(),
        })
}

impl Watched {
    /// Returns whether history was lost and no operator has acknowledged it. It is cached like the
    /// rest, and does not affect readiness.
    async fn has_lost_history(&self) -> bool {
        let mut lost = self.lost.lock().await;
        if let Some((at, lost)) = &*lost
            && at.elapsed() < CACHED
        {
            return *lost;
        }
        let found = self.health.control.has_lost_history().await;
        let found = found.unwrap_or_default();
        *lost = Some((Instant::now(), found));
        found
    }
}

async fn livez(State(Watched { health, .. }): State<Watched>) -> (StatusCode, &'static str) {
    if health.control.is_broken() {
        (StatusCode::INTERNAL_SERVER_ERROR, "the store has failed\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

async fn readyz(State(watched): State<Watched>) -> (StatusCode, Cow<'static, str>) {
    let health = &watched.health;
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    if health.control.is_broken() {
        return (unavailable, "the store has failed\n".into());
    }
    if health.shutdown.is_triggered() {
        return (unavailable, "ending\n".into());
    }
    let mut said = watched.never_read().await;
    // Read from memory, so it costs nothing.
    let n_overdue = health.control.overdue().len();
    if n_overdue > 0 {
        let overdue = "of the tenants had no run that succeeded while three or more were due; \
                       `qlik-roster status` says why";
        said = format!("{said}{n_overdue} {overdue}\n");
    }
    match said.is_empty() {
        true if watched.has_lost_history().await => (StatusCode::OK, LOST.into()),
        true => (StatusCode::OK, "ok\n".into()),
        false => (unavailable, said.into()),
    }
}
