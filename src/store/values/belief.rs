//! The time by which ages are measured: after the clock is set, it is believed once it has run
//! steadily for a day.
//!
//! What is older than its keep time is deleted for good, and a clock that is ahead makes everything
//! look old. So ages are measured by a time of the store's own. It advances by the monotonic clock,
//! and follows the wall clock as long as the two agree. Where they disagree, the earlier one counts
//! until the wall clock has run steadily for a day: a wrong clock is usually noticed sooner. So
//! nothing is deleted early, and what should be deleted stays a day longer.
//!
//! The time is kept in a file beside the database, since a daemon may start while the clock is
//! wrong. Losing that file does no harm: without it, the last event gives a lower bound.

use std::time::Duration;

use crate::model::Timestamp;

/// How far the two times may differ: correcting a clock and restarting a daemon cause smaller
/// differences.
const NEAR: Duration = Duration::from_secs(10 * 60);

/// How long a clock that is ahead must run steadily to be believed.
const STANDS_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// The same for a clock that is behind. There is no hurry: this clock shows the earlier time, so
/// ages are measured by it anyway.
const STANDS_BEHIND: Duration = Duration::from_secs(7 * 24 * 3600);

/// How far the time may advance without being written down.
const SAVE_AFTER: Duration = Duration::from_secs(60);

/// What people who find the file should know.
const WORDS: &str = "\
By these times things are old enough to be deleted, in milliseconds since 1970: the time that is
believed, and since when the clock of this machine says another, or `-`.
";

/// The store's own time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Belief {
    /// The current time, as far as the store believes.
    pub believed: Timestamp,
    /// What the wall clock said when it was first seen to disagree; `None` if the two agree.
    since: Option<Timestamp>,
}

/// The store's own time within a process, which sees both clocks.
#[derive(Debug, Clone, Copy)]
pub struct Running {
    pub belief: Belief,
    /// What was last written down.
    pub saved: Option<Belief>,
    wall: Timestamp,
    passed: Duration,
    /// How long the wall clock has run steadily, as far as this process has seen.
    stood: Duration,
}

impl Belief {
    /// Starts without a file. The time cannot be earlier than the last event, so the time of that
    /// event is believed, or the wall clock if it shows an earlier time.
    pub fn begin(last_event: Option<Timestamp>, wall: Timestamp) -> Self {
        Self {
            believed: last_event.map_or(wall, |at| at.min(wall)),
            since: None,
        }
    }

    /// Continues in another process. Nobody has seen how much time passed in between. But if the
    /// wall clock shows a day more than when it was first seen to disagree, the time that it showed
    /// then is believed.
    pub fn resume(self, wall: Timestamp) -> Self {
        match self.since {
            Some(since) if wall.since(since) >= STANDS_AHEAD => Self {
                believed: self.believed.max(since),
                since: None,
            },
            Some(_) | None => self,
        }
    }

    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.lines().last()?.split(' ');
        let believed = words.next()?.parse().ok()?;
        let since = match words.next()? {
            "-" => None,
            millis => Some(Timestamp::from_millis(millis.parse().ok()?)),
        };
        Some(Self {
            believed: Timestamp::from_millis(believed),
            since,
        })
    }

    pub fn write(self) -> String {
        let since = self.since.map(|since| since.millis().to_string());
        let since = since.as_deref().unwrap_or("-");
        format!("{WORDS}{} {since}\n", self.believed.millis())
    }
}

impl Running {
    pub fn of(belief: Belief, wall: Timestamp, passed: Duration) -> Self {
        Self {
            belief: belief.resume(wall),
            saved: None,
            wall,
            passed,
            stood: Duration::ZERO,
        }
    }

    /// Reads both clocks. Returns the time by which ages are measured.
    pub fn look(&mut self, wall: Timestamp, passed: Duration) -> Timestamp {
        let ran = passed.saturating_sub(self.passed);
        let stands = is_near(wall, self.wall.plus(ran));
        (self.wall, self.passed) = (wall, passed);
        self.stood = match stands {
            true => self.stood.saturating_add(ran),
            false => Duration::ZERO,
        };
        let believed = self.belief.believed.plus(ran);
        let needed = match wall > believed {
            true => STANDS_AHEAD,
            false => STANDS_BEHIND,
        };
        let is_believed =
            is_near(wall, believed) || (self.belief.since.is_some() && self.stood >= needed);
        if is_believed {
            self.belief = Belief {
                believed: wall,
                since: None,
            };
            return wall;
        }
        let since = self.belief.since.filter(|_wall| stands);
        if since.is_none() {
            self.stood = Duration::ZERO;
        }
        self.belief = Belief {
            believed,
            since: Some(since.unwrap_or(wall)),
        };
        self.ages(wall)
    }

    fn ages(&self, wall: Timestamp) -> Timestamp {
        wall.min(self.belief.believed)
    }

    pub fn is_saved(&self) -> bool {
        self.saved.is_some_and(|saved| {
            let (before, now) = (saved.believed, self.belief.believed);
            saved.since == self.belief.since
                && now.since(before).max(before.since(now)) < SAVE_AFTER
        })
    }
}

fn is_near(a: Timestamp, b: Timestamp) -> bool {
    a.since(b).max(b.since(a)) <= NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const HOUR: Duration = Duration::from_secs(3600);
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn start() -> Timestamp {
        Timestamp::parse("2026-03-01T10:00:00Z").unwrap()
    }

    /// A process that looks at its clocks each minute.
    struct Clocks {
        running: Running,
        wall: Timestamp,
        passed: Duration,
    }

    impl Clocks {
        fn of(belief: Belief, wall: Timestamp) -> Self {
            let passed = Duration::ZERO;
            let running = Running::of(belief, wall, passed);
            let mut clocks = Self {
                running,
                wall,
                passed,
            };
            clocks.look();
            clocks
        }

        fn right() -> Self {
            Self::of(Belief::begin(None, start()), start())
        }

        fn look(&mut self) -> Timestamp {
            self.running.look(self.wall, self.passed)
        }

        fn pass(&mut self, time: Duration) -> Timestamp {
            for _ in 0..time.as_secs() / 60 {
                self.passed += MINUTE;
                self.wall = self.wall.plus(MINUTE);
                self.look();
            }
            self.running.ages(self.wall)
        }

        /// Continues in another process, after this much time by the wall clock.
        fn restart(&mut self, after: Duration) -> Timestamp {
            let belief = Belief::read(&self.running.belief.write()).unwrap();
            *self = Self::of(belief, self.wall.plus(after));
            self.running.ages(self.wall)
        }
    }

    #[test]
    fn nothing_is_old_by_a_clock_that_leaps_for_an_hour() {
        let mut clocks = Clocks::right();
        assert_eq!(clocks.pass(HOUR), start().plus(HOUR));

        clocks.wall = clocks.wall.plus(DAY * 400);
        assert_eq!(clocks.pass(HOUR), start().plus(HOUR * 2));
        assert_eq!(clocks.restart(MINUTE), start().plus(HOUR * 2));
        // Again and again: the clock never runs steadily for long enough.
        for _ in 0..30 {
            clocks.wall = clocks.wall.plus(DAY * 100);
            clocks.pass(HOUR);
        }
        assert_eq!(clocks.pass(HOUR), start().plus(HOUR * 33));

        clocks.wall = start().plus(HOUR * 33);
        assert_eq!(clocks.pass(HOUR), start().plus(HOUR * 34));
        assert_eq!(clocks.running.belief.since, None);
    }

    #[test]
    fn a_clock_that_has_stood_for_a_day_is_believed() {
        let mut clocks = Clocks::right();
        clocks.wall = clocks.wall.plus(DAY * 400);

        assert_eq!(clocks.pass(HOUR * 23), start().plus(HOUR * 23));
        assert_eq!(clocks.pass(HOUR * 2), clocks.wall);
        assert_eq!(clocks.restart(MINUTE), clocks.wall);
    }

    #[test]
    fn a_clock_is_not_believed_for_how_long_it_stood_before_it_was_set() {
        let mut clocks = Clocks::right();
        // It runs steadily for longer than a clock that is ahead would have to.
        clocks.wall = start().minus(DAY * 5);
        clocks.pass(DAY * 2);

        clocks.wall = start().plus(DAY * 400);

        assert_eq!(clocks.pass(HOUR), start().plus(DAY * 2 + HOUR));
    }

    #[test]
    fn a_clock_that_is_behind_makes_nothing_old_and_neither_does_its_correction() {
        let mut clocks = Clocks::right();
        clocks.wall = Timestamp::from_millis(0);
        assert_eq!(clocks.pass(HOUR), Timestamp::from_millis(0).plus(HOUR));

        clocks.wall = start().plus(HOUR);
        assert_eq!(clocks.pass(HOUR), start().plus(HOUR * 2));
    }

    #[test]
    fn who_is_started_once_a_day_lags_by_a_day_and_no_more() {
        let mut clocks = Clocks::right();

        for day in 1..10 {
            let ages = clocks.restart(DAY);
            let lag = start().plus(DAY * day).since(ages);
            assert!(lag <= DAY * 2 + HOUR, "{day}: {lag:?}");
        }
    }

    #[test]
    fn without_the_file_the_last_event_tells() {
        let last = start().minus(DAY * 3);
        for (last_event, wall, expected) in [
            (Some(last), start(), last),
            (Some(last), last.minus(DAY), last.minus(DAY)),
            (None, start(), start()),
        ] {
            let clocks = Clocks::of(Belief::begin(last_event, wall), wall);
            assert_eq!(clocks.running.ages(wall), expected, "{last_event:?}");
        }
        for text in ["", "x", "1", "1 x", "- 1"] {
            assert_eq!(Belief::read(text), None, "{text}");
        }
    }
}
