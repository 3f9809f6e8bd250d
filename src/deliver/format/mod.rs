//! The formats in which an endpoint can get its events.

mod standard;

use std::time::Duration;

use super::event::Event;
use super::message::Message;
use super::privacy::Privacy;

pub use standard::body;

/// How events are written for an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Format {
    /// The body that Standard Webhooks describes, one event in each message.
    #[default]
    Standard,
}

/// How many events a message may take, and how long the first waits for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    /// Events in one message at the most.
    pub max: usize,
    /// How long the first waits at the most.
    pub wait: Duration,
}

impl Format {
    /// Returns how events are put together, none for a format of one event a message.
    pub fn batching(&self) -> Option<Batching> {
        match self {
            Self::Standard => None,
        }
    }

    /// Writes events in this format: several only where it has batches, and at least one.
    pub(super) fn message(&self, events: &[Event<'_>], privacy: &Privacy) -> Message {
        let event = events.first().expect("a message carries an event");
        match self {
            Self::Standard => standard::message(event, privacy),
        }
    }
}
