//! Runs one tenant's sync on its schedule until told to end.

use std::sync::Arc;
use std::time::Duration;

use crate::connector::Connector;
use crate::model::{Mode, Timestamp, Trigger};
use crate::signal::Shutdown;
use crate::store::StoreError;

use super::{Job, Schedule};

/// How long the loop sleeps at the most before it looks at the clock again: a clock that was
/// set forward is noticed within this time.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The loop of one tenant.
#[derive(Debug)]
pub struct Worker<C> {
    /// What it runs.
    pub job: Arc<Job<C>>,
    /// When.
    pub schedule: Schedule,
    /// By how much a run is put off at the most, so that many tenants on one schedule do not
    /// all begin in the same second.
    pub jitter: Duration,
}

impl<C: Connector> Worker<C> {
    /// Runs at once, then on schedule, and polls the audit log in between, until told to end.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), StoreError> {
        tokio::try_join!(self.sweeps(&shutdown), self.polls(&shutdown)).map(|_ended| ())
    }

    /// Runs at once, then on schedule. A run under way is dropped at its next await: what it
    /// has committed stays, the rest the next run finds again.
    async fn sweeps(&self, shutdown: &Shutdown) -> Result<(), StoreError> {
        let mut trigger = Trigger::Start;
        loop {
            let began = self.job.clock.now();
            let mut run = self.job.start(trigger, Mode::Commit);
            tokio::select! {
                () = shutdown.triggered() => {
                    run.abort();
                    return Ok(());
                }
                report = run.ended() => drop(report?),
            }
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                () = self.due_after(began) => trigger = Trigger::Schedule,
                () = self.job.hearing.gap_opened() => trigger = Trigger::Gap,
            }
        }
    }

    /// Waits until the run after the one that began then is due. Asks the schedule anew at each
    /// look, so that a clock that was set back does not put it off.
    async fn due_after(&self, began: Timestamp) {
        let jitter = self.jitter.mul_f64(fastrand::f64());
        loop {
            let now = self.job.clock.now();
            let due = self.schedule.next_after(began, now, jitter);
            if due <= now {
                return;
            }
            tokio::time::sleep(due.since(now).min(LOOK_AGAIN)).await;
        }
    }
}
