//! Runs one tenant's sync on its schedule until told to end.

use std::sync::Arc;
use std::time::Duration;

use tracing::info;

use crate::clock::Steadiness;
use crate::connector::Connector;
use crate::model::{Mode, Outcome, Pause, PlanState, Run, Trigger};
use crate::pulse::{Pulse, Pulses};
use crate::signal::Shutdown;
use crate::store::StoreError;
use crate::telemetry::{Crashes, Part};

use super::schedule::{Approval, Last};
use super::tenant_registry::Paused;
use crate::sync::{Job, Linked, Schedule};

/// The longest time that the loop sleeps before it looks at the clock again, and within which it
/// notices that the clock was set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// How many runs may be due without a success before a tenant counts as not read in time.
const RUNS_MISSED: u32 = 3;

/// The loop of one tenant.
#[derive(Debug)]
pub struct Worker<C> {
    /// What it runs.
    pub job: Arc<Job<C>>,
    /// Its tenant, which may be paused.
    pub linked: Arc<Linked>,
    /// When runs are due.
    pub schedule: Schedule,
    /// The most that a run is delayed, so that tenants with the same schedule do not all begin in
    /// the same second.
    pub jitter: Duration,
    /// Starts its parts again if they crash.
    pub crashes: Crashes,
    /// Shows that its parts go round.
    pub pulses: Pulses,
}

/// What a loop does next.
enum Next {
    Run(Trigger),
    End,
}

impl<C: Connector> Worker<C> {
    /// Runs at once, then on schedule, polls the audit log in between, and reads spaces and
    /// licences, until told to end.
    pub async fn run(self, shutdown: Shutdown) -> Result<(), StoreError> {
        let (job, shutdown) = (&self.job, &shutdown);
        // Not when the sweeps start again after a crash: the tenant was not read since then.
        let three_runs = self.schedule.span(job.clock.now(), RUNS_MISSED);
        job.freshness.begins(three_runs);
        tokio::try_join!(
            self.survive(Part::Sweeps, shutdown, |pulse| self.sweeps(shutdown, pulse)),
            self.survive(Part::Polls, shutdown, |pulse| self.polls(shutdown, pulse)),
            self.survive(Part::Spaces, shutdown, |pulse| {
                let start = |every, stopped| job.start_spaces(every, stopped);
                self.apart((shutdown, pulse), &job.spaces, start)
            }),
            self.survive(Part::Licences, shutdown, |pulse| {
                let start = |every, stopped| job.start_licences(every, stopped);
                self.apart((shutdown, pulse), &job.licences, start)
            }),
        )
        .map(|_ended| ())
    }

    /// Runs a part of the loop, and starts it again if it crashes.
    async fn survive<F>(
        &self,
        part: Part,
        shutdown: &Shutdown,
        start: impl Fn(Pulse) -> F,
    ) -> Result<(), StoreError>
    where
        F: Future<Output = Result<(), StoreError>>,
    {
        let name = &self.job.name;
        let pulse = self.pulses.of(format!("{} of {name}", part.word()));
        let loops = (pulse, shutdown);
        self.crashes.survive((part, &name.0), loops, start).await
    }

    /// Runs at once, then on schedule, and soon again after a failure. At shutdown, a run under way
    /// is dropped at its next await: what it has committed stays, and the next run finds the rest
    /// again. While the tenant is paused there are no runs; once it is resumed, one comes at once.
    async fn sweeps(&self, shutdown: &Shutdown, pulse: Pulse) -> Result<(), StoreError> {
        let waken = |trigger| pulse.beside(self.waken(shutdown, trigger));
        let mut next = waken(Trigger::Start).await;
        let mut n_failures = 0;
        while let Next::Run(trigger) = next {
            let began = self.job.clock.now();
            let mut steadiness = Steadiness::of(&self.job.clock);
            self.linked.set_next(None);
            let mut run = self.job.start(trigger, Mode::Commit);
            let report = tokio::select! {
                () = shutdown.triggered() => {
                    run.abort();
                    return Ok(());
                }
                report = pulse.beside(run.ended()) => report?,
            };
            let ended = self.job.clock.now();
            n_failures = match report.run.outcome.is_success() {
                true => {
                    let three_runs = self.schedule.span(ended, RUNS_MISSED);
                    self.job.freshness.expect(three_runs);
                    0
                }
                false => n_failures + 1,
            };
            let mut last = Last {
                began,
                ended,
                n_failures,
            };
            // If the clock was set during the run, the old clock measured only its beginning.
            if let Some(jump) = steadiness.look(&self.job.clock) {
                last.follow(jump);
                last.ended = ended;
            }
            next = tokio::select! {
                () = shutdown.triggered() => Next::End,
                due = self.due_after(last, &mut steadiness, &pulse) => {
                    due?;
                    waken(Trigger::Schedule).await
                }
                () = self.job.audit.gap_opened() => waken(Trigger::Gap).await,
                () = self.linked.pause_changed(Paused::Yes) => waken(Trigger::Schedule).await,
            };
        }
        Ok(())
    }

    /// Waits while the tenant is paused, after finding out whether it has to be.
    async fn waken(&self, shutdown: &Shutdown, trigger: Trigger) -> Next {
        let wait = async {
            loop {
                self.linked.pause_changed(Paused::No).await;
                let Some(other) = self.job.aside().await else {
                    return;
                };
                info!(
                    tenant.name = %self.job.name,
                    "`{}` is `{other}`, under another of its host names; it is read only once",
                    self.job.name
                );
                self.linked.set_pause(Some(Pause::SameAs(other)));
                self.linked.set_next(None);
            }
        };
        let was_paused = self.linked.pause().is_some();
        if was_paused {
            self.linked.set_next(None);
        }
        tokio::select! {
            () = shutdown.triggered() => return Next::End,
            () = wait => {}
        }
        if was_paused {
            let three_runs = self.schedule.span(self.job.clock.now(), RUNS_MISSED);
            self.job.freshness.begins(three_runs);
        }
        Next::Run(trigger)
    }

    /// Waits until the run after this one is due. Asks the schedule and the store again at each
    /// look, so that an approval does not wait long and a clock that was set is followed.
    async fn due_after(
        &self,
        mut last: Last,
        steadiness: &mut Steadiness,
        pulse: &Pulse,
    ) -> Result<(), StoreError> {
        let jitter = self.jitter.mul_f64(fastrand::f64());
        loop {
            let approval = self.approval().await?;
            if let Some(jump) = steadiness.look(&self.job.clock) {
                last.follow(jump);
            }
            let now = self.job.clock.now();
            let due = self.schedule.next(last, now, jitter);
            let due = approval.map_or(due, |approval| due.min(approval.due(last, now).max(now)));
            self.linked.set_next(Some(due));
            if due <= now {
                return Ok(());
            }
            pulse.sleep(due.since(now).min(LOOK_AGAIN)).await;
        }
    }

    /// Returns an approval that no run has applied yet. Approving asks for a run, but that run may
    /// fail or be interrupted.
    async fn approval(&self) -> Result<Option<Approval>, StoreError> {
        let name = self.job.name.clone();
        self.job
            .store
            .offload(move |store| {
                let tenants = store.tenants()?.into_iter();
                let Some(known) = tenants.into_iter().find(|known| known.name == name) else {
                    return Ok(None);
                };
                let open = store.open_plan(known.no)?;
                let Some(PlanState::Approved { at }) = open.map(|plan| plan.state) else {
                    return Ok(None);
                };
                let last = store.newest_run(&name, Run::is_sweep)?;
                Ok(match last {
                    Some(run) if run.outcome == Outcome::Running => None,
                    Some(run) => Some(Approval {
                        at,
                        tried: run.ended_at.unwrap_or(run.started_at).max(at),
                    }),
                    None => Some(Approval { at, tried: at }),
                })
            })
            .await
    }
}

#[cfg(test)]
mod tests;
