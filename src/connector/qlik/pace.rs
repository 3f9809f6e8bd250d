//! How fast requests of one tier may follow each other: pure, the time comes as an argument.
//!
//! A budget of our own, a share of what Qlik documents, is the ceiling. Others may use the same
//! client, and Qlik's limits may change, so Qlik's answers count for more: a refusal halves the
//! rate, and each minute without one gives back a twentieth of the ceiling.

use std::time::Duration;

use tokio::time::Instant;

/// The minutes over which Qlik counts: this much of the budget may be spent at once.
const BURST_MINUTES: f64 = 5.0;
/// The share of the rate that is left after a refusal.
const AFTER_REFUSAL: f64 = 0.5;
/// The slowest rate, as a share of the ceiling: a tenant must still be read.
const SLOWEST: f64 = 0.05;
/// The time without a refusal after which the rate is raised by one step.
const CALM: Duration = Duration::from_secs(60);
/// By how much it is raised, as a share of the ceiling.
const STEP: f64 = 0.05;
/// Timers are no finer than this; shorter waits would spin.
const TICK: Duration = Duration::from_millis(1);

/// The pace of one tier.
#[derive(Debug)]
pub(super) struct Pace {
    /// `None` if we have no budget of our own and only Qlik's refusals count.
    budget: Option<Budget>,
    /// The end of the last pause that Qlik asked for.
    opens_at: Instant,
}

/// A token bucket: permits, which fill at a rate per minute.
#[derive(Debug)]
struct Budget {
    ceiling: f64,
    rate: f64,
    permits: f64,
    filled_at: Instant,
    /// When the last pause ended, or the rate was last raised.
    calm_since: Instant,
}

/// The effect of a refusal.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Slowed {
    /// The rate is now this many requests a minute.
    To(f64),
    /// Only the pause applies.
    PauseOnly,
}

impl Pace {
    /// Begins with a full budget of this many requests a minute; `None` for no budget.
    pub(super) fn new(per_minute: Option<f64>, now: Instant) -> Self {
        Self {
            budget: per_minute.map(|ceiling| Budget {
                ceiling,
                rate: ceiling,
                permits: ceiling * BURST_MINUTES,
                filled_at: now,
                calm_since: now,
            }),
            opens_at: now,
        }
    }

    /// Takes a permit, or returns when to ask again.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if now < self.opens_at {
            return Err(self.opens_at);
        }
        match &mut self.budget {
            Some(budget) => budget.take(now),
            None => Ok(()),
        }
    }

    /// Takes note that Qlik refused a request and asked to wait this long.
    ///
    /// Several requests may be under way: refusals that arrive within the pause report the same
    /// overload as the first one, and do not lower the rate again.
    pub(super) fn refused(&mut self, now: Instant, wait: Duration) -> Slowed {
        let is_first = now >= self.opens_at;
        self.opens_at = self.opens_at.max(now + wait);
        let opens_at = self.opens_at;
        match &mut self.budget {
            Some(budget) if is_first => Slowed::To(budget.lower(opens_at)),
            Some(budget) => {
                budget.rest_until(opens_at);
                Slowed::PauseOnly
            }
            None => Slowed::PauseOnly,
        }
    }
}

impl Budget {
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        let passed = now.saturating_duration_since(self.filled_at);
        let per_second = self.rate / 60.0;
        // At least one permit: at a slow rate, five minutes give less than one request.
        let full = (self.rate * BURST_MINUTES).max(1.0);
        self.permits = (self.permits + passed.as_secs_f64() * per_second).min(full);
        self.filled_at = self.filled_at.max(now);
        self.recover(now);
        if self.permits >= 1.0 {
            self.permits -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.permits) / (self.rate / 60.0));
        // A little more, or rounding could leave the permit slightly short.
        Err(now + wait.max(TICK) + Duration::from_nanos(1))
    }

    /// Raises the rate for each minute without a refusal since it was last raised.
    fn recover(&mut self, now: Instant) {
        while self.rate < self.ceiling && now >= self.calm_since + CALM {
            self.rate = (self.rate + self.ceiling * STEP).min(self.ceiling);
            self.calm_since += CALM;
        }
    }

    /// Lowers the rate. Saved permits are dropped, since Qlik has just said that nothing is left,
    /// except for one request, to test whether the limit is over.
    fn lower(&mut self, until: Instant) -> f64 {
        self.rate = (self.rate * AFTER_REFUSAL).max(self.ceiling * SLOWEST);
        self.permits = self.permits.min(1.0);
        self.rest_until(until);
        self.rate
    }

    /// Notes a pause: until it ends no permits are saved, and the time does not count as calm.
    fn rest_until(&mut self, until: Instant) {
        self.filled_at = until;
        self.calm_since = until;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Takes permits as soon as they are available for this long, and returns how many.
    fn spend(pace: &mut Pace, from: Instant, length: Duration) -> u32 {
        let (mut now, mut n) = (from, 0);
        while now < from + length {
            match pace.take(now) {
                Ok(()) => n += 1,
                Err(at) => now = at,
            }
        }
        n
    }

    /// Rounds: a permit at the very end of a minute may count for the next.
    fn tens(n: u32) -> u32 {
        (n + 5) / 10 * 10
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn a_refusal_halves_the_rate_and_calm_gives_it_back() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Some(600.0), now);
        assert_eq!(
            tens(spend(&mut pace, now, MINUTE)),
            3_600,
            "the burst and a minute"
        );
        now += MINUTE;

        assert_eq!(
            pace.refused(now, Duration::from_secs(30)),
            Slowed::To(300.0)
        );
        assert_eq!(
            pace.take(now + Duration::from_secs(29)),
            Err(now + Duration::from_secs(30))
        );
        now += Duration::from_secs(30);

        let by_minute: Vec<u32> = (0..12)
            .map(|minute| tens(spend(&mut pace, now + MINUTE * minute, MINUTE)))
            .collect();

        assert_eq!(
            by_minute,
            [300, 330, 360, 390, 420, 450, 480, 510, 540, 570, 600, 600]
        );
    }

    #[test]
    fn refusals_of_one_moment_count_once_and_the_longest_pause_holds() {
        let now = Instant::now();
        let mut pace = Pace::new(Some(600.0), now);

        let told: Vec<Slowed> = [5, 13, 2]
            .map(|wait| pace.refused(now, Duration::from_secs(wait)))
            .into();

        assert_eq!(
            told,
            [Slowed::To(300.0), Slowed::PauseOnly, Slowed::PauseOnly]
        );
        assert_eq!(pace.take(now), Err(now + Duration::from_secs(13)));
    }

    #[test]
    fn refusal_upon_refusal_ends_at_the_slowest_rate() {
        let mut now = Instant::now();
        let mut pace = Pace::new(Some(600.0), now);
        let rates: Vec<Slowed> = (0..7)
            .map(|_| {
                let slowed = pace.refused(now, Duration::from_secs(1));
                now += Duration::from_secs(1);
                slowed
            })
            .collect();

        let expected = [300.0, 150.0, 75.0, 37.5, 30.0, 30.0, 30.0];
        assert_eq!(rates, expected.map(Slowed::To));
    }

    #[test]
    fn without_a_budget_there_are_pauses_only() {
        let now = Instant::now();
        let mut pace = Pace::new(None, now);
        let wait = Duration::from_secs(3);

        assert_eq!(pace.refused(now, wait), Slowed::PauseOnly);
        assert_eq!(pace.take(now), Err(now + wait));
        assert!((0..10_000).all(|_| pace.take(now + wait).is_ok()));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Wait(Duration),
        Take,
        Refused(Duration),
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => (0_u64..90_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
            8 => Just(Step::Take),
            1 => (0_u64..300).prop_map(|s| Step::Refused(Duration::from_secs(s))),
        ];
        proptest::collection::vec(step, 1..400)
    }

    proptest! {
        #[test]
        fn no_history_breaks_the_pace(steps in steps(), per_minute in 1_u32..900) {
            let ceiling = f64::from(per_minute);
            let began = Instant::now();
            let (mut now, mut closed_until) = (began, began);
            let mut pace = Pace::new(Some(ceiling), began);
            let mut taken: Vec<Instant> = Vec::new();
            for step in steps {
                match step {
                    Step::Wait(time) => now += time,
                    Step::Refused(time) => {
                        closed_until = closed_until.max(now + time);
                        pace.refused(now, time);
                    }
                    Step::Take => match pace.take(now) {
                        Ok(()) => {
                            prop_assert!(now >= closed_until, "within a pause");
                            taken.push(now);
                        }
                        Err(at) => {
                            prop_assert!(at > now, "a wait is a wait");
                            // A request that waits as long as told then gets a permit, unless
                            // something came between. After a pause, it may also have to wait for a
                            // permit.
                            let again = pace.take(at);
                            now = again.err().unwrap_or(at);
                            prop_assert!(again.is_ok() || pace.take(now).is_ok());
                            taken.push(now);
                        }
                    },
                }
                let budget = pace.budget.as_ref().unwrap();
                prop_assert!(budget.rate <= ceiling && budget.rate >= ceiling * SLOWEST);
            }
            // Between any two permits there are never more than the burst and the rate allow.
            for (place, from) in taken.iter().enumerate() {
                for (n, to) in (1_u32..).zip(taken.iter().skip(place)) {
                    let minutes = to.duration_since(*from).as_secs_f64() / 60.0;
                    let most = ceiling * (BURST_MINUTES + minutes) + 1.0;
                    prop_assert!(f64::from(n) <= most + 1e-6, "{} in {} minutes", n, minutes);
                }
            }
            // Whatever happened, twenty calm minutes later the rate is at the ceiling again.
            let calm = now.max(closed_until) + CALM * 20;
            prop_assert!(pace.take(calm).is_ok());
            prop_assert!(pace.budget.as_ref().unwrap().rate >= ceiling);
        }
    }
}
