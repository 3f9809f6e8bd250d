//! What the source says has happened: whom to look at again.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{RecordRef, Timestamp};

/// Stands for the source's id of an event: one event, one id, however often it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditEventId(pub [u8; 16]);

/// Something that the source says has happened. It is a hint: what is so, only the records
/// themselves tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Tells it from others.
    pub id: AuditEventId,
    /// When it happened, by the source's clock.
    pub at: Timestamp,
    /// What it is about.
    pub about: About,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// These records came, changed or went.
    Records(BTreeSet<RecordRef>),
    /// It concerns us, but whom could not be read; what was wrong, without any value.
    Unreadable(String),
}

/// The events of a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// What concerns us of it. The same event may be told twice.
    pub events: Vec<AuditEvent>,
    /// Whether that is all of it.
    pub extent: Extent,
}

/// How much of a span of time was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All that the source shows of it by now.
    Whole,
    /// There was more than can be read at once.
    CutOff {
        /// The time of the last event that was read; all before it were.
        read_to: Timestamp,
    },
}
