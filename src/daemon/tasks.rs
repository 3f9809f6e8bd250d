//! The only place where tasks are spawned: named, watched and joined.

use std::future::Future;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tracing::{error, warn};

use crate::signal::ShutdownTrigger;

/// The background tasks of the process.
///
/// A task ends when it is told to. If one ends with an error or a panic, all are told to end: a
/// daemon that lacks a part looks alive but is not.
#[derive(Debug)]
pub struct Tasks {
    set: JoinSet<(&'static str, Result<(), anyhow::Error>)>,
    /// The same tasks by name, to cut them off.
    named: Vec<(&'static str, AbortHandle)>,
    shutdown: ShutdownTrigger,
}

/// How long tasks may take to end.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Tasks whose current work is worth waiting for.
    pub of: &'static str,
    /// How long these may take.
    pub long: Duration,
    /// How long all others may take.
    pub short: Duration,
}

/// Whether all tasks ended properly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// All of them did.
    Clean,
    /// At least one failed or panicked.
    Broken,
}

impl Tasks {
    /// Creates an empty set whose tasks end on this trigger.
    pub fn new(shutdown: ShutdownTrigger) -> Self {
        Self {
            set: JoinSet::new(),
            named: Vec::new(),
            shutdown,
        }
    }

    /// Starts a task under a name for the log.
    pub fn spawn<F, E>(&mut self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send,
    {
        let handle = self
            .set
            .spawn(async move { (name, task.await.map_err(Into::into)) });
        self.named.push((name, handle));
    }

    /// Waits until one task ends by itself, which none should do.
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

    /// Tells all tasks to end and waits for them. Tasks that take too long are cut off, which is
    /// logged but is not a failure: the next start repeats their work.
    pub async fn end(mut self, patience: Patience) -> Ending {
        self.shutdown.trigger();
        let mut ending = Ending::Clean;
        for (wait, spared) in [
            (patience.short, Some(patience.of)),
            (patience.long.saturating_sub(patience.short), None),
        ] {
            let all = async {
                while let Some(joined) = self.set.join_next().await {
                    if judge(joined) == Ending::Broken {
                        ending = Ending::Broken;
                    }
                }
            };
            if tokio::time::timeout(wait, all).await.is_err() {
                self.cut_off(spared);
            }
        }
        ending
    }

    /// Cuts off all tasks that have not ended, except those with a given name.
    fn cut_off(&self, spared: Option<&str>) {
        let late = self
            .named
            .iter()
            .filter(|(name, handle)| !handle.is_finished() && spared != Some(*name));
        for (name, handle) in late {
            warn!(
                task = name,
                "Task `{name}` did not end in time and was cut off"
            );
            handle.abort();
        }
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
        Err(cut_off) if cut_off.is_cancelled() => Ending::Clean,
        Err(broken) => {
            // Its message may contain values. The place is in a line of its own.
            error!(
                "A task crashed (number {}); the line before says where",
                broken.id()
            );
            Ending::Broken
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::convert::Infallible;
    use std::future::pending;

    use tokio::time::Instant;

    use crate::signal;

    const PATIENCE: Patience = Patience {
        of: "deliver",
        long: Duration::from_secs(20),
        short: Duration::from_secs(4),
    };

    #[tokio::test(start_paused = true)]
    async fn who_does_not_end_is_cut_off_and_that_is_no_failure() {
        for (name, expected) in [("web", PATIENCE.short), ("deliver", PATIENCE.long)] {
            let (trigger, shutdown) = signal::shutdown();
            let mut tasks = Tasks::new(trigger);
            tasks.spawn(name, pending::<Result<(), Infallible>>());
            tasks.spawn("polite", async move {
                shutdown.triggered().await;
                Ok::<_, Infallible>(())
            });
            let began = Instant::now();

            assert_eq!(tasks.end(PATIENCE).await, Ending::Clean);

            let took = began.elapsed();
            assert!(
                took >= expected && took < expected + Duration::from_secs(1),
                "{name}: {took:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_fails_on_the_way_down_is_a_failure() {
        let (trigger, shutdown) = signal::shutdown();
        let mut tasks = Tasks::new(trigger);
        tasks.spawn("sync", async move {
            shutdown.triggered().await;
            Err(std::io::Error::other("a test"))
        });

        assert_eq!(tasks.end(PATIENCE).await, Ending::Broken);
    }
}
