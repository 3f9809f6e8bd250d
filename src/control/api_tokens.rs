//! Tokens with which programs read what is known. Operators make, list and revoke them, and the API
//! recognizes them when a program presents one.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reading::Reading;
use super::token_cache::{ApiTokens, Remembered, TokenText};
use super::{Acting, Command, Control, ControlError, Page, Query, command, page, query};
use crate::model::{ApiToken, Scope, TenantId, TenantName, Timestamp, TokenId};

/// The most tokens that a store may have: all of them are kept in memory.
const MAX_TOKENS: usize = 1_000;

/// A token that was just made. Only this answer contains its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// The token as it is listed.
    pub row: TokenRow,
    /// The token itself.
    pub text: TokenText,
}

/// A token as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRow {
    /// Its id.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The tenants that it allows to read, with the names that the operator gave them; `None` for
    /// all.
    pub tenants: Option<BTreeMap<TenantId, Option<TenantName>>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When it expires; `None` if it is valid until it is revoked.
    pub expires_at: Option<Timestamp>,
    /// Whether it has expired.
    pub is_expired: bool,
    /// When it was last used, to the minute; `None` if never.
    pub last_used_at: Option<Timestamp>,
}

impl Control {
    /// Returns the token that a program presents; `None` if it was never made, was revoked or has
    /// expired. Notes the time of its use.
    pub async fn recognize(&self, presented: &str) -> Result<Option<Arc<ApiToken>>, ControlError> {
        let now = self.context.clock.now();
        let tokens = &self.context.api_tokens;
        let found = match tokens.remembered(presented, now) {
            Remembered::Token(found) => found,
            Remembered::Nothing => {
                let tokens = tokens.clone();
                let known = self.store.offload(move |store| tokens.known(store)).await?;
                ApiTokens::recognize(&known, presented, now)
            }
        };
        if let Some(token) = &found
            && tokens.is_to_be_noted(token.id, now)
        {
            let id = token.id;
            self.store
                .offload(move |store| store.note_api_token_use(id, now))
                .await?;
        }
        Ok(found)
    }

    /// Makes the first token of a store, with the scope `admin`, unless the store has tokens.
    /// `write` puts its text where only the operator can read it; if that fails, no token is made.
    /// Returns whether one was made.
    pub async fn make_first_token<E: Send + 'static>(
        &self,
        write: impl FnOnce(&TokenText) -> Result<(), E> + Send + 'static,
    ) -> Result<Result<bool, E>, ControlError> {
        let (now, tokens) = (self.context.clock.now(), self.context.api_tokens.clone());
        self.store
            .offload(move |store| {
                if !tokens.known(store)?.is_empty() {
                    return Ok(Ok(false));
                }
                let text = TokenText::generate().map_err(no_randomness)?;
                if let Err(failed) = write(&text) {
                    return Ok(Err(failed));
                }
                let token = ApiToken {
                    scopes: [Scope::Admin].into(),
                    ..token_of(&text, "first", "qlik-roster", now)
                };
                store.add_api_token(&token)?;
                tokens.put(token);
                Ok(Ok(true))
            })
            .await
    }
}

/// Returns a token that allows nothing yet.
fn token_of(text: &TokenText, name: &str, by: &str, now: Timestamp) -> ApiToken {
    let (id, digest) = TokenText::parts(text.expose()).expect("it was generated as a token");
    ApiToken {
        id,
        digest,
        name: name.to_owned(),
        scopes: BTreeSet::new(),
        tenants: None,
        created_at: now,
        created_by: by.to_owned(),
        expires_at: None,
        last_used_at: None,
    }
}

fn no_randomness(source: getrandom::Error) -> ControlError {
    ControlError::NoRandomness {
        what: source.to_string(),
    }
}

impl Query for query::Tokens {
    type Answer = Page<TokenRow, TokenId>;

    fn about(&self) -> &'static str {
        "tokens"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let Self { name, after, limit } = self;
        let limit = page::size(limit);
        let known = reading.context.api_tokens.known(reading.store)?;
        let is_called = |token: &ApiToken| {
            let part = name.as_deref();
            part.is_none_or(|part| super::choice::contains(&token.name, part))
        };
        let rows = known
            .values()
            .filter(|token| after.is_none_or(|after| token.id > after))
            .filter(|token| is_called(token))
            .take(limit + 1)
            .map(|token| row(reading, token));
        Ok(Page::of(rows.collect(), limit, |row| row.id))
    }
}

impl Command for command::CreateToken {
    type Answer = CreatedToken;

    fn about(&self) -> &'static str {
        "make a token"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<CreatedToken, ControlError> {
        let Self {
            name,
            scopes,
            tenants,
            lifetime,
        } = self;
        let tokens = &acting.context.api_tokens;
        if tokens.known(acting.store)?.len() >= MAX_TOKENS {
            return Err(ControlError::TooManyTokens { most: MAX_TOKENS });
        }
        let mut ids = BTreeSet::new();
        for tenant in &tenants {
            ids.insert(acting.one(tenant)?.tenant.id.clone());
        }
        let text = TokenText::generate().map_err(no_randomness)?;
        let now = acting.context.clock.now();
        let token = ApiToken {
            scopes,
            tenants: (!tenants.is_empty()).then_some(ids),
            expires_at: lifetime.map(|lifetime| now.plus(lifetime)),
            ..token_of(&text, &name, &acting.by.name, now)
        };
        acting.store.add_api_token(&token)?;
        let row = row(acting, &token);
        tracing::info!(
            by = %acting.by,
            token = %row.id,
            scopes = ?row.scopes,
            "Token {} was made by {}",
            row.id,
            acting.by
        );
        tokens.put(token);
        Ok(CreatedToken { row, text })
    }
}

impl Command for command::RevokeToken {
    type Answer = TokenRow;

    fn about(&self) -> &'static str {
        "revoke the token"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<TokenRow, ControlError> {
        let Self { id } = self;
        // The token is refused from here on, even if the store fails.
        acting.context.api_tokens.remove(id);
        let removed = acting.store.remove_api_token(id)?;
        // The cache may have read the token from the store in the meantime.
        acting.context.api_tokens.remove(id);
        let token = removed.ok_or(ControlError::UnknownToken { id })?;
        tracing::info!(by = %acting.by, token = %id, "Token {id} was revoked by {}", acting.by);
        Ok(row(acting, &token))
    }
}

fn row(reading: &Reading<'_>, token: &ApiToken) -> TokenRow {
    let ApiToken {
        id,
        digest: _,
        name,
        scopes,
        tenants,
        created_at,
        created_by,
        expires_at,
        last_used_at,
    } = token;
    let tenants = tenants.as_ref().map(|ids| {
        let named = ids.iter().map(|id| (id.clone(), reading.name_of(id)));
        named.collect()
    });
    TokenRow {
        id: *id,
        name: name.clone(),
        scopes: scopes.clone(),
        tenants,
        created_at: *created_at,
        created_by: created_by.clone(),
        expires_at: *expires_at,
        is_expired: token.has_expired(reading.context.clock.now()),
        last_used_at: *last_used_at,
    }
}
