//! What a connection to a tenant needs to know, checked.

use std::time::Duration;

use super::{SigningKey, TenantHost};
use crate::environment_proxy::{EnvironmentProxy, ProxyChoice};
use crate::secret::Secret;

/// The default share of what Qlik allows a user; the rest is for others with the same client.
pub const RATE_SHARE: f64 = 0.5;
/// The default longest wait for one answer.
pub const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a listing that has started waits out an outage, by default: restarts and failovers of a
/// cloud service take minutes, and a large tenant's listing is expensive to start again.
pub const OUTLAST: Duration = Duration::from_secs(10 * 60);

/// How to reach a tenant, and the limits that apply.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub host: TenantHost,
    /// Who we are there.
    pub credentials: Credentials,
    /// Our own budget. Five minutes' worth of it may be spent at once, as Qlik counts over five
    /// minutes.
    pub budget: Budget,
    /// The longest wait for one answer.
    pub timeout: Duration,
    /// The longest that all waits for one page, or for one record, may take together while the
    /// source has an outage. If it is zero, they take no longer than for any other request.
    pub outlast: Duration,
    /// The bounds that no answer may exceed.
    pub limits: Limits,
    /// The environment's proxy, which requests go through if it applies to this host.
    pub proxies: EnvironmentProxy,
}

/// How many requests we send to a tenant, even if it would allow more.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Budget {
    /// This share of what Qlik documents for each tier, above 0 and up to 1.
    Share(f64),
    /// This many requests a minute in tier 1, and a tenth of that in tier 2.
    PerMinute(u32),
    /// No bound of our own.
    Unlimited,
}

/// A class of endpoints that share a limit of Qlik's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    /// Most reads.
    One,
    /// Tokens, writes, and some reads.
    Two,
}

impl Budget {
    /// Returns our requests a minute in a tier; `None` if there is no limit.
    pub(super) fn per_minute(self, tier: Tier) -> Option<f64> {
        // What Qlik documents, for each user of each tenant.
        let (documented, share) = match tier {
            Tier::One => (1000.0, 1.0),
            Tier::Two => (100.0, 0.1),
        };
        match self {
            Self::Share(of) => Some(documented * of),
            Self::PerMinute(n) => Some((f64::from(n) * share).max(1.0)),
            Self::Unlimited => None,
        }
    }
}

/// Bounds on what the source may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a page after decompression.
    pub page_bytes: usize,
    /// Bytes of an error's body after decompression; the rest is not read.
    pub error_bytes: usize,
    /// Pages of one listing.
    pub pages: u64,
    /// Records of one listing.
    pub records: u64,
}

/// Who we are at the tenant.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An OAuth client with trusted consent and a secret.
    ClientSecret {
        /// Its id.
        client_id: String,
        /// One of its secrets.
        secret: Secret,
    },
    /// An OAuth client with trusted consent and a key of which Qlik has the public half.
    PrivateKey {
        /// Its id.
        client_id: String,
        /// What signs for it.
        key: SigningKey,
    },
    /// An API key of a user of the tenant.
    ApiKey(Secret),
}

impl Credentials {
    /// Returns the OAuth client's id; `None` for an API key.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { client_id, .. } | Self::PrivateKey { client_id, .. } => {
                Some(client_id)
            }
            Self::ApiKey(_) => None,
        }
    }
}

impl Options {
    /// Makes the options for a host and credentials, with defaults for the rest.
    pub fn new(host: TenantHost, credentials: Credentials) -> Self {
        Self {
            host,
            credentials,
            budget: Budget::Share(RATE_SHARE),
            timeout: TIMEOUT,
            outlast: OUTLAST,
            limits: Limits::default(),
            proxies: EnvironmentProxy::default(),
        }
    }

    /// Returns which way requests to the tenant go, including those for tokens.
    pub fn proxy_choice(&self) -> ProxyChoice<'_> {
        self.proxies.choice(&self.host.url(""))
    }
}

impl Default for Limits {
    /// A hundred records are some hundred kilobytes; ten million users are a hundred thousand
    /// pages. Twice as many pages are allowed, since some may be short.
    fn default() -> Self {
        Self {
            page_bytes: 32 << 20,
            error_bytes: 64 << 10,
            pages: 200_000,
            records: 10_000_000,
        }
    }
}
