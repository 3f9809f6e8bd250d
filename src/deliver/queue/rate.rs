//! Limits an endpoint's messages to its configured rate. Pure.

use std::num::NonZeroU32;
use std::time::Duration;

use tokio::time::Instant;

/// How far messages may be ahead of an even pace, since timers are no finer than a millisecond.
const AHEAD: Duration = Duration::from_millis(100);

/// A rate: a number of messages in a time, evenly spread.
#[derive(Debug)]
pub(super) struct Rate {
    interval: Duration,
    /// When the next message is due at an even pace.
    next: Option<Instant>,
}

impl Rate {
    /// Makes a rate of this many messages a second.
    pub fn per_second(messages: NonZeroU32) -> Self {
        Self {
            interval: Duration::from_secs(1) / messages.get(),
            next: None,
        }
    }

    /// Makes a rate of this many messages a minute.
    pub fn per_minute(messages: NonZeroU32) -> Self {
        Self {
            interval: Duration::from_secs(60) / messages.get(),
            next: None,
        }
    }

    /// Returns the slower of two rates.
    pub fn slower(self, other: Option<Self>) -> Self {
        match other {
            Some(other) if other.interval > self.interval => other,
            Some(_) | None => self,
        }
    }

    /// Returns when a message may go; `None` if it may go now.
    pub fn wait(&self, now: Instant) -> Option<Instant> {
        let earliest = self
            .next?
            .checked_sub(AHEAD.saturating_sub(self.interval))?;
        (earliest > now).then_some(earliest)
    }

    /// Counts a message.
    pub fn take(&mut self, now: Instant) {
        let next = self.next.map_or(now, |next| next.max(now));
        self.next = Some(next + self.interval);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_second_sees_more_than_the_rate_and_what_may_run_ahead(
            rate in 1_u32..200,
            steps in prop::collection::vec(0_u64..50_000, 1..200),
        ) {
            let start = Instant::now();
            let (mut now, mut taken) = (start, Vec::new());
            let mut pace = Rate::per_second(NonZeroU32::new(rate).unwrap());
            for step in steps {
                now += Duration::from_micros(step);
                while pace.wait(now).is_none() {
                    pace.take(now);
                    taken.push(now);
                }
            }

            let ahead = rate / 10 + 1;
            for (i, first) in taken.iter().enumerate() {
                let second = *first + Duration::from_secs(1);
                let n_taken = taken[i..].iter().take_while(|at| **at < second).count();
                prop_assert!(n_taken as u64 <= u64::from(rate + ahead) + 1, "{n_taken} at {rate}");
            }
            prop_assert!(!taken.is_empty());
        }
    }
}
