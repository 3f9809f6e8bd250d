//! How far the audit log of a tenant was read.

use crate::model::{AuditEventId, RecordRef, SessionSpan, Timestamp};

/// How far the audit log of a tenant was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bookmark {
    /// The time since which it was read without a gap.
    pub since: Timestamp,
    /// Up to when it was read. Late events may lie before this time, so reading resumes some way
    /// before it.
    pub until: Timestamp,
    /// Records that were found to be deleted, and when, but which no event has reported yet.
    pub untold: Vec<(Timestamp, RecordRef)>,
    /// The time since which the starts of sessions were read too, without a gap up to `until`;
    /// `None` if they are not read.
    pub sessions_since: Option<Timestamp>,
}

impl Bookmark {
    /// Returns the span in which all starts of sessions are known; `None` if they are not read.
    pub fn session_span(&self) -> Option<SessionSpan> {
        let since = self.sessions_since?;
        let until = self.until;
        Some(SessionSpan { since, until })
    }
}

/// An event that was handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenEvent {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub id: AuditEventId,
}
