//! What a run tells about itself while it goes on.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Kind, Thousands};

/// A step of a run that somebody may want to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A page was read.
    Read {
        /// What is being read.
        kind: Kind,
        /// Distinct records so far.
        seen: u64,
        /// How many there will be, where the source told.
        total: Option<u64>,
    },
    /// Records that the sweep did not show are asked for.
    Confirming {
        /// Of how many it is known how it stands with them.
        done: u64,
        /// How many the sweep did not show.
        missing: u64,
        /// For how long the source wants no requests.
        pause: Option<Duration>,
    },
    /// Something was committed: delivery has something to look at.
    Committed,
    /// The run has ended, however it did.
    Ended,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
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
            Self::Confirming {
                done,
                missing,
                pause,
            } => {
                let (done, missing) = (Thousands(done), Thousands(missing));
                write!(f, "asking for missing records: {done} of {missing}")?;
                match pause {
                    // Rounded up: a wait of no seconds is none.
                    Some(pause) => {
                        let seconds = pause.as_millis().div_ceil(1_000);
                        write!(f, ", waiting {seconds} s for Qlik's limit")
                    }
                    None => Ok(()),
                }
            }
            Self::Committed => f.write_str("committing"),
            Self::Ended => f.write_str("ended"),
        }
    }
}

/// Hears of the progress of runs. Called from the run itself, so it must not wait.
#[derive(Clone)]
pub struct Observer(Arc<dyn Fn(Progress) + Send + Sync>);

impl Observer {
    /// Makes an observer of a function.
    pub fn new(hear: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    /// Tells the observer.
    pub fn hear(&self, progress: Progress) {
        (self.0)(progress);
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Observer")
    }
}

/// How far the run under way of a tenant is. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Underway(Arc<Mutex<Option<Progress>>>);

impl Underway {
    /// Takes note of a step.
    pub fn hear(&self, progress: Progress) {
        let now = match progress {
            Progress::Ended => None,
            Progress::Read { .. } | Progress::Confirming { .. } | Progress::Committed => {
                Some(progress)
            }
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Returns the last step of the run, or `None` where none is under way.
    pub fn now(&self) -> Option<Progress> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_in_words() {
        let confirming = |done, missing, pause| Progress::Confirming {
            done,
            missing,
            pause,
        };
        for (progress, words) in [
            (
                Progress::Read {
                    kind: Kind::User,
                    seen: 1_200,
                    total: Some(4_800),
                },
                "reading users: 1,200 of 4,800 (25 %)",
            ),
            (
                Progress::Read {
                    kind: Kind::Role,
                    seen: 7,
                    total: None,
                },
                "reading roles: 7",
            ),
            (
                confirming(640, 1_000, None),
                "asking for missing records: 640 of 1,000",
            ),
            (
                confirming(640, 1_000, Some(Duration::from_millis(69_300))),
                "asking for missing records: 640 of 1,000, waiting 70 s for Qlik's limit",
            ),
        ] {
            assert_eq!(progress.to_string(), words);
        }
    }

    #[test]
    fn a_run_that_has_ended_is_not_under_way() {
        let underway = Underway::default();
        assert_eq!(underway.now(), None);
        underway.hear(Progress::Committed);
        assert_eq!(underway.now(), Some(Progress::Committed));

        underway.hear(Progress::Ended);

        assert_eq!(underway.now(), None);
    }
}
