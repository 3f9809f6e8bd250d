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
    pub async fn run(mut self, shutdown: Shutdown) -> Result<(), Infallible> {
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
            never = work => never,
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
