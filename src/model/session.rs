//! When users last began sessions, as far as that is known.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// How far back the end of the span in which sessions are known may lie. Polls move it every ten
/// minutes; if it lies back further, the log is no longer read.
const MAX_LAG: Duration = Duration::from_secs(24 * 3600);

/// How far back the time of an answer about the present may lie: all pages of an answer describe
/// the time of the first one.
const PRESENT: Duration = Duration::from_secs(600);

/// How far the source's clock may be ahead of ours. If a session is dated even later, its time is
/// not stored.
pub const SESSION_AHEAD: Duration = Duration::from_secs(3600);

/// A span of time in which we know of every session that began in a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SessionSpan {
    /// Its beginning.
    pub since: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl SessionSpan {
    /// Returns whether the span reaches up to a time, or so near that the log was still read then.
    pub fn reaches(&self, time: Timestamp) -> bool {
        self.since <= time && time.since(self.until) <= MAX_LAG
    }
}

/// What is stored of the sessions of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserSession {
    /// When the last known session began; `None` if none is known.
    pub at: Option<Timestamp>,
    /// The time before which the sessions of this user are not known, although those of others are:
    /// we found the user then, but the account is older. `None` for most users.
    pub since: Option<Timestamp>,
}

impl UserSession {
    /// Returns the span in which the sessions of this user are known, given that of all users.
    pub fn span(&self, of_all: Option<SessionSpan>) -> Option<SessionSpan> {
        let SessionSpan { since, until } = of_all?;
        let since = self.since.map_or(since, |own| own.max(since));
        Some(SessionSpan { since, until })
    }
}

/// What is known of the last session of a user at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastSession {
    /// When the last known session began; `None` if there is none.
    pub at: Option<Timestamp>,
    /// The span in which no later one began; `None` if no span is known.
    pub known: Option<SessionSpan>,
    /// The time that this is about.
    pub as_of: Timestamp,
}

impl LastSession {
    /// Says that nothing is known.
    pub fn unknown(as_of: Timestamp) -> Self {
        Self {
            at: None,
            known: None,
            as_of,
        }
    }

    /// Returns what is known at a time. Only the last session of each user is stored: if it began
    /// later, nothing is known of those before. A session that is dated up to [`SESSION_AHEAD`]
    /// later than now has begun already: the source's clock is ahead.
    pub fn of(
        at: Option<Timestamp>,
        span: Option<SessionSpan>,
        as_of: Timestamp,
        now: Timestamp,
    ) -> Self {
        let is_present = now.since(as_of) <= PRESENT;
        let is_ahead = |at: Timestamp| at > now && at <= now.plus(SESSION_AHEAD);
        let at = at.map(|at| {
            if is_present && is_ahead(at) {
                as_of
            } else {
                at
            }
        });
        if at.is_some_and(|at| at > as_of) {
            return Self::unknown(as_of);
        }
        let span = span.filter(|span| span.since <= as_of);
        let known = span.map(|SessionSpan { since, until }| SessionSpan {
            since,
            until: until.min(as_of),
        });
        Self { at, known, as_of }
    }

    /// Returns whether anything is known.
    pub fn is_known(&self) -> bool {
        self.at.is_some() || self.known.is_some()
    }

    /// Returns when the last known session began, if it certainly was the last one.
    pub fn certain(&self) -> Option<Timestamp> {
        let known = self.known.filter(|known| known.reaches(self.as_of))?;
        self.at.filter(|at| *at >= known.since)
    }

    /// Returns what is known, in words: when the session began, or in which span none did.
    pub fn in_words(&self) -> String {
        match (self.certain(), self.at, self.known) {
            (Some(at), ..) => at.to_string(),
            (None, Some(at), _) => format!("{at} or later"),
            (None, None, Some(known)) if known.reaches(self.as_of) => {
                format!("not known before {}", known.since)
            }
            (None, None, Some(SessionSpan { since, until })) => {
                format!("none from {since} to {until}")
            }
            (None, None, None) => "not known".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_millis(day * 86_400_000)
    }

    #[test]
    fn the_last_session_is_described_as_far_as_it_is_known() {
        for (last, since, as_of, expected) in [
            (Some(20), Some(10), 30, "1970-01-21T00:00:00.000Z"),
            (Some(10), Some(10), 30, "1970-01-11T00:00:00.000Z"),
            (Some(5), Some(10), 30, "1970-01-06T00:00:00.000Z or later"),
            (Some(5), None, 30, "1970-01-06T00:00:00.000Z or later"),
            (
                None,
                Some(10),
                30,
                "not known before 1970-01-11T00:00:00.000Z",
            ),
            (None, None, 30, "not known"),
            // There was a later session, which says nothing about those before.
            (Some(20), Some(10), 15, "not known"),
            (None, Some(10), 5, "not known"),
            // The log was read up to the 40th day.
            (Some(20), Some(10), 41, "1970-01-21T00:00:00.000Z"),
            (Some(20), Some(10), 42, "1970-01-21T00:00:00.000Z or later"),
            (
                None,
                Some(10),
                42,
                "none from 1970-01-11T00:00:00.000Z to 1970-02-10T00:00:00.000Z",
            ),
        ] {
            let span = since.map(|since| SessionSpan {
                since: at(since),
                until: at(40),
            });

            let last = LastSession::of(last.map(at), span, at(as_of), at(50));

            assert_eq!(last.in_words(), expected);
        }
    }

    #[test]
    fn a_session_that_the_clock_of_the_source_dates_later_than_now_has_begun() {
        let span = Some(SessionSpan {
            since: at(10),
            until: at(20),
        });
        let seconds = |n: u64| Duration::from_secs(n);
        let now = at(20);
        for (ahead, as_of, expected) in [
            (seconds(120), now, Some(now)),
            // The time of the first page.
            (
                seconds(120),
                at(20).minus(seconds(60)),
                Some(at(20).minus(seconds(60))),
            ),
            // At an earlier time, the session had not begun.
            (seconds(120), at(19), None),
            // A clock that is this far ahead is not believed.
            (seconds(7_200), now, None),
        ] {
            let last = LastSession::of(Some(now.plus(ahead)), span, as_of, now);

            assert_eq!(last.at, expected, "{ahead:?} {as_of}");
        }
    }
}
