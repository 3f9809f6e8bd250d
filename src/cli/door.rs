//! The way to the store: through the daemon that holds it, or opened here.
//!
//! sled lets one process in. A running daemon answers on its control socket in the store's
//! folder; if nobody answers there, nobody holds the store, and it is opened.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::{Either, select};

use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Control, Reply, Request};
use crate::daemon::{self, Hooks, Parts, Upkeep};
use crate::doing::{self, doing};
use crate::http_client;
use crate::model::Thousands;
use crate::telemetry;

use super::error::CliError;
use super::output;
use super::ticker::side_by_side;

/// How often it is asked how far a long work is.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// The daemon's own word that it has no answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(super) struct Refused {
    message: String,
    pub(super) code: String,
}

impl Refused {
    /// Returns the code that came with it.
    pub(super) fn code(&self) -> &str {
        &self.code
    }
}

/// There is no store to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no store in {}; `qlik-roster serve` or `qlik-roster sync` makes one, and `path` in \
     `[store]` says where",
    path.display()
)]
pub(super) struct NoStore {
    path: PathBuf,
}

impl NoStore {
    /// Returns the code that `docs/errors.md` explains.
    #[expect(clippy::unused_self, reason = "as all errors have it")]
    pub(super) fn code(&self) -> &'static str {
        "store.not-there"
    }
}

/// An open way to the store.
pub(super) enum Door {
    /// The daemon answers.
    Daemon(Socket),
    /// The store is open in this process.
    Own(Box<Own>),
}

/// The store, opened in this process.
pub(super) struct Own {
    pub(super) parts: Parts,
    pub(super) clock: Clock,
}

/// A daemon's control socket.
pub(super) struct Socket(reqwest::Client);

impl Door {
    /// Finds the daemon, or opens the store that is there. Where there is none, a question makes
    /// none: it would be empty, and in the wrong place more often than not.
    pub(super) async fn open(config: &Config, hooks: Hooks) -> anyhow::Result<Self> {
        if !has_store(config) {
            let path = config.store.clone();
            return Err(NoStore { path }.into());
        }
        Self::open_or_make(config, hooks).await
    }

    /// Finds the daemon, or opens the store, or makes one.
    pub(super) async fn open_or_make(config: &Config, hooks: Hooks) -> anyhow::Result<Self> {
        if let Some(socket) = Socket::connect(&config.store).await? {
            return Ok(Self::Daemon(socket));
        }
        let _doing = doing("opening the store");
        // An opening may take its time, or find something that must be known.
        drop(telemetry::start_logging(&config.log));
        let clock = Clock::system();
        let store = daemon::open(config, &clock).await?;
        let mut parts = Parts::assemble(config, &store, &clock, &hooks)?;
        parts.restore().await?;
        Ok(Self::Own(Box::new(Own { parts, clock })))
    }

    /// Asks a question.
    pub(super) async fn ask(&self, request: Request) -> anyhow::Result<Reply> {
        let how = match self {
            Self::Daemon(_) => "waiting for the daemon to tell",
            Self::Own(_) => "reading the store for",
        };
        let what = subject(&request);
        // Who asks may have said more.
        let _doing = doing::now().is_none().then(|| {
            doing::telling(move || match output::n_printed() {
                0 => format!("{how} {what}"),
                n => format!("{how} {what}: {} so far", Thousands(n)),
            })
        });
        match self {
            Self::Daemon(socket) => socket.ask(request).await,
            Self::Own(own) => Ok(own.control().answer(request).await?),
        }
    }

    /// Says how far the runs are that `work` waits for.
    pub(super) async fn watching<T>(&self, work: impl Future<Output = T>) -> T {
        let shown = Arc::new(Mutex::new(match self {
            Self::Daemon(_) => "waiting for the daemon to begin".to_owned(),
            Self::Own(_) => "waiting for the runs to begin".to_owned(),
        }));
        let told = Arc::clone(&shown);
        let _doing = doing::telling(move || held(&told).clone());
        let watch = async {
            // Who answers nothing that can be shown is asked no more.
            while let Ok(Reply::Progress(rows)) = self.ask(Request::Progress).await {
                if !rows.is_empty() {
                    *held(&shown) = side_by_side(&rows);
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        beside(Box::pin(work), watch).await
    }

    /// Shuts the way; a store that was opened here is closed.
    pub(super) async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Daemon(_) => Ok(()),
            Self::Own(own) => {
                let store = own.control().store().clone();
                Ok(store.offload(crate::store::Store::close).await?)
            }
        }
    }
}

/// Returns whether there is a store, or something in its place that opening will complain about.
pub(super) fn has_store(config: &Config) -> bool {
    match std::fs::read_dir(&config.store) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Returns whether a daemon answers for a store.
pub(super) async fn is_held_by_daemon(store: &Path) -> bool {
    let path = control::socket_path(store);
    tokio::net::UnixStream::connect(&path).await.is_ok()
}

/// Says what a question is about: `waiting for the daemon to tell …`.
fn subject(request: &Request) -> &'static str {
    match request {
        Request::Status => "how things are",
        Request::Progress | Request::Doing => "how far it is",
        Request::Tenants => "the tenants",
        Request::Records { kind, .. } | Request::Find { kind, .. } => kind.plural(),
        Request::Holders { .. } => "who holds it",
        Request::Inherited { .. } => "the roles that come by groups",
        Request::Runs { .. } | Request::Run { .. } => "runs",
        Request::Events { .. } | Request::Event { .. } => "events",
        Request::Findings(_) => "findings",
        Request::Plans { .. }
        | Request::Plan { .. }
        | Request::PlanSummary { .. }
        | Request::Removals { .. }
        | Request::Reject { .. } => "plans",
        Request::Approve { .. } | Request::Sync { .. } => "what came of the run",
        Request::CheckStore => "what the check found",
        Request::CompactStore => "what the compaction gave back",
        Request::HistoryLosses | Request::AcceptLosses => "what was lost",
        Request::Deliveries(_) => "deliveries",
    }
}

impl Own {
    pub(super) fn control(&self) -> &Control {
        &self.parts.control
    }

    pub(super) fn upkeep(&self, config: &Config) -> Upkeep {
        let store = self.control().store().clone();
        Upkeep::new(
            config,
            store,
            self.clock.clone(),
            self.parts.metrics.clone(),
        )
    }
}

/// Waits for the work, with a watch over it that may end before.
async fn beside<T>(work: impl Future<Output = T>, watch: impl Future<Output = ()>) -> T {
    let watch = async {
        watch.await;
        std::future::pending().await
    };
    let (Either::Left((ended, _)) | Either::Right((ended, _))) =
        select(pin!(work), pin!(watch)).await;
    ended
}

fn held(text: &Mutex<String>) -> MutexGuard<'_, String> {
    text.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Socket {
    pub(super) async fn connect(store: &Path) -> anyhow::Result<Option<Self>> {
        // A file without a listener was left by a process that is gone.
        if !is_held_by_daemon(store).await {
            return Ok(None);
        }
        let path = control::socket_path(store);
        let options = http_client::Options {
            connect_timeout: Duration::from_secs(5),
            // A sync takes what it takes.
            timeout: None,
            unix_socket: Some(path),
            ..http_client::Options::default()
        };
        Ok(Some(Self(http_client::build(&options)?)))
    }

    /// Asks for something long that the daemon says of itself how far it is.
    pub(super) async fn ask_watching(&self, request: Request) -> anyhow::Result<Reply> {
        let shown = Arc::new(Mutex::new("waiting for the daemon to begin".to_owned()));
        let told = Arc::clone(&shown);
        let _doing = doing::telling(move || held(&told).clone());
        let watch = async {
            // A daemon of an older version does not know the question.
            while let Ok(Reply::Doing(now)) = self.ask(Request::Doing).await {
                if let Some(now) = now {
                    *held(&shown) = format!("the daemon is {now}");
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        beside(self.ask(request), watch).await
    }

    pub(super) async fn ask(&self, request: Request) -> anyhow::Result<Reply> {
        let answer = self
            .0
            .post("http://daemon/control")
            .json(&request)
            .send()
            .await
            .context("asking the running daemon")?;
        if answer.status().is_success() {
            return answer.json().await.or(Err(CliError::OtherVersion.into()));
        }
        let problem: serde_json::Value = answer.json().await.unwrap_or_default();
        let text = |key: &str| {
            problem
                .get(key)
                .and_then(|value| value.as_str().map(str::to_owned))
        };
        match (text("message"), text("code")) {
            (Some(message), Some(code)) => Err(Refused { message, code }.into()),
            _ => Err(CliError::OtherVersion.into()),
        }
    }
}

/// An answer to another question than the one that was asked: a daemon of another version.
pub(super) fn unexpected<T>(_reply: &Reply) -> anyhow::Result<T> {
    Err(CliError::OtherVersion.into())
}
