//! Tokens and keys: who may ask, and what is shown to them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::lock::lock;
use crate::model::{Timestamp, UserId};

/// Who asks, and how much of the tenant they see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The user that the token acts for.
    pub user: UserId,
    /// What they see.
    pub sight: Sight,
}

/// How much of the tenant a credential sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Everything, as a tenant administrator does.
    Full,
    /// Users without their roles; no roles and no groups.
    UsersOnly,
}

/// The tokens that were given out.
#[derive(Debug)]
pub struct Tokens {
    live: Mutex<HashMap<String, Token>>,
    issued: AtomicU64,
    seed: u64,
    lifetime: Duration,
    requests_per_token: Option<u64>,
}

#[derive(Debug)]
struct Token {
    caller: Caller,
    ends: Timestamp,
    n_requests: u64,
}

impl Tokens {
    pub fn new(seed: u64, lifetime: Duration, requests_per_token: Option<u64>) -> Self {
        Self {
            live: Mutex::default(),
            issued: AtomicU64::new(0),
            seed,
            lifetime,
            requests_per_token,
        }
    }

    /// Gives out a token, long and in three parts as real ones are.
    pub fn issue(&self, caller: Caller, now: Timestamp) -> String {
        let nth = self.issued.fetch_add(1, Ordering::SeqCst);
        let text = jwt_like(self.seed, nth);
        let token = Token {
            caller,
            ends: now.plus(self.lifetime),
            n_requests: 0,
        };
        let mut live = self.live();
        live.retain(|_, token| now < token.ends);
        live.insert(text.clone(), token);
        text
    }

    /// Returns whom a token acts for. `None` if the token is unknown, expired or used up.
    pub fn check(&self, token: &str, now: Timestamp) -> Option<Caller> {
        let mut live = self.live();
        let token = live.get_mut(token)?;
        token.n_requests += 1;
        let used_up = self
            .requests_per_token
            .is_some_and(|most| token.n_requests > most);
        (now < token.ends && !used_up).then(|| token.caller.clone())
    }

    pub fn revoke_all(&self) {
        self.live().clear();
    }

    pub fn n_issued(&self) -> u64 {
        self.issued.load(Ordering::SeqCst)
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Token>> {
        lock(&self.live)
    }
}

/// Makes a text that looks like a JWT and is as long as one.
pub fn jwt_like(seed: u64, nth: u64) -> String {
    let part = |part: u64| {
        format!(
            "{:016x}",
            xxh3_64_with_seed(&nth.to_le_bytes(), seed ^ part)
        )
    };
    let payload: String = (0..24).map(part).collect();
    let signature: String = (24..32).map(part).collect();
    format!("eyJhbGciOiJFUzM4NCIsInR5cCI6IkpXVCJ9.{payload}.{signature}")
}
