//! What a connection to a tenant needs to know, checked.

use std::time::Duration;

use super::TenantHost;
use crate::secret::Secret;

/// The default budget: half of what Qlik allows a user, the rest is for others that share
/// the client.
pub const REQUESTS_PER_MINUTE: u32 = 500;
/// The default longest wait for one answer.
pub const TIMEOUT: Duration = Duration::from_secs(60);

/// How to reach a tenant, and within which bounds.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is.
    pub host: TenantHost,
    /// Who we are there.
    pub credentials: Credentials,
    /// Our own budget; 0 for none. Five minutes' worth of it may be spent at once, as Qlik
    /// counts over five minutes.
    pub requests_per_minute: u32,
    /// The longest wait for one answer.
    pub timeout: Duration,
    /// What no answer may exceed.
    pub limits: Limits,
}

/// Bounds on what the source may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a page, unpacked.
    pub page_bytes: usize,
    /// Bytes of an error's body, unpacked; what is beyond is not read.
    pub error_bytes: usize,
    /// Pages of one listing.
    pub pages: u64,
    /// Records of one listing.
    pub records: u64,
}

/// Who we are at the tenant.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// An OAuth client of the tenant with trusted consent.
    ClientSecret {
        /// Its id.
        client_id: String,
        /// One of its secrets.
        secret: Secret,
    },
    /// An API key of a user of the tenant.
    ApiKey(Secret),
}

impl Credentials {
    /// Returns the OAuth client, where it is one.
    pub fn client_id(&self) -> Option<&str> {
        match self {
            Self::ClientSecret { client_id, .. } => Some(client_id),
            Self::ApiKey(_) => None,
        }
    }
}

impl Options {
    /// The defaults for a host and credentials.
    pub fn new(host: TenantHost, credentials: Credentials) -> Self {
        Self {
            host,
            credentials,
            requests_per_minute: REQUESTS_PER_MINUTE,
            timeout: TIMEOUT,
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    /// A hundred records are some hundred kilobytes; ten million users are a hundred
    /// thousand pages. Twice the pages leaves room for short ones.
    fn default() -> Self {
        Self {
            page_bytes: 32 << 20,
            error_bytes: 64 << 10,
            pages: 200_000,
            records: 10_000_000,
        }
    }
}
