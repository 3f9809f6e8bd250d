//! Whether an endpoint accepts anything at all: what is to blame for a failure, when the endpoint
//! is probed, and how many deliveries it gets at once. Pure.
//!
//! An endpoint that is down would fail every event, one after the other, each on its own schedule.
//! So a failure of the endpoint itself counts against the endpoint: it only gets one probe at a
//! time, with growing waits. Once a probe succeeds, deliveries go on, first one at a time, then
//! more with each success.

use std::time::Duration;

use tokio::time::Instant;

use crate::clock::ClockJump;
use crate::deliver::endpoint::schedule::{Schedule, is_reached};
use crate::deliver::transport::failure::{Blame, Failure};
use crate::model::Timestamp;
use crate::store::{Failing, Trouble};

/// The wait before the first probe; each next one is twice as long.
const FIRST_PROBE: Duration = Duration::from_secs(5);

/// The longest wait between two probes that the receiver did not ask for.
const LONGEST_PROBE: Duration = Duration::from_secs(5 * 60);

/// Failures in a row, without a success in between, after which we blame the receiver that refuses
/// each event: a wrong address answers 404 to all of them. Fewer may well be a burst of events of
/// one sort that it does not want.
const TOO_MANY: u32 = 5_000;

/// The most that a wait differs from its nominal length, as a share.
const JITTER: f64 = 0.2;

/// The state of an endpoint.
#[derive(Debug)]
pub(super) struct Health {
    /// The most deliveries at once.
    max: usize,
    /// How many deliveries may be under way at present.
    limit: usize,
    trouble: Option<Trouble>,
    /// When the endpoint began to fail, in this process.
    trouble_began: Option<Instant>,
    failing: Option<Failing>,
    succeeded_at: Option<Instant>,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed<'a> {
    /// Why it failed.
    pub failure: &'a Failure,
    /// When it began.
    pub began: Instant,
    /// When the attempt before it failed, in this process.
    pub before: Option<Instant>,
    /// The wait that the receiver asked for.
    pub asked: Option<Duration>,
    /// A random number from 0 to 1, which moves a wait within its jitter.
    pub chance: f64,
}

/// What is to blame for a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The event: others go on.
    Event,
    /// The endpoint, which was known to be failing.
    Endpoint,
    /// The endpoint, which begins to fail with this one.
    Began,
}

impl Health {
    /// Continues from what is known about an endpoint.
    pub fn of(max: usize, trouble: Option<Trouble>, failing: Option<Failing>) -> Self {
        Self {
            max,
            limit: max,
            trouble,
            trouble_began: None,
            failing,
            succeeded_at: None,
        }
    }

    /// Adapts to a clock that was set. If it was set back, due times are moved with it. If it was
    /// set ahead, they come early, as they do after the machine has slept. In both cases, the time
    /// without a success does not grow.
    pub fn follow(&mut self, jump: ClockJump) {
        match jump {
            ClockJump::Back(by) => {
                if let Some(trouble) = &mut self.trouble {
                    trouble.due = trouble.due.minus(by);
                }
                self.move_failing(|time| time.minus(by));
            }
            ClockJump::Ahead(by) => self.move_failing(|time| time.plus(by)),
        }
    }

    fn move_failing(&mut self, to: impl Fn(Timestamp) -> Timestamp) {
        if let Some(failing) = &mut self.failing {
            failing.since = to(failing.since);
            failing.last = to(failing.last);
        }
    }

    pub fn trouble(&self) -> Option<&Trouble> {
        self.trouble.as_ref()
    }

    pub fn failing(&self) -> Option<Failing> {
        self.failing
    }

    /// Returns whether another delivery may begin beside those that are under way.
    pub fn has_capacity(&self, under_way: usize, now: Timestamp) -> bool {
        match &self.trouble {
            Some(trouble) => under_way == 0 && is_reached(trouble.due, now),
            None => under_way < self.limit,
        }
    }

    /// Notes the success of a delivery that began at `began`. Returns whether it ended a time of
    /// failures.
    pub fn succeeded(&mut self, began: Instant, now: Instant) -> bool {
        self.succeeded_at = Some(now);
        self.failing = None;
        // A delivery that began before the endpoint failed says nothing about the endpoint now.
        let is_probe =
            self.trouble.is_some() && self.trouble_began.is_none_or(|trouble| trouble <= began);
        if is_probe {
            self.trouble = None;
            self.trouble_began = None;
            self.limit = 1;
        } else if self.trouble.is_none() {
            self.limit = self.max.min(self.limit + 1);
        }
        is_probe
    }

    /// Counts a failed attempt in a row without a success in between.
    fn count(&mut self, now: Timestamp) {
        let beginning = Failing {
            since: now,
            last: now,
            attempts: 0,
        };
        let failing = self.failing.get_or_insert(beginning);
        // Nobody knows how the endpoint did while there were no attempts, such as while no daemon
        // ran.
        if now.since(failing.last) > Schedule::LONGEST_WAIT {
            *failing = beginning;
        }
        failing.last = now;
        failing.attempts = failing.attempts.saturating_add(1);
    }

    /// Notes a failed attempt and decides what is to blame.
    pub fn failed(&mut self, failed: &Failed<'_>, now: Timestamp, moment: Instant) -> Whose {
        // A failure of our own makes the endpoint wait, but must never disable it.
        if !failed.failure.is_ours() {
            self.count(now);
        }
        // An endpoint that has accepted other events since is not failing.
        let since = failed.before.unwrap_or(failed.began);
        let takes_others = self.succeeded_at.is_some_and(|success| success >= since);
        let n_failures = self.failing.map_or(0, |failing| failing.attempts);
        match failed.failure.blame() {
            // A receiver that refuses this many in a row would refuse the next one, too: the events
            // are not to blame.
            Blame::Event if n_failures >= TOO_MANY => {}
            Blame::Event => return Whose::Event,
            Blame::Either if takes_others => return Whose::Event,
            Blame::Either | Blame::Endpoint => {}
        }
        let began_before = self
            .trouble_began
            .is_some_and(|trouble| failed.began < trouble);
        let (is_known, probes) = match &self.trouble {
            Some(trouble) if began_before => (true, trouble.probes),
            Some(trouble) => (true, trouble.probes.saturating_add(1)),
            None => (false, 1),
        };
        let wait = wait(probes, failed.chance).max(failed.asked.unwrap_or_default());
        let due = now.plus(wait);
        let due = match &self.trouble {
            Some(trouble) if began_before => {
                trouble.due.max(now.plus(failed.asked.unwrap_or_default()))
            }
            Some(_) | None => due,
        };
        self.trouble = Some(Trouble {
            probes,
            due,
            reason: failed.failure.in_words(),
        });
        if is_known {
            return Whose::Endpoint;
        }
        self.trouble_began = Some(moment);
        Whose::Began
    }
}

/// Returns how long to wait after this many failed probes.
fn wait(probes: u32, chance: f64) -> Duration {
    let doublings = probes.saturating_sub(1).min(16);
    let wait = FIRST_PROBE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PROBE);
    wait.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(health: &mut Health, failure: &Failure) -> Whose {
        let (now, moment) = (Timestamp::from_millis(1_000), Instant::now());
        let failed = Failed {
            failure,
            began: moment,
            before: None,
            asked: None,
            chance: 0.5,
        };
        health.failed(&failed, now, moment)
    }

    fn healthy() -> Health {
        Health::of(16, None, None)
    }

    #[test]
    fn a_credential_that_is_refused_is_the_endpoints_until_it_takes_something() {
        for (status, expected) in [
            (401, Whose::Began),
            (403, Whose::Began),
            (400, Whose::Event),
            (404, Whose::Event),
            (422, Whose::Event),
        ] {
            let mut health = healthy();
            let refused = Failure::Rejected { status };

            assert_eq!(fail(&mut health, &refused), expected, "{status}");
            let began = Instant::now();
            health.succeeded(began, began);
            let later = Failed {
                failure: &refused,
                began,
                before: None,
                asked: None,
                chance: 0.5,
            };
            let whose = health.failed(&later, Timestamp::from_millis(2_000), began);
            assert_eq!(whose, Whose::Event, "{status}");
        }
    }

    #[test]
    fn a_receiver_that_refuses_thousands_in_a_row_is_in_trouble() {
        let mut health = healthy();
        let refused = Failure::Rejected { status: 404 };

        for n in 1..TOO_MANY {
            assert_eq!(fail(&mut health, &refused), Whose::Event, "{n}");
        }

        assert_eq!(fail(&mut health, &refused), Whose::Began);
        assert_eq!(fail(&mut health, &refused), Whose::Endpoint);
        let now = Instant::now();
        assert!(health.succeeded(now, now));
        assert_eq!(fail(&mut health, &refused), Whose::Event);
    }

    #[test]
    fn what_a_receiver_asks_for_holds_whichever_message_it_answers() {
        let mut health = healthy();
        let (now, moment) = (Timestamp::from_millis(1_000), Instant::now());
        let hour = Duration::from_secs(3_600);
        let throttled = Failure::Throttled { status: 429 };
        // The second was under way when the endpoint began to fail.
        for (asked, expected) in [(None, Duration::from_secs(5)), (Some(hour), hour)] {
            let failed = Failed {
                failure: &throttled,
                began: moment.checked_sub(Duration::from_secs(1)).unwrap(),
                before: None,
                asked,
                chance: 0.5,
            };
            health.failed(&failed, now, moment);

            let due = health.trouble().unwrap().due;
            assert_eq!(due, now.plus(expected), "{asked:?}");
        }
    }

    #[test]
    fn our_own_lack_of_descriptors_makes_it_wait_and_counts_for_nothing() {
        let mut health = healthy();

        let whose = fail(&mut health, &Failure::NoDescriptor);

        assert_eq!((whose, health.failing()), (Whose::Began, None));
        assert!(!health.has_capacity(0, Timestamp::from_millis(1_000)));
        fail(
            &mut health,
            &Failure::Timeout {
                limit: Duration::from_secs(1),
            },
        );
        assert_eq!(health.failing().map(|failing| failing.attempts), Some(1));
    }

    #[test]
    fn a_time_without_attempts_is_no_time_of_failures() {
        let limit = Schedule::LONGEST_WAIT;
        let refused = Failure::Timeout {
            limit: Duration::from_secs(1),
        };
        for (pause, since, attempts) in [
            (limit, Duration::ZERO, 3),
            (
                limit + Duration::from_secs(1),
                limit * 2 + Duration::from_secs(1),
                1,
            ),
        ] {
            let mut health = healthy();
            let (start, moment) = (Timestamp::from_millis(1_000), Instant::now());
            let mut fail_after = |wait: Duration| {
                let failed = Failed {
                    failure: &refused,
                    began: moment,
                    before: None,
                    asked: None,
                    chance: 0.5,
                };
                health.failed(&failed, start.plus(wait), moment);
            };

            fail_after(Duration::ZERO);
            fail_after(limit);
            fail_after(limit + pause);

            let failing = health.failing().unwrap();
            assert_eq!(failing.since, start.plus(since), "{pause:?}");
            assert_eq!(failing.attempts, attempts, "{pause:?}");
        }
    }
}
