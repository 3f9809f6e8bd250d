//! Lets requests of one tier through: our own budget, and the pauses that Qlik asks for.

use std::sync::{Mutex as StdMutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep_until};

/// Minutes over which Qlik counts: so much of the budget may be spent at once.
const BURST_MINUTES: f64 = 5.0;
/// Timers are no finer than this; shorter waits would spin.
const TICK: Duration = Duration::from_millis(1);

/// The gate of one tier of one tenant.
///
/// Whoever comes first passes first, and who stops waiting leaves nothing behind: a permit
/// is taken only in the instant in which its taker goes on.
#[derive(Debug)]
pub(super) struct Gate {
    /// Held by the one who waits at the head of the queue; tokio's lock is fair.
    head: Mutex<()>,
    bucket: StdMutex<Bucket>,
}

#[derive(Debug)]
struct Bucket {
    /// None: no budget of our own.
    per_minute: Option<f64>,
    permits: f64,
    filled_at: Instant,
    opens_at: Instant,
}

impl Gate {
    /// Opens a gate with a full budget; 0 for none.
    pub(super) fn new(per_minute: u32) -> Self {
        let now = Instant::now();
        let per_minute = (per_minute > 0).then_some(f64::from(per_minute));
        Self {
            head: Mutex::new(()),
            bucket: StdMutex::new(Bucket {
                per_minute,
                permits: per_minute.unwrap_or_default() * BURST_MINUTES,
                filled_at: now,
                opens_at: now,
            }),
        }
    }

    /// Waits until a request may be sent, and returns how long that took.
    pub(super) async fn pass(&self) -> Duration {
        let came_at = Instant::now();
        let _head = self.head.lock().await;
        // A pause may come while somebody waits already: look again after each wait.
        while let Err(until) = self.take() {
            sleep_until(until).await;
        }
        came_at.elapsed()
    }

    /// Closes the gate for everybody, for this long at least.
    pub(super) fn pause(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut bucket = self.bucket();
        bucket.opens_at = bucket.opens_at.max(until);
    }

    /// Its lock is let go before anybody waits.
    fn take(&self) -> Result<(), Instant> {
        self.bucket().take(Instant::now())
    }

    /// A panic while the lock is held is not possible; were it, the numbers still hold.
    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// Takes a permit, or tells when to ask again.
    fn take(&mut self, now: Instant) -> Result<(), Instant> {
        if now < self.opens_at {
            return Err(self.opens_at);
        }
        let Some(per_minute) = self.per_minute else {
            return Ok(());
        };
        let per_second = per_minute / 60.0;
        let passed = now.saturating_duration_since(self.filled_at);
        let full = per_minute * BURST_MINUTES;
        self.permits = (self.permits + passed.as_secs_f64() * per_second).min(full);
        self.filled_at = now;
        if self.permits >= 1.0 {
            self.permits -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - self.permits) / per_second);
        Err(now + wait.max(TICK))
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
            gate.pass().await;
        }
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn five_minutes_worth_go_at_once_and_the_rest_at_its_rate() {
        let gate = Gate::new(60);

        assert_eq!(pass_many(&gate, 300).await, Duration::ZERO);
        let waited = pass_many(&gate, 30).await;
        assert!(
            (Duration::from_millis(29_900)..Duration::from_millis(30_100)).contains(&waited),
            "{waited:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_budget_means_no_wait() {
        assert_eq!(pass_many(&Gate::new(0), 10_000).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_everybody_also_without_a_budget() {
        let gate = Gate::new(0);
        gate.pause(Duration::from_secs(13));
        gate.pause(Duration::from_secs(2));

        let (first, second) = tokio::join!(gate.pass(), gate.pass());

        assert_eq!(
            [first.as_secs(), second.as_secs()],
            [13, 13],
            "a shorter pause does not shorten a longer one"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_reaches_who_waits_already() {
        let gate = Gate::new(1);
        pass_many(&gate, 5).await;
        let (waited, ()) = tokio::join!(gate.pass(), async {
            advance(Duration::from_secs(30)).await;
            gate.pause(Duration::from_secs(90));
        });

        assert_eq!(waited.as_secs(), 120);
    }

    #[tokio::test(start_paused = true)]
    async fn who_stops_waiting_leaves_nothing_behind() {
        let gate = Gate::new(1);
        pass_many(&gate, 5).await;
        {
            let mut left = pin!(gate.pass());
            let polled = left.as_mut().poll(&mut Context::from_waker(Waker::noop()));
            assert!(matches!(polled, Poll::Pending));
        }

        assert_eq!(gate.pass().await.as_secs(), 60);
    }
}
