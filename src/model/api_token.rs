//! Tokens with which programs read records and reports over HTTP.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{TenantId, Timestamp};

/// The public part of a token, such as `t-3fa9c2e17b04`, by which it is listed and revoked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct TokenId(pub [u8; 6]);

/// The text is not the id of a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a token's id looks like `t-3fa9c2e17b04`; `qlik-roster token list` lists the tokens")]
pub struct InvalidTokenId;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To read records and reports.
    Read,
    /// To read records as SCIM resources.
    Scim,
    /// To read events.
    Events,
    /// To do all of these, and to administer.
    Admin,
}

impl Scope {
    /// All scopes.
    pub const ALL: [Self; 4] = [Self::Read, Self::Scim, Self::Events, Self::Admin];

    /// Returns the scope as one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Scim => "scim",
            Self::Events => "events",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// The SHA-256 digest of a token's secret part. The secret itself is never kept.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenDigest(pub [u8; 32]);

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// The digest that the secret part of a presented token must have.
    pub digest: TokenDigest,
    /// What it is for, in the words of whoever made it.
    pub name: String,
    /// What it allows.
    pub scopes: BTreeSet<Scope>,
    /// The tenants that may be read with it; `None` for all, including those added later.
    pub tenants: Option<BTreeSet<TenantId>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, by the name that they gave.
    pub created_by: String,
    /// When it expires; `None` if it never does.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute; `None` if never.
    pub last_used_at: Option<Timestamp>,
}

impl ApiToken {
    /// Returns whether the token allows what a scope allows.
    pub fn allows(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Returns whether a tenant may be read with the token.
    pub fn covers(&self, tenant: &TenantId) -> bool {
        let tenants = self.tenants.as_ref();
        tenants.is_none_or(|tenants| tenants.contains(tenant))
    }

    /// Returns whether the token has expired.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("t-")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[digest]")
    }
}

impl FromStr for TokenId {
    type Err = InvalidTokenId;

    fn from_str(text: &str) -> Result<Self, InvalidTokenId> {
        let mut bytes = [0; 6];
        let digits = text.strip_prefix("t-").ok_or(InvalidTokenId)?;
        hex::decode_to_slice(digits, &mut bytes).map_err(|_not_hex| InvalidTokenId)?;
        Ok(Self(bytes))
    }
}

impl From<TokenId> for String {
    fn from(id: TokenId) -> Self {
        id.to_string()
    }
}

impl TryFrom<String> for TokenId {
    type Error = InvalidTokenId;

    fn try_from(text: String) -> Result<Self, InvalidTokenId> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(scopes: &[Scope], tenants: Option<&[&str]>) -> ApiToken {
        let tenant = |id: &&str| TenantId((*id).to_owned());
        ApiToken {
            id: TokenId([0x3f, 0xa9, 0xc2, 0xe1, 0x7b, 0x04]),
            digest: TokenDigest([7; 32]),
            name: "report".to_owned(),
            scopes: scopes.iter().copied().collect(),
            tenants: tenants.map(|ids| ids.iter().map(tenant).collect()),
            created_at: Timestamp::from_millis(1_000),
            created_by: "ops".to_owned(),
            expires_at: Some(Timestamp::from_millis(5_000)),
            last_used_at: None,
        }
    }

    #[test]
    fn an_id_reads_as_it_is_written() {
        let id = token(&[], None).id;

        assert_eq!(id.to_string(), "t-3fa9c2e17b04");
        assert_eq!("t-3fa9c2e17b04".parse(), Ok(id));
        for text in ["", "3fa9c2e17b04", "t-3fa9c2e17b", "t-3fa9c2e17b0g"] {
            assert_eq!(text.parse::<TokenId>(), Err(InvalidTokenId), "{text}");
        }
    }

    #[test]
    fn an_administrators_token_allows_everything_and_others_what_they_name() {
        let read = token(&[Scope::Read], None);
        let admin = token(&[Scope::Admin], None);

        for scope in Scope::ALL {
            assert!(admin.allows(scope), "{scope}");
            assert_eq!(read.allows(scope), scope == Scope::Read, "{scope}");
        }
    }

    #[test]
    fn a_token_covers_the_tenants_that_it_names_until_it_ends() {
        let all = token(&[Scope::Read], None);
        let one = token(&[Scope::Read], Some(&["T1"]));
        let (t1, t2) = (TenantId("T1".to_owned()), TenantId("T2".to_owned()));

        assert!(all.covers(&t1) && all.covers(&t2));
        assert!(one.covers(&t1) && !one.covers(&t2));
        assert!(!one.has_expired(Timestamp::from_millis(4_999)));
        assert!(one.has_expired(Timestamp::from_millis(5_000)));
    }

    #[test]
    fn the_digest_does_not_show() {
        let shown = format!("{:?}", token(&[], None));

        assert!(shown.contains("[digest]"), "{shown}");
    }
}
