//! Tokens with which programs read the records over HTTP.

use crate::model::{ApiToken, Scope, TokenDigest, TokenId};
use crate::store::layout::v9::api_token as v9;

use super::same_words;

same_words! {
    Scope = v9::Scope { Read, Scim, Events, Admin }
}

impl From<&ApiToken> for v9::ApiToken {
    fn from(token: &ApiToken) -> Self {
        let ApiToken {
            id: _,
            digest,
            name,
            scopes,
            tenants,
            created_at,
            created_by,
            expires_at,
            last_used_at,
        } = token;
        Self {
            digest: digest.0,
            name: name.clone(),
            scopes: scopes.iter().map(|scope| (*scope).into()).collect(),
            tenants: tenants.as_ref().map(|all| all.iter().cloned().collect()),
            created_at: *created_at,
            created_by: created_by.clone(),
            expires_at: *expires_at,
            last_used_at: *last_used_at,
        }
    }
}

impl v9::ApiToken {
    /// Returns the token, given the id from its key.
    pub fn with_id(self, id: TokenId) -> ApiToken {
        let Self {
            digest,
            name,
            scopes,
            tenants,
            created_at,
            created_by,
            expires_at,
            last_used_at,
        } = self;
        ApiToken {
            id,
            digest: TokenDigest(digest),
            name,
            scopes: scopes.into_iter().map(Scope::from).collect(),
            tenants: tenants.map(|all| all.into_iter().collect()),
            created_at,
            created_by,
            expires_at,
            last_used_at,
        }
    }
}
