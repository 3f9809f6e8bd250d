//! Decides whether a reading is due.
//!
//! Pure.

use std::time::Duration;

use crate::model::Timestamp;
use crate::store::ReadingMark;

/// How far in the future a stored time may lie, since another clock may have written it. A later
/// one means that our clock was set back.
const AHEAD: Duration = Duration::from_secs(3600);

/// Returns whether a stored time lies so far in the future that our clock must have been set back
/// since. Such a time does not tell the age of anything.
pub fn is_ahead(time: Timestamp, now: Timestamp) -> bool {
    time > now.plus(AHEAD)
}

/// Returns whether a reading must begin or continue.
pub(in crate::sync) fn is_due(mark: &ReadingMark, every: Duration, now: Timestamp) -> bool {
    let was_within = |time: Timestamp| now.since(time) < every && !is_ahead(time, now);
    // The credentials may get the right later, so we ask again, but not every minute.
    if mark.is_refused && mark.tried.is_some_and(was_within) {
        return false;
    }
    mark.began.is_some() || !mark.last.is_some_and(was_within)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_millis(hours * 3_600_000)
    }

    #[test]
    fn all_is_read_at_first_then_at_the_interval_and_after_an_interruption() {
        let now = at(1_000);
        for (last, began, tried, is_refused, expected) in [
            (None, None, None, false, true),
            (Some(at(990)), None, Some(at(990)), false, false),
            (Some(at(976)), None, Some(at(976)), false, true),
            (Some(at(990)), Some(at(999)), Some(at(999)), false, true),
            (None, None, Some(at(990)), true, false),
            (None, None, Some(at(976)), true, true),
            // The clock was set back.
            (Some(at(2_000)), None, Some(at(2_000)), false, true),
        ] {
            let mark = ReadingMark {
                number: 7,
                last,
                began,
                tried,
                is_refused,
            };

            assert_eq!(is_due(&mark, DAY, now), expected, "{mark:?}");
        }
    }
}
