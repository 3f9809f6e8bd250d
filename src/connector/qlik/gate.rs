//! Lets requests of one tier through, one after the other, at the current pace.

use std::sync::{Mutex as StdMutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

use crate::lock::lock;

use super::pace::{Pace, Slowed};

/// The gate of one tier of one tenant.
///
/// First come, first served. A request that stops waiting leaves nothing behind: a permit is taken
/// only at the moment when the request goes on.
#[derive(Debug)]
pub(super) struct Gate {
    /// Locked by the request at the head of the queue; tokio's lock is fair.
    head: Mutex<()>,
    pace: StdMutex<Pace>,
}

impl Gate {
    /// Opens a gate with a full budget of this many requests a minute; `None` for no budget.
    pub(super) fn new(per_minute: Option<f64>) -> Self {
        Self {
            head: Mutex::new(()),
            pace: StdMutex::new(Pace::new(per_minute, Instant::now())),
        }
    }

    /// Waits until a request may be sent, and returns how long that took. `tell` is called with the
    /// time until which it waits.
    pub(super) async fn pass(&self, tell: impl Fn(Instant)) -> Duration {
        let came_at = Instant::now();
        let _head = self.head.lock().await;
        // A pause may begin while a request waits: check again after each wait.
        while let Err(until) = self.take() {
            tell(until);
            sleep_until(until).await;
        }
        came_at.elapsed()
    }

    /// Closes the gate for all requests for at least this long, since Qlik refused one, and slows
    /// down the following ones.
    pub(super) fn refused(&self, wait: Duration) -> Slowed {
        self.pace().refused(Instant::now(), wait)
    }

    /// Takes a permit, or returns when to ask again. The lock is released before anybody waits.
    fn take(&self) -> Result<(), Instant> {
        self.pace().take(Instant::now())
    }

    /// Locks the pace. Nothing panics while it is locked; if it did, the numbers would still be
    /// valid.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        lock(&self.pace)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::time::advance;

    use super::*;

    async fn pass_many(gate: &Gate, n: u32) -> Duration {
        let began = Instant::now();
        for _ in 0..n {
            gate.pass(|_| {}).await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn five_minutes_worth_go_at_once_and_the_rest_at_its_rate() {
        let gate = Gate::new(Some(60.0));

        assert_eq!(pass_many(&gate, 300).await, Duration::ZERO);
        let waited = pass_many(&gate, 30).await;
        assert!(
            (Duration::from_millis(29_900)..Duration::from_millis(30_100)).contains(&waited),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_budget_means_no_wait() {
        assert_eq!(pass_many(&Gate::new(None), 10_000).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_also_without_a_budget() {
        let gate = Gate::new(None);
        gate.refused(Duration::from_secs(13));
        gate.refused(Duration::from_secs(2));

        let (first, second) = tokio::join!(gate.pass(|_| {}), gate.pass(|_| {}));

        assert_eq!(
            [first.as_secs(), second.as_secs()],
            [13, 13],
            "a shorter pause does not shorten a longer one"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_reaches_who_waits_already() {
        let gate = Gate::new(None);
        gate.refused(Duration::from_secs(40));
        let (waited, ()) = tokio::join!(gate.pass(|_| {}), async {
            advance(Duration::from_secs(30)).await;
            gate.refused(Duration::from_secs(90));
        });

        assert_eq!(waited.as_secs(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let gate = Gate::new(Some(1.0));
        pass_many(&gate, 5).await;
        {
            let mut left = pin!(gate.pass(|_| {}));
            let polled = left.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending));
        }

        assert_eq!(gate.pass(|_| {}).await.as_secs(), 60);
    }
}
