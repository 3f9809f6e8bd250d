//! How many events go in one message. Pure.

use std::time::Duration;

/// How many events a message may contain, and how long the first waits for others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// The most events in one message.
    pub max: usize,
    /// The most bytes in the body of one message; a single event may have more.
    pub max_bytes: usize,
    /// The longest that the first event waits.
    pub wait: Duration,
}

impl Default for Batching {
    fn default() -> Self {
        Self {
            max: 100,
            max_bytes: 4 * 1024 * 1024,
            wait: Duration::from_secs(1),
        }
    }
}
