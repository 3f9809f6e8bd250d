//! Bounds how many programs wait for events, and how many read pages at one time.

use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::places::{Place, Places};
use crate::model::TokenId;
use crate::telemetry::{Metrics, Sample};

/// The most that wait, whatever the number of connections: each may have a page in memory.
const MOST: usize = 64;

/// The most that wait with one token, so that one program leaves places for others.
const MOST_OF_TOKEN: usize = 16;

/// The most pages that are read from the store at one time: enough to keep a disk busy, and few
/// beside the deliveries, which read the same store.
const MOST_READ: usize = 4;

/// The most requests without `wait` that are being answered or wait for that.
const MOST_PAGES: usize = 64;

/// The most of these with one token. A program that reads page after page needs one.
const MOST_PAGES_OF_TOKEN: usize = 8;

/// How long a request without `wait` waits until its page is read.
const PATIENCE: Duration = Duration::from_secs(5);

/// The programs that pull events.
#[derive(Debug)]
pub(super) struct Consumers {
    waiting: Places,
    pages: Places,
    reading: Semaphore,
}

impl Consumers {
    /// Makes places to wait, at most half as many as there are connections: probes and others need
    /// some.
    pub(super) fn new(connections: usize, metrics: Metrics) -> Self {
        let most = (connections / 2).clamp(1, MOST);
        let show = move |n: usize| metrics.set(Sample::EventConsumers {}, n as f64);
        Self {
            waiting: Places::new(most, MOST_OF_TOKEN, show),
            pages: Places::new(MOST_PAGES, MOST_PAGES_OF_TOKEN, |_| {}),
            reading: Semaphore::new(MOST_READ),
        }
    }

    /// Takes a place to wait for a program with this token; `None` if all are taken.
    pub(super) fn enter(&self, token: TokenId) -> Option<Place> {
        self.waiting.enter(token)
    }

    /// Takes a place for a page without `wait`; `None` if all are taken.
    pub(super) fn ask(&self, token: TokenId) -> Option<Place> {
        self.pages.enter(token)
    }

    /// Waits until a page may be read from the store.
    pub(super) async fn may_read(&self) -> SemaphorePermit<'_> {
        let permit = self.reading.acquire().await;
        permit.expect("the semaphore is never closed")
    }

    /// The same, but gives up after a while.
    pub(super) async fn may_read_soon(&self) -> Option<SemaphorePermit<'_>> {
        timeout(PATIENCE, self.may_read()).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(n: u8) -> TokenId {
        TokenId([n; 6])
    }

    #[test]
    fn places_are_few_in_all_and_for_each_token_and_come_back() {
        let consumers = Consumers::new(60, Metrics::default());

        let mut first: Vec<_> = (0..16)
            .map(|_| consumers.enter(token(1)).unwrap())
            .collect();
        assert!(consumers.enter(token(1)).is_none());
        let second: Vec<_> = (0..14)
            .map(|_| consumers.enter(token(2)).unwrap())
            .collect();
        assert!(consumers.enter(token(2)).is_none(), "all thirty are taken");
        first.pop();
        let again = consumers.enter(token(2)).unwrap();

        drop((first, second, again));
        assert!(consumers.waiting.are_free());
    }

    #[tokio::test(start_paused = true)]
    async fn pages_are_read_a_few_at_a_time_and_nobody_waits_for_long() {
        let consumers = Consumers::new(60, Metrics::default());
        let pages: Vec<_> = (0..MOST_PAGES_OF_TOKEN)
            .map(|_| consumers.ask(token(1)).unwrap())
            .collect();
        assert!(consumers.ask(token(1)).is_none());
        let other = consumers.ask(token(2));
        assert!(other.is_some(), "one program leaves places for others");

        let mut read = Vec::new();
        for _ in 0..MOST_READ {
            read.push(consumers.may_read_soon().await.unwrap());
        }
        assert!(consumers.may_read_soon().await.is_none());
        read.pop();
        assert!(consumers.may_read_soon().await.is_some());
        drop((pages, other));
        assert!(consumers.pages.are_free());
    }
}
