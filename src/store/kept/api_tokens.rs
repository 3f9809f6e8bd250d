//! The tokens that let programs read over HTTP what is known.

use crate::lock::lock;
use crate::model::{ApiToken, Timestamp, TokenId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::v9::api_token as v9;
use crate::store::layout::{codec, keys};

impl Store {
    /// Returns all tokens, by id.
    pub fn api_tokens(&self) -> Result<Vec<ApiToken>, StoreError> {
        self.engine.read("reading tokens", |reader| {
            let mut tokens = Vec::new();
            for row in reader.prefix(&keys::api_tokens()) {
                let (key, value) = row?;
                let id =
                    keys::api_token_of(&key).ok_or_else(|| codec::flawed(&key, "of no token"))?;
                let token: v9::ApiToken = codec::read_row(&key, &value)?;
                tokens.push(token.with_id(id));
            }
            Ok(tokens)
        })
    }

    /// Stores a token. It is on disk when this returns.
    pub fn add_api_token(&self, token: &ApiToken) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let row = v9::ApiToken::from(token);
        self.engine
            .write(vec![codec::put(keys::api_token(token.id), &row)])
            .map(drop)
    }

    /// Removes a token. Returns it, or `None` if no token has this id.
    pub fn remove_api_token(&self, id: TokenId) -> Result<Option<ApiToken>, StoreError> {
        let _alone = lock(&self.guards.numbering);
        let found = self.api_token(id)?;
        if found.is_some() {
            self.engine.write(vec![(keys::api_token(id), None)])?;
        }
        Ok(found)
    }

    /// Notes when a token was last used. A token that was removed meanwhile stays removed.
    pub fn note_api_token_use(&self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let Some(mut token) = self.api_token(id)? else {
            return Ok(());
        };
        token.last_used_at = token.last_used_at.max(Some(at));
        let row = v9::ApiToken::from(&token);
        self.engine
            .write(vec![codec::put(keys::api_token(id), &row)])
            .map(drop)
    }

    fn api_token(&self, id: TokenId) -> Result<Option<ApiToken>, StoreError> {
        let key = keys::api_token(id);
        let found = self.row("reading a token", &key, codec::read_row::<v9::ApiToken>)?;
        Ok(found.map(|token| token.with_id(id)))
    }
}
