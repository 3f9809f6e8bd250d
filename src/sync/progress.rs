//! What a run tells about itself while it goes on.

use std::fmt;
use std::sync::Arc;

use crate::model::Kind;

/// A step of a run that somebody may want to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
        /// How many.
        missing: u64,
    },
    /// Something was committed: delivery has something to look at.
    Committed,
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
