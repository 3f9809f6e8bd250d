//! Writes the exports of the configuration on their schedules, one after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{info, warn};

use super::attempt::{newest, write};
use super::error::ExportError;
use super::options::Export;
use crate::clock::{Clock, Rough};
use crate::control::{Control, ExportOrder, ExportRow, Exported};
use crate::model::{ExportName, Timestamp};
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::sync::Last;
use crate::telemetry::{ExportOutcome, Metrics, Sample, chain};

/// The longest time that the loop sleeps before it looks at the clock again, which somebody may
/// have set.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The loop that writes all exports.
#[derive(Debug)]
pub struct Worker {
    control: Arc<Control>,
    clock: Clock,
    metrics: Metrics,
    exports: Vec<Planned>,
}

/// An export, and how its last attempt ended.
#[derive(Debug)]
struct Planned {
    export: Arc<Export>,
    /// The last attempt; `None` if the folder has no export yet, so that one is due.
    last: Option<Last>,
}

impl Worker {
    /// Prepares the loop.
    pub fn new(
        exports: Vec<Export>,
        control: Arc<Control>,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        let exports = exports.into_iter().map(|export| Planned {
            export: Arc::new(export),
            last: None,
        });
        Self {
            control,
            clock,
            metrics,
            exports: exports.collect(),
        }
    }

    /// Writes exports until told to end. What is being written then is given up, and written after
    /// the next start.
    pub async fn run(mut self, pulse: Pulse, shutdown: Shutdown) -> Result<(), Infallible> {
        let work = async {
            self.look().await;
            loop {
                match self.due() {
                    Some(i) => self.attempt(i, &shutdown).await,
                    None => self.wait().await,
                }
            }
        };
        tokio::select! {
            () = shutdown.triggered() => Ok(()),
            // Disks of other machines may take any time: this loop only shows that it runs.
            never = pulse.beside(work) => never,
        }
    }

    /// Finds out which exports the folders have, from before the start.
    async fn look(&mut self) {
        let mut found = Vec::new();
        for planned in &self.exports {
            let export = Arc::clone(&planned.export);
            let newest = blocking(move || newest(&export)).await;
            // What is wrong with the folder is reported when the export is written, now.
            let at = newest.ok().flatten();
            if let Some(at) = at {
                self.note(&planned.export.name, at);
            }
            found.push(at);
        }
        let now = self.clock.now();
        for (planned, at) in self.exports.iter_mut().zip(found) {
            // One of the future was written while the clock was ahead. It says nothing of when the
            // next one is due.
            planned.last = at.filter(|at| *at <= now).map(|at| Last {
                began: at,
                ended: at,
                n_failures: 0,
            });
        }
    }

    /// Returns an export that is due, and notes when each is. Ordered ones come first, then the one
    /// whose last attempt ended first, so that no export keeps others from being written.
    fn due(&mut self) -> Option<usize> {
        let now = self.clock.now();
        let mut due = Vec::new();
        for (i, planned) in self.exports.iter_mut().enumerate() {
            planned.follow(now);
            let name = &planned.export.name;
            let next = planned.next(now);
            let is_ordered = self.control.exports().order(name).is_some();
            self.control
                .exports()
                .note(name, |row| row.next = Some(next));
            if is_ordered || next <= now {
                let ended = planned.last.map(|last| last.ended);
                due.push((!is_ordered, ended, i));
            }
        }
        due.into_iter().min().map(|(_, _, i)| i)
    }

    /// Waits until an export may be due.
    async fn wait(&self) {
        let now = self.clock.now();
        let next = self.exports.iter().map(|planned| planned.next(now)).min();
        let wait = next.map_or(LOOK_AGAIN, |next| next.since(now).min(LOOK_AGAIN));
        tokio::select! {
            () = sleep(wait) => {}
            () = self.control.exports().ordered() => {}
        }
    }

    async fn attempt(&mut self, i: usize, shutdown: &Shutdown) {
        let Some(planned) = self.exports.get(i) else {
            return;
        };
        let export = Arc::clone(&planned.export);
        let exports = self.control.exports().clone();
        let order = exports.order(&export.name);
        exports.note(&export.name, |row| row.next = None);
        let began = self.clock.now();
        let (control, ending) = (Arc::clone(&self.control), shutdown.clone());
        let writing = Arc::clone(&export);
        let written = blocking(move || write(&control, &writing, &ending)).await;
        let ended = self.clock.now();
        if let Err(ExportError::Ending) = written {
            return;
        }
        let n_failures = match (&written, planned.last) {
            // The next one is tried on schedule: one more would take even more room.
            (Ok(_) | Err(ExportError::NotDropped { .. }), _) => 0,
            (Err(_), last) => last.map_or(0, |last| last.n_failures) + 1,
        };
        let last = Last {
            began,
            ended,
            n_failures,
        };
        self.tell(&export, written, last, order);
        if let Some(planned) = self.exports.get_mut(i) {
            planned.last = Some(last);
        }
    }

    /// Notes, counts and logs the result of an attempt.
    fn tell(
        &self,
        export: &Export,
        written: Result<Exported, ExportError>,
        last: Last,
        order: Option<ExportOrder>,
    ) {
        let name = &export.name;
        let outcome = match &written {
            Ok(exported) => {
                self.note(name, exported.as_of);
                info!(
                    export.name = %name,
                    rows = exported.rows,
                    "Export `{name}` was written to {}; rows: {}", exported.path, exported.rows
                );
                ExportOutcome::Written
            }
            Err(failed) => {
                let next = export.schedule.next(last, last.ended, Duration::ZERO);
                let wait = Rough(next.since(last.ended));
                let (outcome, what, then) = match failed.written() {
                    Some(as_of) => {
                        self.note(name, as_of);
                        (ExportOutcome::Written, "is not as it should be", "next one")
                    }
                    None => (ExportOutcome::Failed, "failed", "next try"),
                };
                warn!(
                    export.name = %name, code = failed.code(), error = %chain(failed),
                    "Export `{name}` {what}: {}; {}; {then} in {wait}",
                    chain(failed), failed.remedy()
                );
                outcome
            }
        };
        self.metrics.count(Sample::Exports {
            export: name,
            outcome: &outcome,
        });
        let exports = self.control.exports();
        let attempt = written.map_err(|failed| failed.failure(last.ended));
        let failure = attempt.as_ref().err().cloned();
        exports.note(name, |row: &mut ExportRow| row.failure = failure);
        if let Some(order) = order {
            exports.answer(name, order, attempt);
        }
    }

    /// Notes the time of the newest export.
    fn note(&self, name: &ExportName, at: Timestamp) {
        let exports = self.control.exports();
        exports.note(name, |row| row.written = Some(at));
        let seconds = at.millis() as f64 / 1000.0;
        self.metrics
            .set(Sample::ExportWritten { export: name }, seconds);
    }
}

impl Planned {
    /// Follows a clock that was set back: an attempt of the future would never be long enough ago.
    fn follow(&mut self, now: Timestamp) {
        if let Some(last) = &mut self.last {
            last.began = last.began.min(now);
            last.ended = last.ended.min(now);
        }
    }

    /// Returns when it is written next.
    fn next(&self, now: Timestamp) -> Timestamp {
        let next = |last| self.export.schedule.next(last, now, Duration::ZERO);
        self.last.map_or(now, next)
    }
}

/// Does work that waits for the disk on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("exporting does not panic")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use chrono_tz::Tz;
    use tempfile::TempDir;

    use super::*;
    use crate::clock::LastClockJump;
    use crate::control::{Actor, Endpoints, Exports, Face, ReportName, command};
    use crate::export::options::Readers;
    use crate::export::stamp;
    use crate::store::{Retention, Store};
    use crate::sync::{Schedule, TenantRegistry};
    use crate::view::ReportFormat;

    fn at(hours: u64) -> Timestamp {
        Timestamp::from_millis(1_767_225_600_000).plus(Duration::from_secs(hours * 3_600))
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "an export that was never written has none"
    )]
    fn ended(hours: u64) -> Option<Last> {
        Some(Last {
            began: at(hours),
            ended: at(hours),
            n_failures: 0,
        })
    }

    fn export(name: &str, folder: &Path) -> Export {
        Export {
            name: ExportName(name.to_owned()),
            folder: folder.to_owned(),
            reports: vec![ReportName::Users],
            tenants: None,
            format: ReportFormat::Csv,
            schedule: Schedule::parse("1d", Tz::UTC).unwrap(),
            keep: 7,
            readers: Readers::Owner,
        }
    }

    /// The loop over the exports `a`, `b` and `c`, each of which is due a day after the last one.
    /// The folder is that of the exports, with the store in it.
    fn worker(clock: &Clock) -> (Worker, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let exports = ["a", "b", "c"].map(|name| export(name, folder.path()));
        let rows = exports.iter().map(|it| (it.name.clone(), String::new()));
        let control = Control::new(
            Store::open(&folder.path().join("store")).unwrap().store,
            clock.clone(),
            TenantRegistry::default(),
            Endpoints::default(),
            Retention {
                keep: Duration::from_secs(1),
                keep_runs: 1,
            },
            Vec::new(),
            LastClockJump::of(clock.clone()),
        );
        let control = Arc::new(control.with_exports(Exports::new(rows)));
        let worker = Worker::new(exports.to_vec(), control, clock.clone(), Metrics::default());
        (worker, folder)
    }

    fn set(worker: &mut Worker, last: [Option<Last>; 3]) {
        for (planned, last) in worker.exports.iter_mut().zip(last) {
            planned.last = last;
        }
    }

    #[tokio::test]
    async fn ordered_exports_come_first_and_then_the_one_that_was_tried_longest_ago() {
        let (mut worker, _folder) = worker(&Clock::stopped_at(at(48)));
        for (last, expected) in [
            ([ended(3), ended(1), ended(2)], Some(1)),
            ([ended(2), ended(3), ended(1)], Some(2)),
            // One that was never written is the first.
            ([ended(2), ended(1), None], Some(2)),
            ([ended(47), ended(24), ended(47)], Some(1)),
            ([ended(47), ended(47), ended(25)], None),
        ] {
            set(&mut worker, last);
            assert_eq!(worker.due(), expected, "{last:?}");
        }
        let order = command::WriteExport {
            name: ExportName("c".to_owned()),
        };
        let by = Actor {
            name: "tester".to_owned(),
            face: Face::CommandLine,
        };
        worker.control.order(by, order).await.unwrap();
        set(&mut worker, [None, ended(1), ended(47)]);
        assert_eq!(worker.due(), Some(2));
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_does_not_keep_exports_from_being_written() {
        let clock = Clock::stopped_at(at(1_000));
        let (mut worker, _folder) = worker(&clock);
        set(&mut worker, [ended(1_000); 3]);

        clock.jump_to(at(100));
        assert_eq!(worker.due(), None);
        let rows = worker.control.exports().rows();
        assert!(rows.iter().all(|row| row.next == Some(at(124))), "{rows:?}");
        clock.set(at(124));
        assert_eq!(worker.due(), Some(0));
    }

    #[tokio::test]
    async fn an_export_of_the_future_does_not_say_when_the_next_one_is_due() {
        let (mut worker, folder) = worker(&Clock::stopped_at(at(100)));
        for (name, hours) in [("a", 99), ("b", 1_000), ("c", 100)] {
            let name = ExportName(name.to_owned());
            let path = folder.path().join(stamp::whole(&name, at(hours)));
            fs::create_dir(&path).unwrap();
            let manifest = format!("{{\"export\":\"{name}\"}}");
            fs::write(path.join(stamp::MANIFEST), manifest).unwrap();
        }

        worker.look().await;

        let last: Vec<_> = worker.exports.iter().map(|it| it.last).collect();
        assert_eq!(last, [ended(99), None, ended(100)]);
        assert_eq!(worker.due(), Some(1));
    }
}
