//! Bounds how many programs wait for events at one time: each keeps a connection.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::TokenId;
use crate::telemetry::{Metrics, Sample};

/// The most that wait, whatever the number of connections: each may have a page in memory.
const MOST: usize = 64;

/// The most that wait with one token, so that one program leaves places for others.
const MOST_OF_TOKEN: usize = 16;

/// The programs that wait for events.
#[derive(Debug)]
pub(super) struct Consumers {
    most: usize,
    waiting: Waiting,
}

/// How many programs wait with each token, and the metrics that say how many these are.
#[derive(Debug, Clone)]
struct Waiting {
    of_tokens: Arc<Mutex<BTreeMap<TokenId, usize>>>,
    metrics: Metrics,
}

/// A place among them, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    token: TokenId,
    waiting: Waiting,
}

impl Consumers {
    /// Makes places, at most half as many as there are connections: probes and others need some.
    pub(super) fn new(connections: usize, metrics: Metrics) -> Self {
        let waiting = Waiting {
            of_tokens: Arc::default(),
            metrics,
        };
        waiting.show(&BTreeMap::new());
        Self {
            most: (connections / 2).clamp(1, MOST),
            waiting,
        }
    }

    /// Takes a place for a program with this token; `None` if all are taken.
    pub(super) fn enter(&self, token: TokenId) -> Option<Place> {
        let mut waiting = lock(&self.waiting.of_tokens);
        let n_waiting: usize = waiting.values().sum();
        let of_token = waiting.entry(token).or_default();
        if n_waiting >= self.most || *of_token >= MOST_OF_TOKEN {
            return None;
        }
        *of_token += 1;
        self.waiting.show(&waiting);
        Some(Place {
            token,
            waiting: self.waiting.clone(),
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting.of_tokens);
        if let Some(of_token) = waiting.get_mut(&self.token) {
            *of_token -= 1;
        }
        waiting.retain(|_, of_token| *of_token > 0);
        self.waiting.show(&waiting);
    }
}

impl Waiting {
    fn show(&self, of_tokens: &BTreeMap<TokenId, usize>) {
        let n_waiting: usize = of_tokens.values().sum();
        self.metrics
            .set(Sample::EventConsumers {}, n_waiting as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_few_in_all_and_for_each_token_and_come_back() {
        let consumers = Consumers::new(60, Metrics::default());
        let token = |n| TokenId([n; 6]);

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
        assert!(lock(&consumers.waiting.of_tokens).is_empty());
    }
}
