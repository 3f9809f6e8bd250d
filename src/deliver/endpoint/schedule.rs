//! When an event that was not delivered is tried again, and when that ends.

use std::time::Duration;

use crate::model::Timestamp;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// The waits that Standard Webhooks gives as an example: ten attempts in just over three days, long
/// enough for a receiver to be down over a long weekend.
const STANDARD: [u64; 9] = [
    5,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// The most that a wait differs from the schedule's, as a share. Events that failed together are
/// thus not tried again together.
const JITTER: f64 = 0.2;

/// The waits between attempts. The first attempt is made at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule(Vec<Duration>);

impl Default for Schedule {
    fn default() -> Self {
        Self::standard()
    }
}

impl Schedule {
    /// The longest wait between two attempts, whoever asks for it. A due time further away was
    /// written under a wrong clock.
    pub const LONGEST_WAIT: Duration = Duration::from_secs(29 * HOUR);

    /// Makes the schedule of Standard Webhooks: now, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20
    /// h, 24 h.
    pub fn standard() -> Self {
        Self::of(STANDARD.map(Duration::from_secs))
    }

    /// Makes a schedule of other waits, each at most a day; no waits mean a single attempt.
    pub fn of(waits: impl IntoIterator<Item = Duration>) -> Self {
        let day = Duration::from_secs(24 * HOUR);
        Self(waits.into_iter().map(|wait| wait.min(day)).collect())
    }

    /// Returns how long to wait after this many failed attempts of an event; `None` if that was the
    /// last one. `chance`, from 0 up to 1, moves the wait within its jitter.
    pub fn wait(&self, failed: u32, chance: f64) -> Option<Duration> {
        let nth = usize::try_from(failed).ok()?.saturating_sub(1);
        let wait = self.0.get(nth)?;
        let factor = 1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0);
        Some(wait.mul_f64(factor))
    }

    /// Returns how many attempts an event gets.
    pub fn attempts(&self) -> usize {
        self.0.len() + 1
    }
}

/// Returns whether a time has come. A time further away than any wait was written under a wrong
/// clock, and counts as come.
pub(in crate::deliver) fn is_reached(due: Timestamp, now: Timestamp) -> bool {
    let left = due.since(now);
    left.is_zero() || left > Schedule::LONGEST_WAIT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_standard_schedule_makes_ten_attempts_in_75_hours() {
        let schedule = Schedule::standard();

        let waits: Vec<_> = (1..)
            .map_while(|failed| schedule.wait(failed, 0.5))
            .collect();

        assert_eq!(schedule.attempts(), 10);
        assert_eq!(waits, STANDARD.map(Duration::from_secs));
        let total: Duration = waits.iter().sum();
        assert_eq!(total.as_secs(), 75 * HOUR + 35 * MINUTE + 5);
    }

    #[test]
    fn a_schedule_without_waits_makes_one_attempt() {
        assert_eq!(Schedule::of([]).wait(1, 0.5), None);
    }

    proptest! {
        #[test]
        fn jitter_stays_within_a_fifth(failed in 1_u32..12, chance in 0.0..1.0_f64) {
            let nominal = STANDARD.get(failed as usize - 1).map(|s| *s as f64);

            let wait = Schedule::standard().wait(failed, chance).map(|w| w.as_secs_f64());

            match (nominal, wait) {
                (None, None) => {}
                (Some(nominal), Some(wait)) => {
                    prop_assert!(wait >= nominal * 0.799_999 && wait <= nominal * 1.200_001);
                }
                differing => prop_assert!(false, "{differing:?}"),
            }
            prop_assert!(wait.unwrap_or(0.0) <= Schedule::LONGEST_WAIT.as_secs_f64());
        }
    }
}
