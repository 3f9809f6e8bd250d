//! Decides whether a reading is due.
//!
//! Pure.

use std::time::Duration;

use crate::model::Timestamp;

/// How far in the future a stored time may lie, since another clock may have written it. A later
/// one means that our clock was set back.
const AHEAD: Duration = Duration::from_secs(3600);

/// The earlier readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) struct Past {
    /// When the last complete reading began.
    pub(in crate::sync) last: Option<Timestamp>,
    /// When the reading under way began.
    pub(in crate::sync) began: Option<Timestamp>,
    /// When the source was last asked.
    pub(in crate::sync) tried: Option<Timestamp>,
    /// Whether the source refused.
    pub(in crate::sync) is_refused: bool,
}

impl Past {
    /// Returns whether a reading must begin or continue.
    pub(in crate::sync) fn is_due(self, every: Duration, now: Timestamp) -> bool {
        let was_within = |time: Timestamp| now.since(time) < every && time <= now.plus(AHEAD);
        // The credentials may get the right later, so we ask again, but not every minute.
        if self.is_refused && self.tried.is_some_and(was_within) {
            return false;
        }
        self.began.is_some() || !self.last.is_some_and(was_within)
    }
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
            let past = Past {
                last,
                began,
                tried,
                is_refused,
            };

            assert_eq!(past.is_due(DAY, now), expected, "{past:?}");
        }
    }
}
