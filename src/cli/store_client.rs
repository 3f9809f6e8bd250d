//! Asks the store: through the daemon that has it open, or opened here.
//!
//! sled lets only one process in. A running daemon answers on its control socket in the store's
//! folder; if nobody answers there, no daemon has the store open, and we open it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::config::Config;
use crate::control::{
    self, Actor, AnyQuery, Begun, Command, Control, GivenCommand, Query, SentError, Watched, query,
};
use crate::daemon::{self, Hooks, Maintenance, Parts};
use crate::doing::{self, Doing, doing};
use crate::http_client;
use crate::lock::lock;
use crate::model::Thousands;
use crate::telemetry;

use super::error::CliError;
use super::output;
use super::ticker::side_by_side;

/// How often we ask for the progress of long work.
const ASK_EVERY: Duration = Duration::from_millis(500);

/// There is no store to ask.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no store in {}; `qlik-roster serve` or `qlik-roster sync` creates one, and `path` in \
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

/// Who answers for the store.
pub(super) enum StoreClient {
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

impl StoreClient {
    /// Finds the daemon, or opens the existing store. If there is no store, a question does not
    /// create one: it would be empty, and usually in the wrong place.
    pub(super) async fn open(config: &Config, hooks: Hooks) -> anyhow::Result<Self> {
        if !has_store(config) {
            let path = config.store.clone();
            return Err(NoStore { path }.into());
        }
        Self::open_or_make(config, hooks).await
    }

    /// Finds the daemon, or opens the store, or creates one.
    pub(super) async fn open_or_make(config: &Config, hooks: Hooks) -> anyhow::Result<Self> {
        if let Some(socket) = Socket::connect(&config.store).await? {
            return Ok(Self::Daemon(socket));
        }
        let _doing = doing("opening the store");
        // The log comes first: opening may take long, or find something that must be reported.
        drop(telemetry::start_logging(&config.log));
        let clock = Clock::system();
        let store = daemon::open(config, &clock).await?;
        let mut parts = Parts::assemble(config, &store, &clock, &hooks)?;
        parts.restore().await?;
        Ok(Self::Own(Box::new(Own { parts, clock })))
    }

    /// Asks a question.
    pub(super) async fn ask<Q: Query>(&self, query: Q) -> anyhow::Result<Q::Answer> {
        match self {
            Self::Daemon(socket) => socket.ask(query).await,
            Self::Own(own) => {
                let _doing = saying("looking up", query.about());
                Ok(own.control().ask(query).await?)
            }
        }
    }

    /// Gives a command.
    pub(super) async fn order<C: Command>(
        &self,
        by: Actor,
        command: C,
    ) -> anyhow::Result<C::Answer> {
        match self {
            Self::Daemon(socket) => socket.order(by, command).await,
            Self::Own(own) => Ok(own.control().order(by, command).await?),
        }
    }

    /// Waits for the end of a task.
    pub(super) async fn outcome<T: DeserializeOwned>(&self, begun: Begun<T>) -> anyhow::Result<T> {
        match self {
            Self::Daemon(socket) => socket.outcome(begun).await,
            Self::Own(own) => Ok(own.control().outcome(begun).await?),
        }
    }

    /// Reports the progress of the runs that `work` waits for.
    pub(super) async fn watching<T>(&self, work: impl Future<Output = T>) -> T {
        let shown = Arc::new(Mutex::new(match self {
            Self::Daemon(_) => "waiting for the daemon to start".to_owned(),
            Self::Own(_) => "waiting for the runs to start".to_owned(),
        }));
        let told = Arc::clone(&shown);
        let _doing = doing::telling(move || lock(&told).clone());
        let watch = async {
            // A daemon that does not answer with progress is not asked again.
            let asked = |after, limit| query::Progress {
                tenant: None,
                after,
                limit,
            };
            while let Ok(rows) = self.all(usize::MAX, asked).await {
                if !rows.is_empty() {
                    *lock(&shown) = side_by_side(&rows);
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        beside(Box::pin(work), watch).await
    }

    /// Closes the connection; a store that was opened here is closed.
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

/// Returns whether there is a store, or something in its place that makes opening fail.
pub(super) fn has_store(config: &Config) -> bool {
    match std::fs::read_dir(&config.store) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// Returns whether a daemon has this store open, and answers for it.
pub(super) async fn daemon_has_store(store: &Path) -> bool {
    let path = control::socket_path(store);
    tokio::net::UnixStream::connect(&path).await.is_ok()
}

/// Says what we are waiting for, unless the caller has said more already.
fn saying(how: &'static str, what: &'static str) -> Option<Doing> {
    doing::now().is_none().then(|| {
        doing::telling(move || match output::n_printed() {
            0 => format!("{how} {what}"),
            n => format!("{how} {what}: {} so far", Thousands(n)),
        })
    })
}

impl Own {
    pub(super) fn control(&self) -> &Control {
        &self.parts.control
    }

    pub(super) fn maintenance(&self, config: &Config) -> Maintenance {
        let store = self.control().store().clone();
        Maintenance::new(
            config,
            store,
            self.clock.clone(),
            self.parts.metrics.clone(),
        )
    }
}

/// Waits for the work, alongside a progress display that may end earlier.
async fn beside<T>(work: impl Future<Output = T>, watch: impl Future<Output = ()>) -> T {
    let watch = async {
        watch.await;
        std::future::pending().await
    };
    let (Either::Left((ended, _)) | Either::Right((ended, _))) =
        select(pin!(work), pin!(watch)).await;
    ended
}

impl Socket {
    pub(super) async fn connect(store: &Path) -> anyhow::Result<Option<Self>> {
        // A socket file without a listener was left by a process that has ended.
        if !daemon_has_store(store).await {
            return Ok(None);
        }
        let path = control::socket_path(store);
        let options = http_client::Options {
            connect_timeout: Duration::from_secs(5),
            // A sync may take any length of time.
            timeout: None,
            unix_socket: Some(path),
            ..http_client::Options::default()
        };
        Ok(Some(Self(http_client::build(&options)?)))
    }

    /// Waits for the end of a task, and shows the progress that the daemon reports.
    pub(super) async fn outcome_watched<T: DeserializeOwned>(
        &self,
        begun: Begun<T>,
    ) -> anyhow::Result<T> {
        let shown = Arc::new(Mutex::new("waiting for the daemon to start".to_owned()));
        let told = Arc::clone(&shown);
        let _doing = doing::telling(move || lock(&told).clone());
        let watch = async {
            while let Ok(now) = self.ask(query::Doing).await {
                if let Some(now) = now {
                    *lock(&shown) = format!("the daemon is {now}");
                }
                tokio::time::sleep(ASK_EVERY).await;
            }
        };
        beside(self.outcome(begun), watch).await
    }

    /// Gives a command.
    pub(super) async fn order<C: Command>(
        &self,
        by: Actor,
        command: C,
    ) -> anyhow::Result<C::Answer> {
        let _doing = saying("asking the daemon to", command.about());
        let command = command.into();
        self.send(
            self.0
                .post("http://daemon/commands")
                .json(&GivenCommand { by, command }),
        )
        .await
    }

    /// Asks for a backup, and writes it as it comes.
    pub(super) async fn back_up(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let asked = self.0.get("http://daemon/backup").send().await;
        let mut answer = asked.context("asking the running daemon")?;
        if !answer.status().is_success() {
            return Err(CliError::OtherVersion.into());
        }
        while let Some(piece) = answer.chunk().await.context("receiving the backup")? {
            out.write_all(&piece).context("writing the backup")?;
        }
        Ok(())
    }

    pub(super) async fn ask<Q: Query>(&self, query: Q) -> anyhow::Result<Q::Answer> {
        let _doing = saying("waiting for the daemon's answer about", query.about());
        let query: AnyQuery = query.into();
        self.send(self.0.post("http://daemon/queries").json(&query))
            .await
    }

    /// Waits for the end of a task.
    async fn outcome<T: DeserializeOwned>(&self, begun: Begun<T>) -> anyhow::Result<T> {
        loop {
            let path = format!("http://daemon/tasks/{}", begun.task);
            let watched: Watched<T> = self.send(self.0.get(path)).await?;
            if let Some(outcome) = watched.ended()? {
                return Ok(outcome);
            }
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<T> {
        let answer = request.send().await.context("asking the running daemon")?;
        if answer.status().is_success() {
            return answer.json().await.or(Err(CliError::OtherVersion.into()));
        }
        match answer.json().await {
            Ok(problem) => Err(SentError::into(problem)),
            Err(_) => Err(CliError::OtherVersion.into()),
        }
    }
}
