//! Tells when a run is due: an interval, or a cron expression in a time zone.
//!
//! Pure: the time and the jitter come as arguments.

mod crontab;
mod invalid;
mod local;

use std::fmt;
use std::time::Duration;

use chrono::DateTime;
use chrono_tz::Tz;

pub use self::invalid::InvalidSchedule;

use self::crontab::Crontab;
use crate::clock::ClockJump;
use crate::model::Timestamp;

/// The shortest time between two runs: a sweep of a small tenant takes seconds, and
/// sources count requests by the minute.
pub const MIN_INTERVAL: Duration = Duration::from_secs(10);

/// The longest interval: what is looked at less often than once a week is not kept current.
pub const MAX_INTERVAL: Duration = Duration::from_secs(7 * 24 * 3600);

/// The wait after a run that failed. It doubles with each further failure: most causes of a failure
/// are over in minutes, whatever the schedule.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// The longest of these waits, so that a repair is noticed within an hour.
const LONGEST_RETRY: Duration = Duration::from_secs(3600);

/// What the schedule needs to know about the last run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Last {
    /// When it began.
    pub began: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// How many runs up to it have failed, one after the other.
    pub n_failures: u32,
}

impl Last {
    /// Moves the times of the run when the clock is set back, so that the run stays equally long
    /// ago. If the clock was set ahead, or the machine slept, the next run comes early: it is on
    /// time by the new clock.
    pub(super) fn follow(&mut self, jump: ClockJump) {
        match jump {
            ClockJump::Back(by) => {
                self.began = self.began.minus(by);
                self.ended = self.ended.minus(by);
            }
            ClockJump::Ahead(_) => {}
        }
    }

    /// Returns when the next run is due after `n_failures` failures in a row.
    fn retry(self, n_failures: u32, now: Timestamp) -> Timestamp {
        self.ended.min(now).plus(wait_after(n_failures))
    }
}

/// An approved plan that waits for a run to apply it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Approval {
    /// When it was approved.
    pub(in crate::sync) at: Timestamp,
    /// When the last run since then ended, or the time of the approval.
    pub(super) tried: Timestamp,
}

impl Approval {
    /// Returns when the next run is due because of the approval: soon, then after longer and longer
    /// waits, as after failures. A time in the future was written by a clock that was ahead and
    /// says nothing: then the last run counts as one that failed.
    pub(super) fn due(self, last: Last, now: Timestamp) -> Timestamp {
        if self.tried > now {
            return last.retry(last.n_failures.max(1), now);
        }
        let wait = self.tried.since(self.at);
        self.tried.plus(wait.clamp(FIRST_RETRY, LONGEST_RETRY))
    }
}

/// When runs are due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Every(Duration),
    At { crontab: Crontab, zone: Tz },
}

impl Schedule {
    /// Reads an interval (`90s`, `15m`, `4h`, `1d`) or a cron expression.
    ///
    /// Five fields mean what crontab(5) says. Six or seven fields begin with the second, may
    /// end with the year, and count the days of the week from 1 = Sunday to 7 = Saturday.
    /// The zone is that of a cron expression; an interval has none.
    pub fn parse(text: &str, zone: Tz) -> Result<Self, InvalidSchedule> {
        let text = text.trim();
        let rule = if text.contains(char::is_whitespace) || text.starts_with('@') {
            let crontab = Crontab::parse(text)?;
            Rule::At { crontab, zone }
        } else {
            let every = parse_duration(text).ok_or_else(|| InvalidSchedule::of(text))?;
            if every < MIN_INTERVAL || every > MAX_INTERVAL {
                return Err(InvalidSchedule::OutOfBounds);
            }
            Rule::Every(every)
        };
        Ok(Self {
            text: text.to_owned(),
            rule,
        })
    }

    /// Returns when the next run is due. After a failed run it comes soon, and later with each
    /// further failure, but never later than after a run that succeeded.
    pub fn next(&self, last: Last, now: Timestamp, jitter: Duration) -> Timestamp {
        let due = self.next_after(last.began, now, jitter);
        if last.n_failures == 0 {
            return due;
        }
        let jitter = jitter.min(wait_after(last.n_failures) / 2);
        let again = last.retry(last.n_failures, now).plus(jitter);
        due.min(again.max(now))
    }

    /// Returns how long it takes, from a time on, until this many runs have been due.
    pub(super) fn span(&self, from: Timestamp, n_runs: u32) -> Duration {
        match &self.rule {
            Rule::Every(every) => every.saturating_mul(n_runs),
            Rule::At { crontab, zone } => {
                let mut due = from;
                for _ in 0..n_runs {
                    let Some(next) = local::next(crontab, *zone, due.into()) else {
                        return Duration::MAX;
                    };
                    due = next.into();
                }
                due.since(from)
            }
        }
    }

    /// Returns when the next run is due after one that began at `last`, never earlier than
    /// `now`: if runs were missed, one run is due at once.
    ///
    /// A `last` in the future means that the clock was set back. It counts as `now`, so that
    /// nothing ever waits longer than one interval. The jitter is added to a due time that lies in
    /// the future, and is half an interval at most.
    fn next_after(&self, last: Timestamp, now: Timestamp, jitter: Duration) -> Timestamp {
        let base = last.min(now);
        let (due, jitter) = match &self.rule {
            Rule::Every(every) => (base.plus(*every), jitter.min(*every / 2)),
            Rule::At { crontab, zone } => {
                let base: DateTime<chrono::Utc> = base.into();
                // An expression that has run out (a year in the past) is never due again.
                let Some(due) = local::next(crontab, *zone, base) else {
                    return Timestamp::from_millis(i64::MAX);
                };
                let due = Timestamp::from(due);
                (due, jitter.min(due.since(base.into()) / 2))
            }
        };
        if due <= now { now } else { due.plus(jitter) }
    }
}

/// Returns the wait after this many failed runs in a row.
fn wait_after(n_failures: u32) -> Duration {
    let doublings = n_failures.saturating_sub(1);
    let wait = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(doublings));
    wait.min(LONGEST_RETRY)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

/// Reads a whole number with its unit: `90s`, `15m`, `4h`, `1d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    // `parse` alone would take a sign.
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(Duration::from_secs(count.checked_mul(seconds)?))
}

#[cfg(test)]
mod tests;
