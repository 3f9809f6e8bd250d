//! The one retry policy: how long to wait before a request is tried again, and when to stop.

use std::time::Duration;

use backoff::backoff::Backoff;
use backoff::{ExponentialBackoff, ExponentialBackoffBuilder};

/// The first wait, before jitter.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// Each wait is this many times the one before.
const GROWTH: f64 = 2.0;
/// Each wait is random, from this share below its length to this share above it, so that requests
/// that failed together are not retried together.
const JITTER: f64 = 0.5;
/// The longest wait that we choose ourselves.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait that a server may ask of us: the window over which Qlik counts requests.
const LONGEST_ASKED: Duration = Duration::from_secs(300);
/// All waits together.
const TOTAL_WAIT: Duration = Duration::from_secs(300);
/// Attempts in all, the first one included; Qlik asks for no more than five retries.
const ATTEMPTS: u32 = 6;
/// Attempts in all where a person waits for the answer.
const BRIEF_ATTEMPTS: u32 = 2;

/// Counts the failed attempts of one request and tells how long to wait before the next.
///
/// It does not sleep or look at a clock. Its total bound applies to the sum of the waits that it
/// returned; the attempts themselves are bounded by their time-outs.
#[derive(Debug)]
pub struct Retry {
    waits: ExponentialBackoff,
    retries_left: u32,
    wait_left: Duration,
}

impl Retry {
    /// Makes the policy for requests of a run.
    pub fn requests() -> Self {
        Self::of(ATTEMPTS)
    }

    /// Makes the policy for requests whose outcome a person waits for: one retry.
    pub fn brief() -> Self {
        Self::of(BRIEF_ATTEMPTS)
    }

    /// Makes the policy for requests that are part of something long that would have to start
    /// again: as many retries as fit into the time of an outage. If that time is zero, the policy
    /// is that of any other request.
    pub fn outlasting(outage: Duration) -> Self {
        if outage.is_zero() {
            return Self::requests();
        }
        Self {
            wait_left: outage,
            ..Self::of(u32::MAX)
        }
    }

    fn of(attempts: u32) -> Self {
        let waits = ExponentialBackoffBuilder::new()
            .with_initial_interval(FIRST_WAIT)
            .with_multiplier(GROWTH)
            .with_randomization_factor(JITTER)
            .with_max_interval(LONGEST_WAIT)
            // The crate would read the machine's clock to apply this bound.
            .with_max_elapsed_time(None)
            .build();
        Self {
            waits,
            retries_left: attempts.saturating_sub(1),
            wait_left: TOTAL_WAIT,
        }
    }

    /// Returns how long to wait before the next attempt, or `None` to give up.
    ///
    /// `asked` is what the server asked for (`Retry-After`): a lower bound, itself bounded.
    pub fn next(&mut self, asked: Option<Duration>) -> Option<Duration> {
        self.retries_left = self.retries_left.checked_sub(1)?;
        let own = self.waits.next_backoff()?.min(LONGEST_WAIT);
        let wait = own.max(asked.unwrap_or_default().min(LONGEST_ASKED));
        self.wait_left = self.wait_left.checked_sub(wait)?;
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_their_jitter_and_end() {
        let mut retry = Retry::requests();

        for expected in [500, 1_000, 2_000, 4_000, 8_000_u64] {
            let wait = retry.next(None).unwrap();
            let (low, high) = (expected / 2, expected + expected / 2);
            assert!(
                (Duration::from_millis(low)..=Duration::from_millis(high + 1)).contains(&wait),
                "{wait:?} is not {expected} ms or so"
            );
        }
        assert_eq!(retry.next(None), None);
        assert_eq!(retry.next(None), None);
    }

    #[test]
    fn an_outage_is_outlasted_up_to_its_time() {
        for minutes in [1, 10, 60] {
            let outage = Duration::from_secs(60 * minutes);
            let mut retry = Retry::outlasting(outage);

            let waits: Vec<Duration> = std::iter::from_fn(|| retry.next(None)).collect();

            let total: Duration = waits.iter().sum();
            assert!(
                total <= outage && total + LONGEST_WAIT > outage,
                "{total:?}"
            );
            assert!(waits.iter().all(|wait| *wait <= LONGEST_WAIT));
        }
        let mut usual = Retry::outlasting(Duration::ZERO);
        assert_eq!(std::iter::from_fn(|| usual.next(None)).count(), 5);
    }

    #[test]
    fn a_servers_wish_is_a_lower_bound() {
        let mut retry = Retry::requests();

        assert_eq!(
            retry.next(Some(Duration::from_secs(13))),
            Some(Duration::from_secs(13))
        );
        assert!(retry.next(Some(Duration::ZERO)).unwrap() >= Duration::from_millis(500));
    }

    #[test]
    fn a_servers_wish_is_bounded_and_so_is_the_whole() {
        let mut retry = Retry::requests();

        assert_eq!(
            retry.next(Some(Duration::from_secs(86_400))),
            Some(LONGEST_ASKED)
        );
        assert_eq!(retry.next(Some(Duration::from_secs(1))), None);
    }
}
