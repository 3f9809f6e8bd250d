//! `/livez` and `/readyz`, for Kubernetes and other watchers.
//!
//! Ready means that requests can be answered. A tenant that cannot be read is said and does not
//! make the daemon unready: whoever reads what is known of other tenants would be cut off from it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::openapi::{Answer, Content, Operation, Routes, Tag, Verb, text};
use crate::control::Control;
use crate::signal::Shutdown;

/// How long the store's answer about the tenants is cached: anybody may ask, as often as they like.
const CACHED: Duration = Duration::from_secs(5);

/// What is said while history was lost and nobody has acknowledged it.
const LOST: &str = "a part of the history was lost; `qlik-roster status` says more\n";

/// What health depends on.
#[derive(Debug, Clone)]
pub struct Health {
    /// The daemon is alive as long as the store works: a failed store needs a new process.
    pub control: Arc<Control>,
    /// The daemon is ready until told to end.
    pub shutdown: Shutdown,
}

/// Answers probes, and caches the last answer.
#[derive(Debug, Clone)]
struct Watched {
    health: Health,
    tenants: Cached<Option<String>>,
    lost: Cached<Option<bool>>,
}

/// An answer of the store, with the time at which it was given.
type Cached<T> = Arc<Mutex<Option<(Instant, T)>>>;

impl Watched {
    /// Says how many tenants were tried but never read; empty if none. It gives no names or
    /// reasons, since anybody may ask. `None` if the store does not answer.
    async fn never_read(&self) -> Option<String> {
        let mut tenants = self.tenants.lock().await;
        if let Some((at, said)) = &*tenants
            && at.elapsed() < CACHED
        {
            return said.clone();
        }
        let said = match self.health.control.never_read().await {
            Ok(names) if names.is_empty() => Some(String::new()),
            Ok(names) => Some(format!(
                "{} of the tenants could never be read; `qlik-roster status` says why\n",
                names.len()
            )),
            Err(_failed) => None,
        };
        *tenants = Some((Instant::now(), said.clone()));
        said
    }
}

/// Makes the routes.
pub(super) fn routes(health: Health) -> Routes {
    Routes::new()
        .route("/livez", get(livez), vec![of_livez()])
        .route("/readyz", get(readyz), vec![of_readyz()])
        .with_state(Watched {
            health,
            tenants: Arc::default(),
            lost: Arc::default(),
        })
}

fn plain(status: u16, about: &str, example: &str) -> Answer {
    let words = Content::new("text/plain", text()).example(example.into());
    Answer::empty(status, about).with(words)
}

fn of_livez() -> Operation {
    Operation::new(Verb::Get, "/livez", "getLiveness", Tag::Operations)
        .says(
            "Whether the daemon works",
            "If not, only a new process can help.",
        )
        .answers([
            plain(200, "It works.", "ok\n"),
            plain(500, "The store has failed.", "the store has failed\n"),
        ])
}

fn of_readyz() -> Operation {
    let about = "What is degraded is said and does not make the daemon unready: whoever reads what \
                 is known of other tenants would be cut off from it.";
    let degraded =
        "degraded\n1 of the tenants could never be read; `qlik-roster status` says why\n";
    Operation::new(Verb::Get, "/readyz", "getReadiness", Tag::Operations)
        .says("Whether requests can be answered", about)
        .answers([
            plain(200, "They can; `ok`, or what is degraded.", degraded),
            plain(
                503,
                "The store is being opened or has failed, or the daemon is ending.",
                "ending\n",
            ),
        ])
}

impl Watched {
    /// Returns whether history was lost and no operator has acknowledged it; `None` if the store
    /// does not answer. It is cached like the rest.
    async fn has_lost_history(&self) -> Option<bool> {
        let mut lost = self.lost.lock().await;
        if let Some((at, lost)) = &*lost
            && at.elapsed() < CACHED
        {
            return *lost;
        }
        let found = self.health.control.has_lost_history().await;
        let found = found.ok();
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
    let (Some(mut said), Some(has_lost)) =
        (watched.never_read().await, watched.has_lost_history().await)
    else {
        return (unavailable, "the store does not answer\n".into());
    };
    // Read from memory, so it costs nothing.
    let n_overdue = health.control.overdue().len();
    if n_overdue > 0 {
        let overdue = "of the tenants had no run that succeeded while three or more were due; \
                       `qlik-roster status` says why";
        said = format!("{said}{n_overdue} {overdue}\n");
    }
    if has_lost {
        said.push_str(LOST);
    }
    // Another process could do nothing about it, and what is known can still be read.
    match said.is_empty() {
        true => (StatusCode::OK, "ok\n".into()),
        false => (StatusCode::OK, format!("degraded\n{said}").into()),
    }
}

/// Makes the routes for the time in which the store is being opened, which may take long if it is
/// migrated or was damaged.
pub(super) fn opening() -> Router {
    let opening = "the store is being opened\n";
    Router::new()
        .route("/livez", get(async || "ok\n"))
        .route(
            "/readyz",
            get(async move || (StatusCode::SERVICE_UNAVAILABLE, opening)),
        )
        .fallback(async move || (StatusCode::SERVICE_UNAVAILABLE, opening))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, LastClockJump};
    use crate::control::Endpoints;
    use crate::signal;
    use crate::store::{Retention, Store};
    use crate::sync::TenantRegistry;

    fn watched(store: &Store, shutdown: Shutdown) -> Watched {
        let clock = Clock::system();
        let retention = Retention {
            keep: Duration::from_secs(1),
            keep_runs: 1,
        };
        let control = Control::new(
            store.clone(),
            clock.clone(),
            TenantRegistry::default(),
            Endpoints::default(),
            retention,
            Vec::new(),
            LastClockJump::of(clock),
        );
        Watched {
            health: Health {
                control: Arc::new(control),
                shutdown,
            },
            tenants: Arc::default(),
            lost: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_store_that_does_not_say_whether_history_was_lost_is_not_ready() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let (_trigger, shutdown) = signal::shutdown();
        let watched = watched(&store, shutdown);
        // This answer is cached, and so the store is not asked again.
        assert_eq!(watched.never_read().await, Some(String::new()));

        store.close().unwrap();

        let (status, said) = readyz(State(watched.clone())).await;
        assert_eq!(
            (status, &*said),
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the store does not answer\n"
            )
        );
    }
}
