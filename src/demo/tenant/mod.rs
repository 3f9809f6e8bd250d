//! An emulated Qlik Cloud tenant: exact where Qlik's documentation is, hard on its clients
//! where the documentation is unsure.
//!
//! The answers that are choices of ours, since Qlik does not say:
//!
//! - A users listing without a clause on the status shows active users only, and so does
//!   the count.
//! - A bare `+` in a query is a space, so `sort=+id` must be sent as `sort=%2Bid`.
//! - Cursors are for one sort; the cursor of a null sort value cannot be followed; links
//!   show a host that nobody can reach.
//! - Legacy ids sort among the others by their text.
//! - A token whose scopes lack `admin_classic` sees users without roles, and no roles and no
//!   groups.
//! - `UserDefault`, where it exists, cannot be assigned. It has scopes and no permissions, other
//!   default roles have permissions and no scopes, and custom roles have an empty list of
//!   permissions.
//! - When Qlik changes what its roles allow, the log names all of them, and no `lastUpdatedAt`
//!   moves.
//! - Users end a listing without a next link, groups with one that is null.
//! - The audit log names an updated user in the envelope alone and the members of a group in parts,
//!   and its old generation does not report the update of a user at all.
//! - A token whose scopes lack `admin_classic` sees no spaces: 403.
//! - The spaces and licences services refuse undocumented parameters with 400. The filter of spaces
//!   by roles considers only the caller's own assignment.
//! - Of the items of a tenant there are only apps; sharing an app does not make it one. One in a
//!   personal space has no `spaceId`.
//! - Licences can be filtered by subject and type, but sorted only by subject.
//! - The envelope of an event about a session names the owner of the tenant, as all envelopes do.
//! - Assignments of deleted users and groups stay where they are.
//! - Codes of OAuth errors are made up, except `OAUTH-14`; so are those of the spaces service.
//!
//! A user is kept as a compact row and written when asked for: a page of a hundred takes some tens
//! of microseconds, and a million users fit in half a gigabyte.

mod options;
mod record;

mod cursor;
mod default_roles;
pub(super) mod filter;
mod render;
mod seed;
mod spoil;
mod state;
mod table;

mod audit;
mod deed;

mod app;
mod app_edits;
mod directory;
mod draft;
mod edit;
mod role_edits;
mod space;
mod space_edits;
mod space_filters;
mod space_pages;

mod audits;
mod faults;
mod inner;
mod items;
mod licence;
mod licence_edits;
mod licences;
mod limits;
mod listing;
mod member;
mod oauth;
mod query;
pub(super) mod reply;
mod routes;
mod spaces;
pub(super) mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use tokio::sync::watch;

use crate::clock::Clock;
use crate::demo::oauth::{Client, ClientProof};
use crate::demo::serve::Served;
use crate::lock::lock;
use crate::model::{Id, TenantId, UserId};
use crate::secret::Secret;

pub use app::App;
pub use audit::{AuditLog, LogFault};
pub use directory::Directory;
pub use draft::Generations;
pub use edit::{Edit, EditError, GroupEdit, LogIn, NewUser, RoleEdit};
pub use faults::{Endpoint, Fault, Faults, Hidden, Strikes, When};
pub use licence::{Licence, Licensed};
pub use options::{ExpiryShown, People, RateLimits, RegionClient, TenantOptions, UserDefault};
pub use record::{Group, Role, Status, User};
pub use seed::MAIL_DOMAIN;
pub(super) use seed::local_part;
pub use space::{Assignee, Assignment, NewSpace, Share, Space, SpaceEdit, SpacePart, SpaceSort};

use inner::{Busy, Inner};
use limits::Limits;
use member::Member;
use tokens::{Tokens, jwt_like};

/// What the client of a region may do, in Qlik's words.
const REGION_SCOPES: [&str; 4] = [
    "admin_classic",
    "tenants:create",
    "tenants:deactivate",
    "tenants:reactivate",
];

/// A tenant that listens on loopback until it is stopped or dropped.
#[derive(Debug)]
pub struct EmulatedTenant {
    inner: Arc<Inner>,
    served: Served,
}

/// How many requests came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requests {
    /// By endpoint; refused ones count.
    pub by_endpoint: BTreeMap<Endpoint, u64>,
    /// Tokens given out.
    pub tokens_issued: u64,
}

impl Requests {
    /// Returns how many requests came to an endpoint.
    pub fn at(&self, endpoint: Endpoint) -> u64 {
        self.by_endpoint.get(&endpoint).copied().unwrap_or(0)
    }

    /// Returns how many came in all.
    pub fn total(&self) -> u64 {
        self.by_endpoint.values().sum()
    }
}

impl EmulatedTenant {
    /// Fills a tenant and starts to listen.
    pub async fn start(options: TenantOptions, clock: Clock) -> io::Result<Self> {
        let mut rng = fastrand::Rng::with_seed(options.seed ^ 0x007e_4a17);
        let mut text =
            |length: usize| -> String { (0..length).map(|_| rng.alphanumeric()).collect() };
        let tenant_id = text(32);
        let client_id = format!("{:032x}", u128::from(options.seed) + 0x5eed);
        let secret = ClientProof::Secret(Secret::new(&text(64)));
        let proof = options.client_key.clone().map_or(secret, ClientProof::Key);
        let own = Client::new(client_id, proof);
        let own = Member::new(own, options.scopes.clone(), "Roster OAuth client".into());
        let region = options
            .region_client
            .clone()
            .map(|RegionClient { id, proof }| {
                // These scopes are fixed: nobody can take any from the client of a region.
                let scopes = REGION_SCOPES.map(String::from).into();
                let called = format!("{} OAuth client", options.region);
                Member::new(Client::new(id, proof), scopes, called)
            });
        let members: Vec<Member> = std::iter::once(own).chain(region).collect();
        let directory = Directory::new(&options, tenant_id.clone(), clock.clone());
        let owner = directory
            .read()
            .users
            .iter()
            .next()
            .map(|row| UserId(row.id.clone()));
        let tokens = Tokens::new(
            options.seed,
            options.token_lifetime,
            options.requests_per_token,
        );
        let (served, inner) = Served::start(options.address, |shutdown| {
            let inner = Arc::new(Inner {
                tenant_id,
                name: options.name,
                region: options.region,
                members,
                api_key: Secret::new(&jwt_like(options.seed, u64::MAX)),
                owner,
                key_revoked: AtomicBool::new(false),
                access_hidden: AtomicBool::new(false),
                hostnames: options.hostnames,
                port: OnceLock::new(),
                token_lifetime: options.token_lifetime,
                expiry_shown: options.expiry_shown,
                legacy_cursors: options.legacy_cursors,
                audit_retention: options.audit_retention,
                directory,
                faults: Faults::default(),
                limits: Limits::new(options.rate_limits),
                tokens,
                counts: std::array::from_fn(|_| AtomicU64::new(0)),
                kept_back: watch::Sender::default(),
                busy: std::array::from_fn(|_| Busy::default()),
                by_record: Mutex::default(),
                clock,
                shutdown,
            });
            (routes::router(Arc::clone(&inner)), inner)
        })
        .await?;
        inner.port.get_or_init(|| served.port());
        Ok(Self { inner, served })
    }

    /// Returns where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        self.served.url()
    }

    /// Returns an address for each of its host names below `localhost`. If it has none, returns the
    /// address where it listens.
    pub fn urls(&self) -> Vec<String> {
        let hosts = self.inner.hostnames.iter();
        let local = hosts.filter(|host| host.ends_with(".localhost"));
        let port = self.served.port();
        let mut urls: Vec<String> = local.map(|host| format!("http://{host}:{port}")).collect();
        if urls.is_empty() {
            urls.push(self.url());
        }
        urls
    }

    /// Returns the id of its OAuth client.
    pub fn client_id(&self) -> &str {
        &self.own().id
    }

    /// Returns the client's secret.
    pub fn client_secret(&self) -> Secret {
        self.own().secret()
    }

    fn own(&self) -> &Client {
        let own = self.inner.members.first();
        &own.expect("a tenant is made with a client of its own")
            .client
    }

    /// Gives the client another secret, and returns it; the old one is wrong from now on.
    pub fn rotate_secret(&self) -> Secret {
        let text: String = self.client_secret().expose().chars().rev().collect();
        let new = Secret::new(&format!("r{text}"));
        self.own().set_secret(new.clone());
        new
    }

    /// Returns an API key that acts as the tenant's first person.
    pub fn api_key(&self) -> Secret {
        self.inner.api_key.clone()
    }

    /// Revokes the API key: it is refused from now on.
    pub fn revoke_api_key(&self) {
        self.inner.key_revoked.store(true, Ordering::SeqCst);
    }

    /// Revokes all tokens given out so far: they are refused from now on.
    pub fn revoke_tokens(&self) {
        self.inner.tokens.revoke_all();
    }

    /// Takes the administrator's rights from the credentials, or gives them back. Without them,
    /// roles and groups answer 403, and users come without `assignedRoles`.
    pub fn hide_access(&self, hidden: Hidden) {
        let hidden = hidden == Hidden::Yes;
        self.inner.access_hidden.store(hidden, Ordering::SeqCst);
    }

    /// Returns the tenant's immutable id.
    pub fn tenant_id(&self) -> TenantId {
        TenantId(self.inner.tenant_id.clone())
    }

    /// Returns the display name.
    pub fn name(&self) -> &str {
        &self.inner.name
    }

    /// Returns the region.
    pub fn region(&self) -> &str {
        &self.inner.region
    }

    /// Returns the directory of the tenant's users, roles and groups.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// Returns the users that nobody should delete: the credentials act for them.
    pub fn credential_users(&self) -> Vec<UserId> {
        let members = self.inner.members.iter();
        let bots = members.filter_map(|member| lock(&member.bot).clone());
        self.inner.owner.iter().cloned().chain(bots).collect()
    }

    /// Returns the faults, to switch them on and off.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Renders the pages of a listing that continue from a cursor, but delays them until
    /// [`Self::send_pages`]: the reader is then in the middle of the listing and later gets the old
    /// state.
    pub fn hold_pages(&self, endpoint: Endpoint) {
        self.inner.kept_back.send_modify(|kept_back| {
            kept_back.insert(endpoint);
        });
    }

    /// Sends all pages that were kept back.
    pub fn send_pages(&self) {
        self.inner.kept_back.send_modify(BTreeSet::clear);
    }

    /// Returns how many requests came so far.
    pub fn requests(&self) -> Requests {
        let counts = Endpoint::ALL.into_iter().zip(&self.inner.counts);
        Requests {
            by_endpoint: counts
                .map(|(endpoint, count)| (endpoint, count.load(Ordering::SeqCst)))
                .collect(),
            tokens_issued: self.inner.tokens.n_issued(),
        }
    }

    /// Returns how many requests came for one record by its id; refused ones count.
    pub fn asked_for(&self, id: &Id) -> u64 {
        let asked = lock(&self.inner.by_record);
        asked.get(&id.to_string()).copied().unwrap_or(0)
    }

    /// Returns the most requests to an endpoint that were under way at one time.
    pub fn most_at_once(&self, endpoint: Endpoint) -> u64 {
        let busy = self.inner.busy.get(endpoint as usize);
        busy.map_or(0, |busy| busy.most.load(Ordering::SeqCst))
    }

    /// Stops listening and waits for open requests, within a bound.
    pub async fn stop(self) {
        self.served.stop().await;
    }
}

#[cfg(test)]
mod tests;
