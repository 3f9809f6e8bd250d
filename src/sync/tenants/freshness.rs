//! How long ago a tenant was last read as a whole, by a clock that nobody can set.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::clock::Clock;
use crate::lock::lock;

/// The least time without a success that is too long: most outages end by themselves before that,
/// whatever the schedule.
const LEAST_PATIENCE: Duration = Duration::from_secs(3600);

/// What is known of it. Clones share it.
#[derive(Debug, Clone)]
pub struct Freshness {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    /// When a run last succeeded, or since when there should be runs, by [`Clock::passed`]; `None`
    /// where no loop runs the tenant.
    since: Option<Duration>,
    /// How long the next success may take.
    patience: Duration,
    /// When the run under way began, or `None` between two runs.
    began: Option<Duration>,
}

impl Freshness {
    /// Begins without a loop.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    /// Returns how long ago the last success was, or the start of the loop if there was none since;
    /// `None` where no loop runs the tenant.
    pub fn age(&self) -> Option<Duration> {
        let since = self.state().since?;
        Some(self.clock.passed().saturating_sub(since))
    }

    /// Returns how long there has been no success, where that is too long. A run under way may take
    /// its time: it is no later than it was when it began.
    pub fn overdue(&self) -> Option<Duration> {
        let state = self.state();
        let (now, since) = (self.clock.passed(), state.since?);
        let waited = state.began.unwrap_or(now).saturating_sub(since);
        (waited > state.patience).then(|| now.saturating_sub(since))
    }

    /// Notes that there should be runs from now on.
    pub(super) fn begins(&self, three_runs: Duration) {
        let mut state = self.state();
        state.since = Some(self.clock.passed());
        state.patience = three_runs.max(LEAST_PATIENCE);
    }

    /// Notes how long it is until three more runs are due.
    pub(in crate::sync) fn expect(&self, three_runs: Duration) {
        self.state().patience = three_runs.max(LEAST_PATIENCE);
    }

    /// Notes that a run of the whole tenant begins.
    pub(in crate::sync) fn run_begins(&self) {
        self.state().began = Some(self.clock.passed());
    }

    /// Notes that it ended.
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
        clock.turn(clock.now().minus(HOUR * 1000));
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
