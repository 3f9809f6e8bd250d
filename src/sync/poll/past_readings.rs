//! Decides which slice of the audit log is read next for earlier sessions, and what a slice says.
//!
//! Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{Extent, PastSessions, SESSION_AHEAD, SessionBegin, Timestamp, UserId};

use super::missed::before;

/// How far back sessions are read, which is as long as Qlik keeps the log.
const REACH: Duration = Duration::from_secs(90 * 24 * 3600);
/// The longest slice that is read at once. If it has more events than one reading may have, a
/// shorter one is read.
const SLICE: Duration = Duration::from_secs(24 * 3600);
/// The shortest slice.
pub(super) const MIN_SLICE: Duration = Duration::from_secs(60);
/// How long to wait after a failure, and between two looks at the last hours.
const REST: Duration = Duration::from_secs(3600);

/// How far earlier sessions have been read. Not stored: a restart begins with the default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PastReadings {
    /// The time before which nothing more can be learned: the log does not go back further, does
    /// not say whose session it was, or has too much even for the shortest slice. `None` if no
    /// reading has met such a time.
    pub(super) end: Option<Timestamp>,
    /// When a reading failed; `None` if the last one did not.
    pub(super) failed_at: Option<Timestamp>,
    /// When the last hours were last read again; `None` if they were not.
    pub(super) looked_at: Option<Timestamp>,
    pub(super) slice: Duration,
}

impl Default for PastReadings {
    fn default() -> Self {
        Self {
            end: None,
            failed_at: None,
            looked_at: None,
            slice: SLICE,
        }
    }
}

/// What a slice of the audit log says about sessions.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Slice {
    /// When each user last began a session.
    pub(super) latest: BTreeMap<UserId, Timestamp>,
    /// The time since which all sessions up to the end of the slice are known.
    pub(super) since: Timestamp,
}

impl PastReadings {
    /// Returns the slice to read next, which ends at the time since which sessions are known;
    /// `None` if there is nothing to read now.
    pub(super) fn next(&self, since: Timestamp, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
        let goal = before(now, REACH);
        let is_over = since <= goal || self.end.is_some_and(|end| since <= end);
        let from = goal.max(before(since, self.slice));
        (!is_over && !rests(self.failed_at, now)).then_some((from, since))
    }
}

/// Returns whether less than [`REST`] has passed since a time. A time in the future does not count:
/// the clock was set back.
pub(super) fn rests(at: Option<Timestamp>, now: Timestamp) -> bool {
    at.is_some_and(|at| now.since(at) < REST && at <= now)
}

impl Slice {
    /// Interprets what was read of a slice that begins at `from` and ends at `to`.
    pub(super) fn of(
        past: PastSessions,
        (from, to): (Timestamp, Timestamp),
        now: Timestamp,
    ) -> Self {
        // Before the oldest event of the log, the absence of sessions says nothing.
        let oldest = past.oldest.unwrap_or(to);
        let mut since = oldest.clamp(from, to.max(from));
        if let Extent::CutOff { .. } = past.extent {
            since = to;
        }
        let mut latest: BTreeMap<UserId, Timestamp> = BTreeMap::new();
        for SessionBegin { user, at } in past.begun {
            match user.filter(|_| at <= now.plus(SESSION_AHEAD)) {
                Some(user) => {
                    let known = latest.entry(user).or_insert(at);
                    *known = at.max(*known);
                }
                // Any user may have begun it: sessions are known only since then.
                None => since = since.max(at.min(now)),
            }
        }
        Self { latest, since }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Id;

    const HOUR: i64 = 3_600;
    const DAY: i64 = 24 * HOUR;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1_000)
    }

    fn user(n: u8) -> UserId {
        UserId(Id::parse(&format!("{n:024x}")).unwrap())
    }

    #[test]
    fn the_log_is_read_back_a_day_at_a_time_up_to_ninety_days_or_to_its_end() {
        let now = at(100 * DAY);
        let failed = |seconds| PastReadings {
            failed_at: Some(at(seconds)),
            ..PastReadings::default()
        };
        let ended = |seconds| PastReadings {
            end: Some(at(seconds)),
            ..PastReadings::default()
        };
        let usual = PastReadings::default();
        for (readings, since, expected) in [
            (usual, 99 * DAY, Some(98 * DAY)),
            (usual, 10 * DAY + HOUR, Some(10 * DAY)),
            (usual, 10 * DAY, None),
            (ended(99 * DAY), 99 * DAY, None),
            // After a gap, sessions are known only since a time later than the end.
            (ended(50 * DAY), 99 * DAY, Some(98 * DAY)),
            (failed(100 * DAY - HOUR / 2), 99 * DAY, None),
            (failed(100 * DAY - HOUR), 99 * DAY, Some(98 * DAY)),
            // The clock was set back.
            (failed(101 * DAY), 99 * DAY, Some(98 * DAY)),
        ] {
            let next = readings.next(at(since), now);

            let expected = expected.map(|from| (at(from), at(since)));
            assert_eq!(next, expected, "{readings:?} {since}");
        }
    }

    #[test]
    fn a_slice_says_nothing_of_what_the_log_no_longer_has_or_does_not_tell() {
        let whole = Extent::Whole;
        let cut = Extent::CutOff { read_to: at(150) };
        // The slice is from 100 to 200.
        for (extent, oldest, session, since) in [
            (whole, Some(50), (Some(1), 150), 100),
            (whole, Some(100), (Some(1), 150), 100),
            (whole, Some(130), (Some(1), 150), 130),
            (whole, None, (Some(1), 150), 200),
            (whole, Some(50), (None, 150), 150),
            (cut, Some(50), (Some(1), 150), 200),
            // No clock is that far ahead, so the session has no time.
            (whole, Some(50), (Some(1), 201 + HOUR), 200),
        ] {
            let (of, time) = session;
            let past = PastSessions {
                begun: vec![SessionBegin {
                    user: of.map(user),
                    at: at(time),
                }],
                extent,
                oldest: oldest.map(at),
            };

            let slice = Slice::of(past.clone(), (at(100), at(200)), at(200));

            assert_eq!(slice.since, at(since), "{past:?}");
            assert_eq!(slice.latest.is_empty(), of.is_none() || time > 200);
        }
    }
}
