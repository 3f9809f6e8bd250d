//! How far a long work on all rows is, for who waits for it.

use std::fmt;
use std::sync::Mutex;

use crate::lock::lock;
use crate::model::Thousands;

/// What is done with the rows, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Checking,
    Copying,
    ReadingBack,
    CheckingCopy,
    /// Nothing is left but to take the place of the database.
    Waiting,
}

/// A moment of the work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    stage: Stage,
    done: u64,
    /// Rows of this stage, where that is known.
    all: Option<u64>,
}

/// How far the work is.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Moment>);

impl Progress {
    /// Goes over to a stage.
    pub fn begin(&self, stage: Stage, all: Option<u64>) {
        let done = 0;
        self.set(|moment| *moment = Moment { stage, done, all });
    }

    /// Notes how far a stage is.
    pub fn reach(&self, stage: Stage, done: u64, all: u64) {
        let all = Some(all);
        self.set(|moment| *moment = Moment { stage, done, all });
    }

    /// Counts rows that are done.
    pub fn add(&self, rows: u64) {
        self.set(|moment| moment.done += rows);
    }

    /// Returns how far it is now.
    pub fn now(&self) -> Moment {
        *lock(&self.0)
    }

    fn set(&self, change: impl FnOnce(&mut Moment)) {
        change(&mut lock(&self.0));
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done = match self.stage {
            Stage::Checking => "checked",
            Stage::Copying => "copied",
            Stage::ReadingBack => "read back",
            Stage::CheckingCopy => "checked in the copy",
            Stage::Waiting => "copied; waiting for a moment at which nobody reads the store",
        };
        let n_done = Thousands(self.all.map_or(self.done, |all| self.done.min(all)));
        match self.all {
            // A check looks at some of them more than once.
            Some(all) => write!(f, "{n_done} of {} rows {done}", Thousands(all)),
            None => write!(f, "{n_done} rows {done}"),
        }
    }
}
