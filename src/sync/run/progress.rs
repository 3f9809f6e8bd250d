//! What a run reports while it goes on.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use serde::{Deserialize, Serialize};

use crate::connector::{Connector, Wait};
use crate::lock::lock;
use crate::model::{Kind, Thousands};

/// A step of a run that somebody may want to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The run has begun.
    Begun,
    /// A page was read.
    Read {
        /// What is being read.
        kind: Kind,
        /// Distinct records read so far.
        seen: u64,
        /// How many there will be; `None` if the source did not say.
        total: Option<u64>,
    },
    /// Records that the sweep did not show are being asked for.
    Confirming {
        /// How many of them are settled.
        done: u64,
        /// How many the sweep did not show.
        missing: u64,
    },
    /// Something was committed, so delivery has work.
    Committed,
    /// The run has ended, successfully or not.
    Ended,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Begun => f.write_str("asking who the tenant is"),
            Self::Read { kind, seen, total } => {
                write!(f, "reading {}: {}", kind.plural(), Thousands(seen))?;
                match total {
                    Some(total) => {
                        let share = seen * 100 / total.max(1);
                        write!(f, " of {} ({share} %)", Thousands(total))
                    }
                    None => Ok(()),
                }
            }
            Self::Confirming { done, missing } => {
                let (done, missing) = (Thousands(done), Thousands(missing));
                write!(f, "asking for missing records: {done} of {missing}")
            }
            Self::Committed => f.write_str("committing"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// How far a run has got, and what it waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Its last step.
    pub progress: Progress,
    /// What its next request waits for; `None` if nothing.
    pub wait: Option<Wait>,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.progress.fmt(f)?;
        match &self.wait {
            Some(wait) => write!(f, ", {wait}"),
            None => Ok(()),
        }
    }
}

/// Receives the progress of runs. It is called from the run itself, so it must not wait.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    /// Makes an observer from a function.
    pub fn new(report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(report))
    }

    /// Reports a step to the observer.
    pub fn report(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// How far the run under way of a tenant has got. Clones share it.
#[derive(Clone)]
pub struct Underway {
    progress: Arc<Mutex<Option<Progress>>>,
    wait: Arc<dyn Fn() -> Option<Wait> + Send + Sync>,
}

impl Underway {
    /// Makes one for the runs of a connector, which says what they wait for.
    pub fn of<C: Connector>(connector: Arc<C>) -> Self {
        Self::waiting(move || connector.wait())
    }

    fn waiting(wait: impl Fn() -> Option<Wait> + Send + Sync + 'static) -> Self {
        Self {
            progress: Arc::default(),
            wait: Arc::new(wait),
        }
    }

    /// Notes a step.
    pub fn report(&self, progress: Progress) {
        let now = match progress {
            Progress::Ended => None,
            Progress::Begun
            | Progress::Read { .. }
            | Progress::Confirming { .. }
            | Progress::Committed => Some(progress),
        };
        *self.progress() = now;
    }

    /// Returns the last step of the run and what it waits for; `None` if no run is under way.
    pub fn now(&self) -> Option<Moment> {
        let progress = (*self.progress())?;
        let wait = match progress {
            Progress::Begun | Progress::Read { .. } | Progress::Confirming { .. } => (self.wait)(),
            // No more requests are sent.
            Progress::Committed | Progress::Ended => None,
        };
        Some(Moment { progress, wait })
    }

    fn progress(&self) -> MutexGuard<'_, Option<Progress>> {
        lock(&self.progress)
    }
}

impl Default for Underway {
    /// Makes one for runs that wait for nothing.
    fn default() -> Self {
        Self::waiting(|| None)
    }
}

impl fmt::Debug for Underway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Underway({:?})", self.now())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connector::WaitCause;

    #[test]
    fn progress_is_told_in_words() {
        let read = |kind, seen, total| Progress::Read { kind, seen, total };
        let confirming = Progress::Confirming {
            done: 640,
            missing: 1_000,
        };
        let waits = |left, why| {
            let left = Duration::from_millis(left);
            Some(Wait { left, why })
        };
        let refused = || WaitCause::Failure {
            why: "listing users: Qlik cannot answer now (503)".to_owned(),
            code: "qlik.unavailable".to_owned(),
        };
        for (progress, wait, words) in [
            (Progress::Begun, None, "asking who the tenant is"),
            (
                read(Kind::User, 1_200, Some(4_800)),
                None,
                "reading users: 1,200 of 4,800 (25 %)",
            ),
            (read(Kind::Role, 7, None), None, "reading roles: 7"),
            (confirming, None, "asking for missing records: 640 of 1,000"),
            (
                confirming,
                waits(69_300, WaitCause::Limit),
                "asking for missing records: 640 of 1,000, waiting 70 s for the rate limit",
            ),
            (
                read(Kind::User, 1_200, None),
                waits(3_900, refused()),
                "reading users: 1,200, trying again in 4 s after a failure: listing users: \
                 Qlik cannot answer now (503) [qlik.unavailable]",
            ),
        ] {
            assert_eq!(Moment { progress, wait }.to_string(), words);
        }
    }

    #[test]
    fn a_run_that_has_ended_is_not_under_way() {
        let underway = Underway::default();
        assert_eq!(underway.now(), None);
        underway.report(Progress::Committed);
        let wait = None;
        let progress = Progress::Committed;
        assert_eq!(underway.now(), Some(Moment { progress, wait }));

        underway.report(Progress::Ended);

        assert_eq!(underway.now(), None);
    }
}
