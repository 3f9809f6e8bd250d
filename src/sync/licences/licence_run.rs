//! A run that reads the licence of a tenant.

use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};

use crate::connector::Connector;
use crate::model::{LicenceCounts, Mode, Outcome, Run, RunId, Timestamp, Trigger};
use crate::signal::Shutdown;
use crate::store::{Known, LicenceReading, Store, StoreError};
use crate::sync::apart::{begin, due};
use crate::sync::run::job::Job;
use crate::sync::run::measure;
use crate::sync::run::running::Running;
use crate::telemetry::Span;

/// The shortest time between two readings if the audit log names the licence. The log does so each
/// time a user is assigned one, and every reading reads the whole listing.
const NAMED_EVERY: Duration = Duration::from_secs(3600);

/// The shortest time after which a second reading looks again for what a first one did not show.
const CONFIRM_AFTER: Duration = Duration::from_secs(15 * 60);

/// What a run that reads the licence works with.
#[derive(Debug)]
pub(super) struct LicenceRun {
    pub(super) id: RunId,
    pub(super) known: Known,
    pub(super) reading: LicenceReading,
    pub(super) counts: LicenceCounts,
}

impl<C: Connector> Job<C> {
    /// Starts to read the licence if it is due.
    pub(in crate::sync) fn start_licences(
        self: &Arc<Self>,
        every: Duration,
        stopped: Shutdown,
    ) -> Running<Outcome> {
        let job = Arc::clone(self);
        begin::start(async move { job.read_licence(every, &stopped).await })
    }

    /// Reads the licence if it is due. Fails only if the store fails: whatever the tenant answers
    /// becomes the outcome.
    async fn read_licence(
        &self,
        every: Duration,
        stopped: &Shutdown,
    ) -> Result<Outcome, StoreError> {
        let found = self.to_read_apart(Store::licence_reading);
        let Some((known, reading)) = found.await? else {
            return Ok(Outcome::Succeeded);
        };
        if !is_due(&reading, every, self.clock.now()) {
            return Ok(Outcome::Succeeded);
        }
        let span = Span::of_run(&self.name, Trigger::Licence, Mode::Commit);
        let mut run = self.begin(Trigger::Licence, Mode::Commit).await?;
        run.tenant = Some(known.tenant.id.clone());
        let mut licence = LicenceRun {
            id: run.id,
            known,
            reading,
            counts: LicenceCounts::default(),
        };
        let steps = async {
            tokio::select! {
                () = stopped.triggered() => Ok(Outcome::Interrupted),
                ended = self.read_assignments(&mut licence) => ended,
            }
        };
        let ended = self.recorded(run.clone(), span.within(steps)).await?;
        run.ended_at = Some(self.clock.now());
        run.licence = Some(licence.counts);
        run.outcome = begin::outcome_of(ended)?;
        log(&run, &licence.counts);
        measure::run(&self.metrics, &run);
        span.ran(&run);
        let saved = run.clone();
        self.store
            .offload(move |store| store.save_run(&saved))
            .await?;
        Ok(run.outcome)
    }
}

/// Returns whether the licence must be read now. If the audit log has named it, or if the last
/// reading did not show some subjects, it is read earlier than on schedule, but not immediately.
fn is_due(reading: &LicenceReading, every: Duration, now: Timestamp) -> bool {
    let every = match (
        reading.unconfirmed,
        reading.named.times > reading.named.read,
    ) {
        (0, false) => every,
        (0, true) => every.min(NAMED_EVERY),
        (1.., _) => every.min(CONFIRM_AFTER),
    };
    due::is_due(&reading.mark, every, now)
}

fn log(run: &Run, counts: &LicenceCounts) {
    let name = &run.tenant_name;
    let took = run.ended_at.map_or(Duration::ZERO, |ended: Timestamp| {
        ended.since(run.started_at)
    });
    let LicenceCounts {
        read,
        unreadable,
        removed,
        kept: _,
    } = counts;
    match &run.outcome {
        Outcome::Failed { code, message } => warn!(
            tenant.name = %name, run.id = %run.id, error.code = %code, error = %message,
            "Reading the licence of `{name}` failed, and is tried again later: {message} [{code}]"
        ),
        Outcome::Incomplete { reason } => warn!(
            tenant.name = %name, run.id = %run.id,
            "Reading the licence of `{name}` is incomplete: {reason}"
        ),
        Outcome::Interrupted => info!(
            tenant.name = %name, run.id = %run.id,
            "Reading the licence of `{name}` was interrupted, and continues later"
        ),
        Outcome::Running | Outcome::Succeeded | Outcome::Degraded | Outcome::Held => info!(
            tenant.name = %name, run.id = %run.id, run.unreadable = unreadable,
            "Read {read} assignments of the licence of `{name}` in {took:.1?}: {removed} removed, \
             {unreadable} not readable"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Named, ReadingMark};

    #[test]
    fn the_audit_log_and_missing_subjects_make_a_reading_due_but_not_again_and_again() {
        let at = |minutes: i64| Timestamp::from_millis(minutes * 60_000);
        let day = Duration::from_secs(86_400);
        for (times, unconfirmed, minutes, expected) in [
            (0, 0, 120, false),
            (1, 0, 59, false),
            (1, 0, 61, true),
            (0, 3, 14, false),
            (0, 3, 16, true),
        ] {
            let reading = LicenceReading {
                mark: ReadingMark {
                    last: Some(at(0)),
                    ..ReadingMark::default()
                },
                named: Named {
                    times,
                    ..Named::default()
                },
                unconfirmed,
                ..LicenceReading::default()
            };

            assert_eq!(is_due(&reading, day, at(minutes)), expected, "{minutes}");
        }
    }
}
