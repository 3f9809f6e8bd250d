//! Collects the starts of sessions that a poll finds in the audit log.
//!
//! A session is stored before the bookmark passes its event, and storing it twice changes nothing.
//! So these events are not stored as seen events: a day with many log-ins does not push out the
//! events that name records.
//!
//! Pure.

use std::collections::BTreeMap;

use crate::model::{About, AuditPage, SESSION_AHEAD, SessionBegin, Timestamp, UserId};
use crate::store::Bookmark;

/// Whether the starts of sessions are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionReadings {
    /// They are ignored.
    Off,
    /// They are stored.
    On,
}

/// Why sessions are known only from a later time on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SessionGap {
    /// A session does not say who began it, or when.
    Session,
    /// An event may be about a session. Says what was wrong with it.
    Event(String),
}

/// The time since which a poll knows when each session started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KnownSince {
    /// What the store says; `None` if there is a gap, or if sessions are not read.
    stored: Option<Timestamp>,
    since: Timestamp,
}

impl KnownSince {
    /// Starts with what earlier polls knew, or if there is a gap, with the time at which this poll
    /// begins to read.
    pub(super) fn of(bookmark: &Bookmark, from: Timestamp, now: Timestamp) -> Self {
        // A time in the future was noted before the clock was set back.
        let stored = bookmark.sessions_since.filter(|since| *since <= now);
        Self {
            stored: bookmark.sessions_since,
            since: stored.unwrap_or(from),
        }
    }

    /// Returns the time since which they are known.
    pub(super) fn since(self) -> Timestamp {
        self.since
    }

    /// Returns whether the store has another time.
    pub(super) fn differs_from_stored(self) -> bool {
        self.stored != Some(self.since)
    }

    /// Takes the sessions out of a page of the log. Returns when each user last began one, and why
    /// they are known only from a later time on than before; `None` if they are not.
    pub(super) fn take(
        &mut self,
        audit_page: &mut AuditPage,
        now: Timestamp,
    ) -> (BTreeMap<UserId, Timestamp>, Option<SessionGap>) {
        let mut gap = None;
        let mut begin_after = |time: Timestamp, why: SessionGap| {
            let time = time.min(now);
            if time > self.since {
                (self.since, gap) = (time, Some(why));
            }
        };
        for event in &audit_page.events {
            match &event.about {
                About::Unknown(what) => begin_after(event.at, SessionGap::Event(what.clone())),
                About::Records(_) | About::Space { .. } | About::Licence | About::Unreadable(_) => {
                }
            }
        }
        let mut latest: BTreeMap<UserId, Timestamp> = BTreeMap::new();
        for SessionBegin { user, at } in audit_page.sessions.drain(..) {
            // No clock is so far ahead, so nobody knows when it began.
            match user.filter(|_| at <= now.plus(SESSION_AHEAD)) {
                Some(user) => {
                    let known = latest.entry(user).or_insert(at);
                    *known = at.max(*known);
                }
                // Any user may have begun it.
                None => begin_after(at, SessionGap::Session),
            }
        }
        (latest, gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{AuditEvent, AuditEventId, Extent, Id};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn user(n: u8) -> UserId {
        UserId(Id::parse(&format!("{n:024x}")).unwrap())
    }

    fn page(sessions: Vec<SessionBegin>, events: Vec<AuditEvent>) -> AuditPage {
        AuditPage {
            events,
            sessions,
            extent: Extent::Whole,
        }
    }

    fn bookmark(sessions: Option<i64>) -> Bookmark {
        Bookmark {
            since: at(0),
            until: at(500),
            untold: Vec::new(),
            sessions_since: sessions.map(at),
        }
    }

    #[test]
    fn sessions_are_known_from_the_first_reading_on_or_from_after_a_gap() {
        for (stored, from, expected, differs_from_stored) in [
            (None, 400, 400, true),
            (Some(100), 400, 100, false),
            // The clock was set back.
            (Some(900), 400, 400, true),
        ] {
            let known = KnownSince::of(&bookmark(stored), at(from), at(600));

            assert_eq!(
                (known.since(), known.differs_from_stored()),
                (at(expected), differs_from_stored)
            );
        }
    }

    #[test]
    fn the_latest_session_of_each_user_counts_and_one_without_a_user_is_a_gap() {
        let mut known = KnownSince::of(&bookmark(Some(100)), at(400), at(600));
        let begun = [(Some(1), 450), (Some(2), 420), (Some(1), 440), (None, 430)];
        let begun = begun.map(|(n, seconds)| SessionBegin {
            user: n.map(user),
            at: at(seconds),
        });

        let mut read = page(begun.to_vec(), Vec::new());
        let (latest, gap) = known.take(&mut read, at(600));

        assert_eq!(latest, [(user(1), at(450)), (user(2), at(420))].into());
        assert_eq!(
            (known.since(), known.differs_from_stored()),
            (at(430), true)
        );
        assert_eq!(read.sessions, []);
        assert_eq!(gap, Some(SessionGap::Session));
        // An event that is certainly about a record says nothing about sessions.
        let odd = || "odd".to_owned();
        for (about, expected, why) in [
            (About::Unreadable(odd()), 430, None),
            (About::Unknown(odd()), 470, Some(SessionGap::Event(odd()))),
        ] {
            let event = AuditEvent {
                id: AuditEventId([1; 16]),
                at: at(470),
                by: None,
                about,
            };
            let (_, gap) = known.take(&mut page(Vec::new(), vec![event]), at(600));
            assert_eq!((known.since(), gap), (at(expected), why));
        }
        // Events without a time count as the latest that the log may have.
        let without_user = SessionBegin {
            user: None,
            at: at(4_000),
        };
        known.take(&mut page(vec![without_user], Vec::new()), at(600));
        assert_eq!(known.since(), at(600));
    }

    #[test]
    fn a_session_that_is_dated_far_in_the_future_has_no_time() {
        let hour = 3_600;
        for (seconds, is_kept, since) in [(600 + hour, true, 100), (601 + hour, false, 600)] {
            let mut known = KnownSince::of(&bookmark(Some(100)), at(400), at(600));
            let begun = SessionBegin {
                user: Some(user(1)),
                at: at(seconds),
            };

            let (latest, _) = known.take(&mut page(vec![begun], Vec::new()), at(600));

            assert_eq!((!latest.is_empty(), known.since()), (is_kept, at(since)));
        }
    }
}
