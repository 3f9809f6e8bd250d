//! The way to the store: through the daemon that holds it, or opened here.
//!
//! sled lets one process in. A running daemon answers on its control socket in the store's
//! folder; if nobody answers there, nobody holds the store, and it is opened.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

use crate::clock::Clock;
use crate::config::Config;
use crate::control::{self, Control, Reply, Request};
use crate::daemon::{self, Hooks, Parts, Upkeep};
use crate::http_client;
use crate::telemetry;

use super::failure::CliError;

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
        match self {
            Self::Daemon(socket) => socket.ask(request).await,
            Self::Own(own) => Ok(own.control().answer(request).await?),
        }
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
