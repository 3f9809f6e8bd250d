//! Begins a run after the one under way, does its steps, and records how it ended.

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::sync::Arc;

use futures_util::FutureExt;
use tracing::warn;

use crate::connector::Connector;
use crate::history::HistoryError;
use crate::lock::lock;
use crate::model::{Mode, Outcome, Run, TenantName, Trigger};
use crate::store::{NewRun, StoreError};

use super::beside::{Pen, Scope};
use super::failure_events::write_event;
use super::job::Job;
use super::measure;
use super::outcome;
use super::running::{Report, Running};
use crate::sync::rights::{self, InSpaces};
use crate::sync::tenants::freshness::Ended;
use crate::sync::{Progress, Rank, RunError};
use crate::telemetry::Span;

impl<C: Connector> Job<C> {
    /// Starts a run, after the one under way if there is one.
    ///
    /// The run goes on even if the caller stops waiting: the work that it has handed to other
    /// threads would go on anyway, and the next run must not begin before that has ended.
    #[expect(
        clippy::disallowed_methods,
        reason = "a run ends by itself, and its turn with it; at the end of the process its \
                  worker aborts it, or the closed store ends it"
    )]
    pub(in crate::sync) fn start(self: &Arc<Self>, trigger: Trigger, mode: Mode) -> Running {
        let job = Arc::clone(self);
        Running(tokio::spawn(async move {
            tokio::select! {
                biased;
                // Whoever waits for the run is told otherwise that the process ends.
                () = job.ending.triggered() => std::future::pending().await,
                report = job.run(trigger, mode) => report,
            }
        }))
    }

    /// Returns the name under which the tenant is already read, if this job is not needed. A tenant
    /// that the operator has named is read under that name; others may turn out to be the same
    /// tenant.
    pub(in crate::sync) async fn aside(&self) -> Option<TenantName> {
        if self.claim.me().rank == Rank::Named {
            return None;
        }
        if let Some(known) = self.claim.known() {
            return self.claim.aside(known);
        }
        let _place = self.claim.place().await;
        // An error here comes up again in the run, which reports it.
        let tenant = self.connector.identify().await.ok()?;
        self.claim.better(&tenant)
    }

    /// Does one run. It fails only if the store fails: whatever the tenant answers becomes the
    /// outcome of the run.
    async fn run(&self, trigger: Trigger, mode: Mode) -> Result<Report, StoreError> {
        let _turn = self.turns.sweep().await;
        // Polls go on while it waits for its place.
        let _place = self.claim.place().await;
        let mut pen = self.turns.pen().await;
        self.run_in_turn(trigger, mode, Scope::All, &mut pen).await
    }

    /// Does one run for a caller that has the pen and, for a run of the whole tenant, a place.
    pub(in crate::sync) async fn run_in_turn(
        &self,
        trigger: Trigger,
        mode: Mode,
        scope: Scope,
        pen: &mut Pen<'_>,
    ) -> Result<Report, StoreError> {
        let span = Span::of_run(&self.name, trigger, mode);
        let done = span.within(self.run_whole(trigger, mode, scope, pen)).await;
        if let Ok(report) = &done {
            span.ran(&report.run);
        }
        done
    }

    async fn run_whole(
        &self,
        trigger: Trigger,
        mode: Mode,
        scope: Scope,
        pen: &mut Pen<'_>,
    ) -> Result<Report, StoreError> {
        let is_whole = matches!(scope, Scope::All);
        let is_sweep = is_whole && mode == Mode::Commit;
        let is_beside = scope.beside().is_some();
        let _place = match is_whole {
            true => None,
            false => self.claim.brief_place().await,
        };
        let before = self.store.last_seq();
        if is_sweep {
            self.audit.sweep_begins();
            self.freshness.run_begins();
        }
        let mut run = self.begin(trigger, mode).await?;
        if is_whole {
            self.observer.report(Progress::Begun);
        }
        let begun = run.clone();
        let ended = self.recorded(begun, self.steps(&mut run, scope, pen));
        let ended = ended.await?;
        pen.take().await;
        if mode == Mode::Commit {
            self.report_rights(&run).await?;
        }
        // Requests beside a sweep count as the sweep's, and so does its progress.
        if !is_beside {
            self.observer.report(Progress::Ended);
            run.traffic = self.connector.take_traffic();
        }
        run.ended_at = Some(self.clock.now());
        let preview = match ended {
            Ok(preview) => preview,
            Err(RunError::Store { source }) if source.is_fatal() => return Err(source),
            Err(error) => {
                run.outcome = outcome::failed(&error);
                Vec::new()
            }
        };
        if is_sweep {
            self.conclude(&mut run, before).await?;
            self.note_end(&run);
        }
        outcome::log(&run);
        measure::run(&self.metrics, &run);
        if is_sweep {
            self.report_end(&run).await?;
        }
        let saved = run.clone();
        self.store
            .offload(move |store| store.save_run(&saved))
            .await?;
        Ok(Report { run, preview })
    }

    /// Does the steps of a run. If they crash, it records that the run has ended, which would count
    /// as under way until the daemon ends, and lets the panic go on to the loop that asked for it.
    pub(in crate::sync) async fn recorded<T>(
        &self,
        mut begun: Run,
        steps: impl Future<Output = T>,
    ) -> Result<T, StoreError> {
        let panic = match AssertUnwindSafe(steps).catch_unwind().await {
            Ok(ended) => return Ok(ended),
            Err(panic) => panic,
        };
        self.observer.report(Progress::Ended);
        if begun.is_sweep() {
            self.freshness.run_ended(Ended::Badly);
        }
        begun.outcome = Outcome::Interrupted;
        begun.ended_at = Some(self.clock.now());
        let saved = self.store.offload(move |store| store.save_run(&begun));
        saved.await?;
        resume_unwind(panic)
    }

    /// Writes an event if the tenant begins to fail or recovers with this run, and wakes delivery.
    async fn report_end(&self, run: &Run) -> Result<(), StoreError> {
        let ended = run.clone();
        self.store
            .offload(move |store| write_event(store, &ended))
            .await?;
        self.observer.report(Progress::Committed);
        // Otherwise `status` would say for ever that it is committing.
        self.observer.report(Progress::Ended);
        Ok(())
    }

    /// Reports how runs changed who holds what. What cannot be reported now is reported after the
    /// next run.
    ///
    /// The caller has the pen.
    pub(in crate::sync) async fn report_rights(&self, run: &Run) -> Result<(), StoreError> {
        let Some(tenant) = run.tenant.clone() else {
            return Ok(());
        };
        let looked = Arc::clone(&self.looked);
        let space_pen = self.claim.space_pen(&tenant);
        let in_spaces = match self.spaces.is_read() {
            true => InSpaces::Compared,
            false => InSpaces::Ignored,
        };
        let reported = self.store.offload(move |store| {
            let _alone = lock(&space_pen);
            let mut tenants = store.tenants()?.into_iter();
            match tenants.find(|known| known.tenant.id == tenant) {
                Some(known) => rights::report(store, &known, &looked, in_spaces),
                None => Ok(false),
            }
        });
        match reported.await {
            Ok(true) => self.observer.report(Progress::Committed),
            Ok(false) => {}
            Err(HistoryError::Store { source }) => return Err(source),
            Err(error) => warn!(
                tenant.name = %self.name, run.id = %run.id, error.code = error.code(),
                error = %error,
                "Could not compare who holds what in `{}` before and after this run; the \
                 comparison after the next run covers both", self.name,
            ),
        }
        Ok(())
    }

    /// Notes that a sweep has ended, and how.
    fn note_end(&self, run: &Run) {
        let is_success = run.outcome.is_success();
        if run.held.is_none() && is_success {
            self.answers.clear();
        }
        if is_success {
            self.spaces.wake.wake();
            self.licences.wake.wake();
        }
        self.freshness.run_ended(match is_success {
            true => Ended::Well,
            false => Ended::Badly,
        });
    }

    /// Gives a run its number.
    pub(in crate::sync) async fn begin(
        &self,
        trigger: Trigger,
        mode: Mode,
    ) -> Result<Run, StoreError> {
        let new = NewRun {
            tenant_name: self.name.clone(),
            tenant: None,
            trigger,
            mode,
            started_at: self.clock.now(),
        };
        self.store.offload(move |store| store.begin_run(new)).await
    }
}
