//! The progress of a long operation on all rows, for a person who waits for it.

use std::fmt;
use std::sync::Mutex;

use crate::lock::lock;
use crate::model::Thousands;

/// The stages that the rows pass through, one after the other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Checking,
    Copying,
    ReadingBack,
    CheckingCopy,
    /// All that is left is to replace the database.
    Waiting,
}

/// A snapshot of the progress.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    stage: Stage,
    done: u64,
    /// Rows of this stage; `None` if unknown.
    all: Option<u64>,
}

/// The progress of the operation.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Moment>);

impl Progress {
    /// Moves on to a stage.
    pub fn begin(&self, stage: Stage, all: Option<u64>) {
        let done = 0;
        self.set(|moment| *moment = Moment { stage, done, all });
    }

    /// Notes the progress of a stage.
    pub fn reach(&self, stage: Stage, done: u64, all: u64) {
        let all = Some(all);
        self.set(|moment| *moment = Moment { stage, done, all });
    }

    /// Counts rows that are done.
    pub fn add(&self, rows: u64) {
        self.set(|moment| moment.done += rows);
    }

    /// Returns the current progress.
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
            // A check reads some of them more than once.
            Some(all) => write!(f, "{n_done} of {} rows {done}", Thousands(all)),
            None => write!(f, "{n_done} rows {done}"),
        }
    }
}
