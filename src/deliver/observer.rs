//! Lets a caller watch attempts as they end, for the demo and the command line.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::verdict::Verdict;
use crate::model::{EndpointName, Seq};

/// An attempt that ended.
#[derive(Debug)]
pub struct Attempted<'a> {
    /// The endpoint.
    pub endpoint: &'a EndpointName,
    /// The entry whose event was sent.
    pub seq: Seq,
    /// The type of the event.
    pub event_type: &'a str,
    /// Which attempt of the event it was; the first is 1.
    pub attempt: u32,
    /// How long the answer took.
    pub took: Duration,
    /// What it means for the event.
    pub verdict: &'a Verdict,
}

/// A caller's function that is told of each attempt. It stands in the way of the next one,
/// so it only notes and leaves.
#[derive(Clone, Default)]
pub struct Observer(Option<Arc<Watch>>);

type Watch = dyn Fn(&Attempted<'_>) + Send + Sync;

impl Observer {
    /// Watches nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Calls `watch` for each attempt.
    pub fn new(watch: impl Fn(&Attempted<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(super) fn tell(&self, attempted: &Attempted<'_>) {
        if let Some(watch) = &self.0 {
            watch(attempted);
        }
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observer").field(&self.0.is_some()).finish()
    }
}
