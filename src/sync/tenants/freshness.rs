//! How long ago a tenant was last read as a whole, by a clock that nobody can set.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;
use crate::lock::lock;

/// The shortest time without a success that counts as too long, whatever the schedule: most outages
/// end by themselves before that.
const LEAST_PATIENCE: Duration = Duration::from_secs(3600);

/// When a tenant was last read as a whole. Clones share it.
#[derive(Debug, Clone)]
pub struct Freshness {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// When a run last succeeded, or when the loop began, by [`Clock::passed`]; `None` if no loop
    /// runs the tenant.
    since: Option<Duration>,
    /// How long the next success may take before it is overdue.
    patience: Duration,
    /// When the run under way began, or `None` between two runs.
    began: Option<Duration>,
}

impl Freshness {
    /// Starts without a loop.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Returns how long ago the last success was, or how long ago the loop began if there was none
    /// since; `None` if no loop runs the tenant.
    pub fn age(&self) -> Option<Duration> {
        let since = self.state().since?;
        Some(self.clock.passed().saturating_sub(since))
    }

    /// Returns how long there has been no success; `None` if that is not too long. A run under way
    /// may take its time: a tenant does not become overdue during a run.
    pub fn overdue(&self) -> Option<Duration> {
        let state = self.state();
        let (now, since) = (self.clock.passed(), state.since?);
        let waited = state.began.unwrap_or(now).saturating_sub(since);
        (waited > state.patience).then(|| now.saturating_sub(since))
    }

    /// Notes that runs are due from now on.
    pub(super) fn begins(&self, three_runs: Duration) {
        let mut state = self.state();
        state.since = Some(self.clock.passed());
        state.patience = three_runs.max(LEAST_PATIENCE);
    }

    /// Notes how long it is until three more runs are due.
    pub(in crate::sync) fn expect(&self, three_runs: Duration) {
        self.state().patience = three_runs.max(LEAST_PATIENCE);
    }

    /// Notes that a run of the whole tenant has begun.
    pub(in crate::sync) fn run_begins(&self) {
        self.state().began = Some(self.clock.passed());
    }

    /// Notes that it has ended.
    pub(in crate::sync) fn run_ended(&self, outcome: Ended) {
        let mut state = self.state();
        state.began = None;
        match outcome {
            Ended::Well => {
                if state.since.is_some() {
                    state.since = Some(self.clock.passed());
                }
            }
            Ended::Badly => {}
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Ended {
    Well,
    Badly,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    const HOUR: Duration = Duration::from_secs(3600);

    fn at(clock: &Clock, passed: Duration) {
        let missing = passed.saturating_sub(clock.passed());
        clock.set(clock.now().plus(missing));
    }

    #[test]
    fn too_long_without_a_success_is_noticed_whatever_the_clock_on_the_wall_says() {
        let clock = Clock::stopped_at(Timestamp::from_millis(1_700_000_000_000));
        let freshness = Freshness::new(clock.clone());
        assert_eq!((freshness.age(), freshness.overdue()), (None, None));
        freshness.begins(HOUR * 3);

        freshness.run_begins();
        at(&clock, HOUR * 5);
        assert_eq!(freshness.overdue(), None, "the first run takes its time");
        freshness.run_ended(Ended::Well);
        clock.jump_to(clock.now().minus(HOUR * 1000));
        at(&clock, HOUR * 8);
        assert_eq!(freshness.overdue(), None);
        assert_eq!(freshness.age(), Some(HOUR * 3));

        at(&clock, HOUR * 9);
        assert_eq!(freshness.overdue(), Some(HOUR * 4));
        freshness.run_begins();
        freshness.run_ended(Ended::Badly);
        assert_eq!(freshness.overdue(), Some(HOUR * 4));
        freshness.run_begins();
        assert_eq!(freshness.overdue(), Some(HOUR * 4), "it was late before");
        freshness.run_ended(Ended::Well);
        assert_eq!(
            (freshness.age(), freshness.overdue()),
            (Some(Duration::ZERO), None)
        );
    }

    #[test]
    fn an_hour_is_never_too_long() {
        let clock = Clock::stopped_at(Timestamp::from_millis(1_700_000_000_000));
        let freshness = Freshness::new(clock.clone());
        freshness.begins(Duration::from_secs(30));

        at(&clock, HOUR);
        assert_eq!(freshness.overdue(), None);
        at(&clock, HOUR + Duration::from_secs(1));
        assert!(freshness.overdue().is_some());
    }
}
