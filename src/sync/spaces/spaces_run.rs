//! A run that reads spaces: those that the audit log named, or all.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::connector::Connector;
use crate::model::{Mode, Outcome, Run, RunId, SpaceCounts, Timestamp, Trigger};
use crate::signal::Shutdown;
use crate::store::{Known, SpaceReading, SpaceTodo, StoreError};

use crate::sync::apart::begin;
use crate::sync::apart::due::is_due;
use crate::sync::run::job::Job;
use crate::sync::run::measure;
use crate::sync::run::running::Running;
use crate::sync::{Progress, RunError};
use crate::telemetry::Span;

use super::failures::Failures;
use super::long_lists::LongLists;

/// What a run that reads spaces works with.
#[derive(Debug)]
pub(super) struct SpacesRun {
    pub(super) known: Known,
    pub(super) id: RunId,
    pub(super) reading: SpaceReading,
    /// Spaces that the audit log named.
    pub(super) todo: Vec<SpaceTodo>,
    pub(super) counts: SpaceCounts,
    pub(super) failures: Failures,
    pub(super) long_lists: LongLists,
}

impl<C: Connector> Job<C> {
    /// Starts to read what is due.
    pub(in crate::sync) fn start_spaces(
        self: &Arc<Self>,
        every: Duration,
        stopped: Shutdown,
    ) -> Running<Outcome> {
        let job = Arc::clone(self);
        begin::start(async move { job.read_spaces(every, &stopped).await })
    }

    /// Reads what is due. Fails only if the store fails: whatever the tenant answers becomes the
    /// outcome.
    async fn read_spaces(
        &self,
        every: Duration,
        stopped: &Shutdown,
    ) -> Result<Outcome, StoreError> {
        let found = self.to_read_apart(|store, no| {
            let named = (store.space_todo(no)?, store.noted_all_spaces(no)?);
            Ok((store.space_reading(no)?, named))
        });
        let Some((known, (reading, (todo, all_noted)))) = found.await? else {
            return Ok(Outcome::Succeeded);
        };
        // If the source refuses to show us spaces, the audit log does not make us ask more often.
        let is_noted = all_noted > 0 && !reading.mark.is_refused;
        let is_all = is_noted || is_due(&reading.mark, every, self.clock.now());
        if !is_all && (todo.is_empty() || reading.mark.last.is_none()) {
            return Ok(Outcome::Succeeded);
        }
        let is_new = reading.mark.began.is_none();
        let span = Span::of_run(&self.name, Trigger::Spaces, Mode::Commit);
        let mut run = self.begin(Trigger::Spaces, Mode::Commit).await?;
        run.tenant = Some(known.tenant.id.clone());
        let mut spaces = SpacesRun {
            known,
            id: run.id,
            reading,
            todo,
            counts: SpaceCounts::default(),
            failures: Failures::default(),
            long_lists: LongLists::default(),
        };
        let (before, no) = (self.store.last_seq(), spaces.known.no);
        let read = async {
            match is_all {
                true => self.read_all(&mut spaces).await,
                false => self.read_named(&mut spaces).await,
            }
        };
        let steps = async {
            tokio::select! {
                () = stopped.triggered() => Ok(Outcome::Interrupted),
                ended = read => ended,
            }
        };
        let ended = self.recorded(run.clone(), span.within(steps)).await?;
        if self.store.last_seq() != before {
            self.observer.report(Progress::Committed);
            let _pen = self.turns.pen().await;
            // Another job may have claimed the tenant meanwhile; then that job reports the rest.
            if self.claim.may_write(&spaces.known.tenant.id) {
                self.report_rights(&run).await?;
            }
            if !self.turns.is_swept() {
                self.observer.report(Progress::Ended);
            }
        }
        // The note stays if this run only continued an earlier reading: that one may have read the
        // space before the event.
        let mark = &spaces.reading.mark;
        if is_all && is_new && mark.began.is_none() && !mark.is_refused {
            self.store
                .offload(move |store| store.forget_all_spaces(no, all_noted))
                .await?;
        }
        run.ended_at = Some(self.clock.now());
        run.spaces = Some(spaces.counts);
        run.outcome = begin::outcome_of(ended)?;
        spaces.long_lists.log(&run);
        log(&run, &spaces.counts);
        measure::run(&self.metrics, &run);
        span.ran(&run);
        let saved = run.clone();
        self.store
            .offload(move |store| store.save_run(&saved))
            .await?;
        Ok(run.outcome)
    }

    /// Reads the spaces that the audit log named.
    async fn read_named(&self, run: &mut SpacesRun) -> Result<Outcome, RunError> {
        let todo = std::mem::take(&mut run.todo);
        self.look_at_spaces(run, todo).await?;
        Ok(judged(&run.counts))
    }
}

/// Returns the outcome of a run that has read everything that was due.
pub(super) fn judged(counts: &SpaceCounts) -> Outcome {
    match counts.unseen {
        0 => Outcome::Succeeded,
        _ => Outcome::Degraded,
    }
}

fn log(run: &Run, counts: &SpaceCounts) {
    let name = &run.tenant_name;
    let took = run.ended_at.map_or(Duration::ZERO, |ended: Timestamp| {
        ended.since(run.started_at)
    });
    match &run.outcome {
        Outcome::Failed { code, message } => warn!(
            tenant.name = %name, run.id = %run.id, error.code = %code, error = %message,
            "Reading the spaces of `{name}` failed, and continues later where it was: {message} \
             [{code}]"
        ),
        Outcome::Incomplete { reason } => warn!(
            tenant.name = %name, run.id = %run.id,
            "Reading the spaces of `{name}` is incomplete; what was not seen is left unchanged: \
             {reason}"
        ),
        Outcome::Running
        | Outcome::Succeeded
        | Outcome::Degraded
        | Outcome::Held
        | Outcome::Interrupted => info!(
            tenant.name = %name, run.id = %run.id, run.created = counts.created,
            run.updated = counts.updated, run.deleted = counts.deleted,
            "Read {} spaces of `{name}` in {took:.1?}: {} created, {} updated, {} deleted, {} not \
             fully visible",
            counts.read, counts.created, counts.updated, counts.deleted, counts.unseen
        ),
    }
}
