//! The only place where tasks are spawned: named, watched and joined.

use std::future::Future;
use std::time::Duration;

use tokio::task::JoinSet;
use tracing::{error, warn};

use crate::signal::ShutdownTrigger;

/// The background tasks of the process.
///
/// A task ends when it was told to; if one ends with an error or a panic, all are told to
/// end, since a daemon of which a part is missing looks alive and is not.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<(&'static str, Result<(), anyhow::Error>)>,
    shutdown: ShutdownTrigger,
}

/// Whether all tasks ended as they should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of them.
    Clean,
    /// At least one failed, panicked or did not end in time.
    Broken,
}

impl Tasks {
    /// Makes an empty set whose tasks end by this trigger.
    pub fn new(shutdown: ShutdownTrigger) -> Self {
        Self {
            set: JoinSet::new(),
            shutdown,
        }
    }

    /// Starts a task under a name for the log.
    pub fn spawn<F, E>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send,
    {
        self.set
            .spawn(async move { (name, task.await.map_err(Into::into)) });
    }

    /// Waits until one task ends by itself, which none should.
    pub async fn first_failure(&mut self) -> Ending {
        loop {
            match self.set.join_next().await {
                None => std::future::pending::<()>().await,
                Some(joined) => {
                    if judge(joined) == Ending::Broken {
                        return Ending::Broken;
                    }
                }
            }
        }
    }

    /// Tells all tasks to end and waits for them, up to `patience`.
    pub async fn end(mut self, patience: Duration) -> Ending {
        self.shutdown.trigger();
        let mut ending = Ending::Clean;
        let all = async {
            while let Some(joined) = self.set.join_next().await {
                if judge(joined) == Ending::Broken {
                    ending = Ending::Broken;
                }
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            warn!("Some tasks did not end within {patience:?}; they are cut off");
            return Ending::Broken;
        }
        ending
    }
}

fn judge(
    joined: Result<(&'static str, Result<(), anyhow::Error>), tokio::task::JoinError>,
) -> Ending {
    match joined {
        Ok((_, Ok(()))) => Ending::Clean,
        Ok((name, Err(failure))) => {
            error!(task = name, error = %format!("{failure:#}"), "Task `{name}` failed: {failure:#}");
            Ending::Broken
        }
        Err(broken) => {
            error!(error = %broken, "A task broke off: {broken}");
            Ending::Broken
        }
    }
}
