//! The only wall clock, so that tests can set it.

use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::lock::lock;
use crate::model::Timestamp;

/// What the machine's monotonic clock counts from.
static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How far the wall clock and the monotonic clock may drift apart between two checks before we
/// conclude that somebody set the wall clock.
const TOLERANCE: Duration = Duration::from_secs(2);

/// Tells the time of day. For waiting there is `tokio::time`.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Set(Arc<Hands>),
}

/// A clock that tests move.
#[derive(Debug)]
struct Hands {
    millis: AtomicI64,
    passed_ms: AtomicU64,
}

impl Clock {
    /// Makes the machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// Makes a clock that stands still until [`Clock::set`]. Clones show the same time.
    pub fn stopped_at(time: Timestamp) -> Self {
        Self(Source::Set(Arc::new(Hands {
            millis: AtomicI64::new(time.millis()),
            passed_ms: AtomicU64::new(0),
        })))
    }

    /// Returns the time.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that may ask"
    )]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => {
                // A clock before 1970 is broken; return the epoch.
                let passed = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                Timestamp::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX))
            }
            Source::Set(hands) => Timestamp::from_millis(hands.millis.load(Ordering::SeqCst)),
        }
    }

    /// Returns how much time has passed since some fixed moment, even if somebody set the clock
    /// meanwhile. Time in which the machine sleeps may or may not count.
    pub fn passed(&self) -> Duration {
        match &self.0 {
            Source::System => START.elapsed(),
            Source::Set(hands) => Duration::from_millis(hands.passed_ms.load(Ordering::SeqCst)),
        }
    }

    /// Lets time pass on a stopped clock until it shows this time. To go back, use
    /// [`Clock::jump_to`]. Does nothing to the machine's clock.
    pub fn set(&self, time: Timestamp) {
        if let Source::Set(hands) = &self.0 {
            let passed = time.since(self.now()).as_millis();
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            hands.passed_ms.fetch_add(passed, Ordering::SeqCst);
        }
        self.jump_to(time);
    }

    /// Sets a stopped clock, forward or back, while no time passes. Does nothing to the machine's
    /// clock.
    pub fn jump_to(&self, time: Timestamp) {
        if let Source::Set(hands) = &self.0 {
            hands.millis.store(time.millis(), Ordering::SeqCst);
        }
    }
}

/// Notices that somebody has set the clock, by comparing it with the time that has really passed.
#[derive(Debug)]
pub struct Steadiness {
    now: Timestamp,
    passed: Duration,
}

/// How the clock was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClockJump {
    /// Back by this much.
    Back(Duration),
    /// Ahead by this much, or the machine slept that long.
    Ahead(Duration),
}

impl ClockJump {
    /// Returns by how much.
    pub fn size(self) -> Duration {
        match self {
            Self::Back(by) | Self::Ahead(by) => by,
        }
    }

    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Back(_) => "back",
            Self::Ahead(_) => "ahead",
        }
    }

    /// Returns the code that `docs/errors.md` explains.
    pub fn code(self) -> &'static str {
        match self {
            Self::Back(_) => "clock.set-back",
            Self::Ahead(_) => "clock.set-ahead",
        }
    }
}

impl fmt::Display for ClockJump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = Rough(self.size());
        match self {
            Self::Back(_) => write!(f, "the clock was set back by {by}"),
            Self::Ahead(_) => write!(f, "the clock jumped ahead by {by}, or the machine slept"),
        }
    }
}

/// A time as people say it: in its two largest units.
#[derive(Debug, Clone, Copy)]
pub struct Rough(pub Duration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
        match (days, hours, minutes) {
            (0, 0, 0) => write!(f, "{seconds} s"),
            (0, 0, _) => write!(f, "{minutes} min {} s", seconds % 60),
            (0, _, _) => write!(f, "{hours} h {} min", minutes % 60),
            (_, _, _) => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

/// The last time that somebody set the clock. Clones share it.
#[derive(Debug, Clone)]
pub struct LastClockJump {
    clock: Clock,
    last: Arc<Mutex<Option<(ClockJump, Duration)>>>,
}

impl LastClockJump {
    /// Makes one that has not noticed any change yet.
    pub fn of(clock: Clock) -> Self {
        Self {
            clock,
            last: Arc::default(),
        }
    }

    /// Notes that the clock was set.
    pub fn note(&self, jump: ClockJump) {
        let mut last = lock(&self.last);
        *last = Some((jump, self.clock.passed()));
    }

    /// Returns the last one, and how long ago it was noted.
    pub fn last(&self) -> Option<(ClockJump, Duration)> {
        let last = *lock(&self.last);
        last.map(|(jump, passed)| (jump, self.clock.passed().saturating_sub(passed)))
    }
}

impl Steadiness {
    /// Begins to watch a clock.
    pub fn of(clock: &Clock) -> Self {
        Self {
            now: clock.now(),
            passed: clock.passed(),
        }
    }

    /// Returns how the clock was set since the last check; `None` if it was not, or hardly.
    pub fn look(&mut self, clock: &Clock) -> Option<ClockJump> {
        let before = std::mem::replace(self, Self::of(clock));
        let expected = before.now.plus(self.passed.saturating_sub(before.passed));
        let (back, ahead) = (expected.since(self.now), self.now.since(expected));
        if back > TOLERANCE {
            Some(ClockJump::Back(back))
        } else if ahead > TOLERANCE {
            Some(ClockJump::Ahead(ahead))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_and_time_that_passes_is_not() {
        let start = Timestamp::from_millis(1_767_000_000_000);
        let (day, hour) = (Duration::from_secs(86_400), Duration::from_secs(3_600));
        let rest = Duration::from_secs(82_800);
        let clock = Clock::stopped_at(start);
        let mut steadiness = Steadiness::of(&clock);

        clock.set(start.plus(day));
        assert_eq!(steadiness.look(&clock), None);
        clock.jump_to(start.plus(hour));
        assert_eq!(steadiness.look(&clock), Some(ClockJump::Back(rest)));
        assert_eq!(steadiness.look(&clock), None);
        clock.jump_to(start.plus(day));
        assert_eq!(steadiness.look(&clock), Some(ClockJump::Ahead(rest)));
        clock.jump_to(start.plus(day).minus(TOLERANCE));
        assert_eq!(steadiness.look(&clock), None);
    }
}
