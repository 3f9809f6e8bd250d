//! Shows that loops go round, so that one that is stuck is noticed.
//!
//! A loop beats each time that it goes round, and while it waits for something that may take long.
//! It does not beat while it waits for the store or a file: those answer soon, or something is
//! wrong.

use std::pin::pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::lock::lock;

/// The pulse of one loop. Clones share it. The default is watched by nobody.
#[derive(Debug, Clone, Default)]
pub struct Pulse(Option<Arc<Beats>>);

#[derive(Debug)]
struct Beats {
    /// What the log calls the loop.
    name: String,
    every: Duration,
    last: Mutex<Instant>,
}

/// The pulses of all loops. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Pulses {
    /// How often each beats; `None` if nobody watches.
    every: Option<Duration>,
    // As many as there are loops: those of loops that have ended are removed.
    all: Arc<Mutex<Vec<Weak<Beats>>>>,
}

impl Pulse {
    /// Shows that the loop goes round.
    pub fn beat(&self) {
        if let Some(beats) = &self.0 {
            *lock(&beats.last) = Instant::now();
        }
    }

    /// Sleeps, and beats meanwhile.
    pub async fn sleep(&self, time: Duration) {
        self.beside(sleep(time)).await;
    }

    /// Waits for something that may take any length of time, and beats meanwhile.
    pub async fn beside<T>(&self, wait: impl Future<Output = T>) -> T {
        let Some(beats) = &self.0 else {
            return wait.await;
        };
        let mut wait = pin!(wait);
        loop {
            self.beat();
            if let Ok(over) = timeout(beats.every, wait.as_mut()).await {
                self.beat();
                return over;
            }
        }
    }
}

impl Pulses {
    /// Makes pulses that beat this often.
    pub fn every(time: Duration) -> Self {
        Self {
            every: Some(time),
            all: Arc::default(),
        }
    }

    /// Makes the pulse of a loop, which beats now.
    pub fn of(&self, name: impl Into<String>) -> Pulse {
        let Some(every) = self.every else {
            return Pulse::default();
        };
        let beats = Arc::new(Beats {
            name: name.into(),
            every,
            last: Mutex::new(Instant::now()),
        });
        let mut all = lock(&self.all);
        all.retain(|beats| beats.strong_count() > 0);
        all.push(Arc::downgrade(&beats));
        Pulse(Some(beats))
    }

    /// Returns a loop that has not beaten for longer than this; `None` if all have.
    pub fn stuck(&self, limit: Duration) -> Option<String> {
        let all = lock(&self.all);
        let mut all = all.iter().filter_map(Weak::upgrade);
        let stuck = all.find(|beats| lock(&beats.last).elapsed() > limit)?;
        Some(stuck.name.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_loop_is_stuck_if_it_waits_for_what_should_not_take_long() {
        let pulses = Pulses::every(SECOND);
        let (slow, stuck) = (pulses.of("slow"), pulses.of("stuck"));
        let found = async {
            sleep(SECOND * 2).await;
            assert_eq!(pulses.stuck(SECOND * 3), None);
            sleep(SECOND * 2).await;
            pulses.stuck(SECOND * 3)
        };

        let found = tokio::select! {
            () = slow.beside(pending()) => None,
            found = found => found,
        };

        assert_eq!(found.as_deref(), Some("stuck"));
        stuck.beat();
        assert_eq!(pulses.stuck(SECOND * 3), None);
        sleep(SECOND * 4).await;
        drop((slow, stuck));
        assert_eq!(pulses.stuck(SECOND * 3), None, "both have ended");
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_sleeps_long_beats_meanwhile() {
        let pulses = Pulses::every(SECOND);
        let pulse = pulses.of("asleep");
        let began = Instant::now();
        let watch = async {
            loop {
                sleep(SECOND).await;
                assert_eq!(pulses.stuck(SECOND * 2), None);
            }
        };

        tokio::select! {
            () = pulse.sleep(SECOND * 60) => {}
            () = watch => {}
        }

        assert_eq!(began.elapsed(), SECOND * 60);
    }
}
