//! Places for programs, so many in all and so many for each token.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::TokenId;

/// Places for programs.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_of_token: usize,
    taken: Taken,
}

/// What is told how many places are taken, whenever that changes.
type Told = Arc<dyn Fn(usize) + Send + Sync>;

/// How many places are taken with each token.
#[derive(Clone)]
struct Taken {
    of_tokens: Arc<Mutex<BTreeMap<TokenId, usize>>>,
    told: Told,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    token: TokenId,
    taken: Taken,
}

impl Places {
    /// Makes places. `told` is told how many are taken.
    pub(super) fn new(
        most: usize,
        most_of_token: usize,
        told: impl Fn(usize) + Send + Sync + 'static,
    ) -> Self {
        told(0);
        Self {
            most,
            most_of_token,
            taken: Taken {
                of_tokens: Arc::default(),
                told: Arc::new(told),
            },
        }
    }

    /// Takes a place for a program with this token; `None` if all are taken.
    pub(super) fn enter(&self, token: TokenId) -> Option<Place> {
        let mut of_tokens = lock(&self.taken.of_tokens);
        let n_taken: usize = of_tokens.values().sum();
        let of_token = of_tokens.get(&token).copied().unwrap_or_default();
        if n_taken >= self.most || of_token >= self.most_of_token {
            return None;
        }
        of_tokens.insert(token, of_token + 1);
        (self.taken.told)(n_taken + 1);
        Some(Place {
            token,
            taken: self.taken.clone(),
        })
    }

    #[cfg(test)]
    pub(super) fn are_free(&self) -> bool {
        lock(&self.taken.of_tokens).is_empty()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut of_tokens = lock(&self.taken.of_tokens);
        if let Some(of_token) = of_tokens.get_mut(&self.token) {
            *of_token -= 1;
        }
        of_tokens.retain(|_, of_token| *of_token > 0);
        (self.taken.told)(of_tokens.values().sum());
    }
}

impl std::fmt::Debug for Taken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Taken")
    }
}
