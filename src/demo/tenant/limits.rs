//! Counts requests per user and tier, as Qlik does over five minutes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::lock::lock;
use crate::model::Timestamp;

use super::options::RateLimits;

/// Qlik looks at five minutes to let bursts pass.
const WINDOW: Duration = Duration::from_secs(300);

/// A class of endpoints that share a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Reads.
    One,
    /// Tokens and writes.
    Two,
    /// The audit log, which has a limit of its own.
    Audits,
}

/// The counts of all users.
#[derive(Debug)]
pub struct Limits {
    limits: RateLimits,
    counts: Mutex<HashMap<(String, Tier), Count>>,
}

#[derive(Debug, Clone, Copy)]
struct Count {
    since: Timestamp,
    n_requests: u64,
}

impl Limits {
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            counts: Mutex::new(HashMap::new()),
        }
    }

    /// Counts a request. If there were too many, returns the seconds until the whole tier is open
    /// again.
    pub fn admit(&self, user: &str, tier: Tier, now: Timestamp) -> Result<(), u64> {
        let (limit, window) = match (self.limits, tier) {
            (RateLimits::Off, _) => return Ok(()),
            (RateLimits::Documented, Tier::One | Tier::Audits) => (5_000, WINDOW),
            (RateLimits::Documented, Tier::Two) => (500, WINDOW),
            (RateLimits::Custom { tier_1, window, .. }, Tier::One | Tier::Audits) => {
                (tier_1, window)
            }
            (RateLimits::Custom { tier_2, window, .. }, Tier::Two) => (tier_2, window),
        };
        let mut counts = lock(&self.counts);
        let new = Count {
            since: now,
            n_requests: 0,
        };
        let count = counts.entry((user.to_owned(), tier)).or_insert(new);
        // If the clock went back, the count starts again rather than blocking for years.
        if now.since(count.since) >= window || now < count.since {
            *count = new;
        }
        if count.n_requests < limit {
            count.n_requests += 1;
            return Ok(());
        }
        let left = window.saturating_sub(now.since(count.since));
        Err(left.as_millis().div_ceil(1_000).try_into().unwrap_or(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_shut_until_its_window_ends_and_the_other_stays_open() {
        let limits = Limits::new(RateLimits::Custom {
            tier_1: 2,
            tier_2: 1,
            window: Duration::from_secs(10),
        });
        let at = |millis: i64| Timestamp::from_millis(1_000_000 + millis);

        assert_eq!(limits.admit("bot", Tier::One, at(0)), Ok(()));
        assert_eq!(limits.admit("bot", Tier::One, at(1)), Ok(()));
        assert_eq!(limits.admit("bot", Tier::One, at(2_500)), Err(8));
        assert_eq!(limits.admit("bot", Tier::Two, at(2_500)), Ok(()));
        assert_eq!(limits.admit("other", Tier::One, at(2_500)), Ok(()));
        assert_eq!(limits.admit("bot", Tier::One, at(9_999)), Err(1));
        assert_eq!(limits.admit("bot", Tier::One, at(10_000)), Ok(()));
    }
}
