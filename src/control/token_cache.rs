//! The tokens of programs, in memory, and how a presented one is recognized.
//!
//! A token is `qlr_`, its id and 32 random bytes. The store has only a SHA-256 digest of those
//! bytes, so nobody can get a token out of a stolen store. They are random, so no slower hash is
//! needed. Digests are compared in constant time.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::lock::lock;
use crate::model::{ApiToken, Timestamp, TokenDigest, TokenId};
use crate::store::{Store, StoreError};

/// What every token begins with, so that scanners for leaked secrets can recognize it.
const PREFIX: &str = "qlr_";

/// The least time between two writes of a token's last use.
const NOTE_EVERY: Duration = Duration::from_secs(60);

/// A whole token as its holder presents it. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenText(String);

/// The tokens of a store, in memory, since each request presents one.
#[derive(Debug, Clone, Default)]
pub(super) struct ApiTokens(Arc<Mutex<Option<Known>>>);

/// What the memory says of a presented token.
pub(super) enum Remembered {
    /// The token; `None` if it is refused.
    Token(Option<Arc<ApiToken>>),
    /// Nothing, since the store was not read yet.
    Nothing,
}

pub(super) type Known = BTreeMap<TokenId, Arc<ApiToken>>;

impl TokenText {
    /// Generates a token from the system's random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let (mut id, mut secret) = ([0; 6], [0; 32]);
        getrandom::fill(&mut id)?;
        getrandom::fill(&mut secret)?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        Ok(Self(format!("{PREFIX}{}_{secret}", hex::encode(id))))
    }

    /// Returns the text. The caller hands it to whoever asked for the token, and to nobody else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Returns the id and the digest of a presented text; `None` if it does not have the form of a
    /// token.
    pub(super) fn parts(presented: &str) -> Option<(TokenId, TokenDigest)> {
        let (id, secret) = presented.strip_prefix(PREFIX)?.split_once('_')?;
        let mut bytes = [0; 6];
        hex::decode_to_slice(id, &mut bytes).ok()?;
        let secret = URL_SAFE_NO_PAD.decode(secret).ok()?;
        (secret.len() == 32).then(|| (TokenId(bytes), TokenDigest(Sha256::digest(secret).into())))
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[token]")
    }
}

impl ApiTokens {
    /// Returns the token that was presented; `None` if there is no such token, or it has
    /// expired.
    pub(super) fn recognize(
        known: &Known,
        presented: &str,
        now: Timestamp,
    ) -> Option<Arc<ApiToken>> {
        let (id, digest) = TokenText::parts(presented)?;
        let found = known.get(&id);
        // Refusing an unknown id takes as long as refusing a wrong secret.
        let kept = found.map_or([0; 32], |token| token.digest.0);
        let is_same = bool::from(kept.ct_eq(&digest.0));
        let token = found.filter(|_| is_same)?;
        (!token.has_expired(now)).then(|| Arc::clone(token))
    }

    pub(super) fn known(&self, store: &Store) -> Result<Known, StoreError> {
        let mut known = lock(&self.0);
        if let Some(known) = &*known {
            return Ok(known.clone());
        }
        let read = store.api_tokens()?.into_iter();
        let read: Known = read.map(|token| (token.id, Arc::new(token))).collect();
        *known = Some(read.clone());
        Ok(read)
    }

    /// Looks a token up without the store.
    pub(super) fn remembered(&self, presented: &str, now: Timestamp) -> Remembered {
        match &*lock(&self.0) {
            Some(known) => Remembered::Token(Self::recognize(known, presented, now)),
            None => Remembered::Nothing,
        }
    }

    /// Adds a token, or replaces it.
    pub(super) fn put(&self, token: ApiToken) {
        if let Some(known) = &mut *lock(&self.0) {
            known.insert(token.id, Arc::new(token));
        }
    }

    pub(super) fn remove(&self, id: TokenId) {
        if let Some(known) = &mut *lock(&self.0) {
            known.remove(&id);
        }
    }

    /// Returns whether a use of a token must be written and, if so, notes it in memory.
    pub(super) fn is_to_be_noted(&self, id: TokenId, now: Timestamp) -> bool {
        let mut known = lock(&self.0);
        let Some(token) = known.as_mut().and_then(|known| known.get_mut(&id)) else {
            return false;
        };
        let last = token.last_used_at;
        if last.is_some_and(|last| last <= now && now.since(last) < NOTE_EVERY) {
            return false;
        }
        *token = Arc::new(ApiToken {
            last_used_at: Some(now),
            ..ApiToken::clone(token)
        });
        true
    }
}
