//! The only wall clock, so that tests can set it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::Timestamp;

/// Tells the time of day. For waiting there is `tokio::time`.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::set`]. Clones share the hands.
    pub fn stopped_at(time: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(time.millis()))))
    }

    /// Returns the time.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may ask"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                // Before 1970 a clock is broken; the epoch is as good an answer as any.
                let passed = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Set(millis) => Timestamp::from_millis(millis.load(Ordering::SeqCst)),
        }
    }

    /// Moves the hands of a stopped clock, in any direction. The machine's clock stays.
    pub fn set(&self, time: Timestamp) {
        match &self.0 {
            Source::System => {}
            Source::Set(millis) => millis.store(time.millis(), Ordering::SeqCst),
        }
    }
}
