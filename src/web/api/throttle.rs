//! Slows down clients that present wrong tokens.
//!
//! Nobody can guess a token, so this protects the log and the processor rather than the tokens. A
//! valid token is always accepted: a client with a wrong token must not lock out others that share
//! its address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::lock::lock;

/// How many failures an address may have within the window before its clients must wait.
const ALLOWED: u32 = 20;

/// How long failures are counted together, from the first one on.
const WINDOW: Duration = Duration::from_secs(60);

/// The most addresses to remember. If there are more, the oldest is forgotten.
const MAX_ADDRESSES: usize = 4_096;

/// The failures of each address.
#[derive(Debug, Default)]
pub(super) struct Throttle(Mutex<HashMap<Option<IpAddr>, Failures>>);

#[derive(Debug, Clone, Copy)]
struct Failures {
    since: Instant,
    n: u32,
}

impl Throttle {
    /// Counts a failure. Returns how long the client must wait if its address had too many.
    pub(super) fn fail(&self, address: Option<IpAddr>, now: Instant) -> Option<Duration> {
        let mut all = lock(&self.0);
        if all.len() >= MAX_ADDRESSES && !all.contains_key(&address) {
            all.retain(|_, failures| now.saturating_duration_since(failures.since) < WINDOW);
            if all.len() >= MAX_ADDRESSES
                && let Some(oldest) = all.iter().min_by_key(|(_, failures)| failures.since)
            {
                let oldest = *oldest.0;
                all.remove(&oldest);
            }
        }
        let failures = all.entry(address).or_insert(Failures { since: now, n: 0 });
        let passed = now.saturating_duration_since(failures.since);
        if passed >= WINDOW {
            *failures = Failures { since: now, n: 0 };
        }
        failures.n = failures.n.saturating_add(1);
        let passed = now.saturating_duration_since(failures.since);
        (failures.n > ALLOWED).then(|| WINDOW.saturating_sub(passed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn whoever_fails_often_has_to_wait_until_the_window_ends() {
        let throttle = Throttle::default();
        let begin = Instant::now();

        for _ in 0..ALLOWED {
            assert_eq!(throttle.fail(Some(address(1)), begin), None);
        }
        let wait = throttle.fail(Some(address(1)), begin + Duration::from_secs(20));
        assert_eq!(wait, Some(Duration::from_secs(40)));
        assert_eq!(
            throttle.fail(Some(address(2)), begin),
            None,
            "another address"
        );
        assert_eq!(throttle.fail(Some(address(1)), begin + WINDOW), None);
    }

    #[test]
    fn a_bounded_number_of_addresses_is_remembered() {
        let throttle = Throttle::default();
        let begin = Instant::now();
        let moments = (0..).map(|n| begin + Duration::from_millis(n));

        for (n, now) in (0..10_000_u32).zip(moments) {
            throttle.fail(Some(IpAddr::from(n.to_be_bytes())), now);
        }

        let all = lock(&throttle.0);
        assert_eq!(all.len(), MAX_ADDRESSES);
        assert!(all.contains_key(&Some(IpAddr::from(9_999_u32.to_be_bytes()))));
    }
}
