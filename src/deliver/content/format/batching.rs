//! How many events go in one message. Pure.

use std::time::Duration;

/// How many events a message may take, and how long the first waits for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Events in one message at the most.
    pub max: usize,
    /// Bytes in the body of one message at the most, but for a single event's.
    pub max_bytes: usize,
    /// How long the first waits at the most.
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
