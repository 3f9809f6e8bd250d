//! Composes the keys of tokens.

use crate::model::TokenId;

use super::{Key, Keyspace};

/// The prefix of all tokens.
pub fn api_tokens() -> Key {
    vec![Keyspace::ApiToken as u8]
}

/// The key of a token.
pub fn api_token(id: TokenId) -> Key {
    let mut key = api_tokens();
    key.extend_from_slice(&id.0);
    key
}

/// Returns the id of the token that a key is for; `None` if the key has another length.
pub fn api_token_of(key: &[u8]) -> Option<TokenId> {
    key.get(1..)?.try_into().ok().map(TokenId)
}
