//! What an emulated tenant starts with.

use std::net::SocketAddr;
use std::time::Duration;

use super::draft::Generations;
use crate::demo::ClientProof;

/// Size and behaviour of an emulated tenant. The default is small, with Qlik's own limits.
#[derive(Debug, Clone)]
pub struct TenantOptions {
    /// Where to listen; `None` for a free port on loopback.
    pub address: Option<SocketAddr>,
    /// The display name.
    pub name: String,
    /// The region, as Qlik spells it.
    pub region: String,
    /// People at the start.
    pub users: usize,
    /// How much data each of them has.
    pub people: People,
    /// Groups at the start, besides Everyone.
    pub groups: usize,
    /// Roles at the start besides the sixteen default ones.
    pub custom_roles: usize,
    /// Whether the role that every user has is among the roles.
    pub user_default: UserDefault,
    /// Spaces at the start.
    pub spaces: usize,
    /// The number of the licence: tenants with the same number share it.
    pub licence: String,
    /// The seed. The same seed and sizes give the same tenant.
    pub seed: u64,
    /// How many requests it accepts.
    pub rate_limits: RateLimits,
    /// How long an access token is valid, by the tenant's clock.
    pub token_lifetime: Duration,
    /// Whether the token answer says when the token expires.
    pub expiry_shown: ExpiryShown,
    /// A token is refused after this many requests, whatever the clock says.
    pub requests_per_token: Option<u64>,
    /// Its host names, the original one first; the others are aliases.
    pub hostnames: Vec<String>,
    /// The public half of its client's key, a JSON Web Key. With a key, the client has no secret.
    pub client_key: Option<String>,
    /// The client of the region, which is the same for all tenants there.
    pub region_client: Option<RegionClient>,
    /// Scopes that the OAuth client may ask for.
    pub scopes: Vec<String>,
    /// One user in fifty has an id of the old form, 32 characters.
    pub legacy_ids: bool,
    /// Deleted users stay as records with the status `deleted`, without what names a person.
    pub tombstones: bool,
    /// Next links carry `startingAfter` instead of `next`, as the users service once did.
    pub legacy_cursors: bool,
    /// Which event types the audit log is written in.
    pub generations: Generations,
    /// How long the audit log shows an event.
    pub audit_retention: Duration,
}

/// Whether `UserDefault` is listed, the role that every user has and nobody shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserDefault {
    /// It is, as in a tenant that has it.
    Listed,
    /// It is not.
    Absent,
}

/// How much data a user has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// A role or two, one to three groups: some 800 bytes of JSON.
    Plain,
    /// Three roles, four groups that have roles of their own, a long name and the address of a
    /// picture: some 1,700 bytes of JSON.
    Rich,
}

/// The client of a region. Unlike the tenant's own client, it is not visible in the tenant.
#[derive(Debug, Clone)]
pub struct RegionClient {
    /// Its id.
    pub id: String,
    /// How it authenticates.
    pub proof: ClientProof,
}

/// Whether the token answer says when the token expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpiryShown {
    /// `expires_in` and `expires_at`, as in Qlik's tutorials.
    Yes,
    /// No times at all, as in Qlik's reference schema.
    No,
}

/// How many requests a tenant accepts, per user and tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimits {
    /// As documented: 1000 a minute in tier 1, 100 in tier 2, counted over five minutes.
    Documented,
    /// None.
    Off,
    /// This many requests in each window.
    Custom {
        /// Requests of tier 1 in a window.
        tier_1: u64,
        /// Requests of tier 2 in a window.
        tier_2: u64,
        /// Length of the window.
        window: Duration,
    },
}

impl Default for TenantOptions {
    fn default() -> Self {
        let scopes = [
            "admin_classic",
            "admin.users",
            "admin.users:read",
            "user_default",
        ];
        Self {
            address: None,
            name: "Acme Analytics".into(),
            region: "eu-west-1".into(),
            users: 120,
            people: People::Plain,
            groups: 12,
            custom_roles: 4,
            user_default: UserDefault::Absent,
            spaces: 6,
            licence: "9999000000001234".into(),
            seed: 1,
            rate_limits: RateLimits::Documented,
            token_lifetime: Duration::from_secs(21_600),
            expiry_shown: ExpiryShown::Yes,
            requests_per_token: None,
            hostnames: ["x1y2z3a4b5c6d7e.eu.qlikcloud.com", "acme.eu.qlikcloud.com"]
                .map(String::from)
                .into(),
            client_key: None,
            region_client: None,
            scopes: scopes.map(String::from).into(),
            legacy_ids: false,
            tombstones: false,
            legacy_cursors: false,
            generations: Generations::Both,
            audit_retention: Duration::from_secs(90 * 24 * 3600),
        }
    }
}
