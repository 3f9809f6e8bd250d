//! Audit events: what happened, as the source reports it. They say which records to read again.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{RecordRef, SpaceId, Timestamp, UserId};

/// The id of an audit event, derived from the source's. An event that is reported twice has the
/// same id both times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AuditEventId(pub [u8; 16]);

/// Something that happened, as the source reports it. It is only a hint: the state comes from the
/// records themselves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEvent {
    /// Identifies the event.
    pub id: AuditEventId,
    /// When it happened, by the source's clock.
    pub at: Timestamp,
    /// The user who caused it; `None` if the source does not say.
    pub by: Option<UserId>,
    /// What it is about.
    pub about: About,
}

/// What the audit log reports of a record that has changed: the events that named it since it was
/// last looked at. Any of them may be the one that changed it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Reported {
    /// When the first of them happened, by the source's clock.
    pub first: Timestamp,
    /// When the last of them happened, by the source's clock.
    pub last: Timestamp,
    /// The users who caused them; `None` if the source does not say who caused each, or if there
    /// are more than [`MAX_ACTORS`](Self::MAX_ACTORS).
    pub by: Option<BTreeSet<UserId>>,
}

impl Reported {
    /// The most users that are listed.
    pub const MAX_ACTORS: usize = 8;

    /// How much the times of an event and of the change that it reports may differ: the source
    /// takes them one after the other.
    pub const NEAR: Duration = Duration::from_secs(5);

    /// Makes the report of one event.
    pub fn of(at: Timestamp, by: Option<&UserId>) -> Self {
        Self {
            first: at,
            last: at,
            by: by.map(|user| BTreeSet::from([user.clone()])),
        }
    }

    /// Returns whether the events may have caused all that a record shows, which was last changed
    /// at this time by the source's clock. If it was changed after the last of them, they cannot.
    pub fn explains(&self, updated_at: Option<Timestamp>) -> bool {
        updated_at.is_none_or(|updated_at| updated_at <= self.last.plus(Self::NEAR))
    }

    /// Returns whether a record, last changed at this time by the source's clock, may not show yet
    /// what the last of the events reports.
    pub fn is_ahead_of(&self, updated_at: Option<Timestamp>) -> bool {
        updated_at.is_none_or(|updated_at| updated_at.plus(Self::NEAR) < self.last)
    }

    /// Adds the events of another report.
    pub fn add(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.by = match (self.by.take(), &other.by) {
            (Some(mut users), Some(others)) => {
                users.extend(others.iter().cloned());
                (users.len() <= Self::MAX_ACTORS).then_some(users)
            }
            (None, _) | (_, None) => None,
        };
    }
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// These records were created, changed or deleted.
    Records(BTreeSet<RecordRef>),
    /// This space, or something that belongs to it, was created, changed or deleted.
    Space {
        /// The space; `None` if the event does not say which it is.
        id: Option<SpaceId>,
        /// Whether the event reports that it was deleted.
        is_gone: bool,
    },
    /// Something was assigned by the licence, or taken away.
    Licence,
    /// The event concerns us, but the records it names could not be read. Says what was wrong,
    /// without any value from the event.
    Unreadable(String),
    /// Nobody knows what the event is about: it may be a record, or the start of a session. Says
    /// what was wrong, without any value from the event.
    Unknown(String),
}

/// The events of a span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The events that concern us. The same event may appear twice.
    pub events: Vec<AuditEvent>,
    /// The sessions that began. The same one may appear twice.
    pub sessions: Vec<SessionBegin>,
    /// Whether these are all the events of that span.
    pub extent: Extent,
}

/// The start of a session: a user logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionBegin {
    /// The user; `None` if the user or the time cannot be read: the session may be anybody's.
    pub user: Option<UserId>,
    /// When, by the source's clock.
    pub at: Timestamp,
}

/// The sessions that began in an earlier span of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastSessions {
    /// The sessions. The same one may appear twice.
    pub begun: Vec<SessionBegin>,
    /// Whether these are all the sessions of that span.
    pub extent: Extent,
    /// When the oldest event happened that the source still has; `None` if it has none. Sessions
    /// before that are not known.
    pub oldest: Option<Timestamp>,
}

/// How much of a span of time was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Everything that the source shows of it at present.
    Whole,
    /// There was more than can be read at once.
    CutOff {
        /// The time of the last event read. All events before that time were read.
        read_to: Timestamp,
    },
}
