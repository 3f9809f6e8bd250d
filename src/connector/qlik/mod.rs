//! Qlik Cloud, read over its REST APIs.
//!
//! A request goes down these steps, each a file: [`listing`] or [`Qlik::fetch`] says what to ask;
//! [`client`] gets a bearer from [`token`] and retries transient failures; [`transport`] sends it
//! once [`gate`] lets it through at its [`pace`], and turns failures into a [`ReadError`], with
//! [`problem`] reading Qlik's own. The answer comes back through [`wire`], Qlik's JSON, where
//! [`unicode`] repairs invalid text, and [`map`], which turns it into our records. [`source`] is
//! what other layers see of all this. [`probe`] does it once, for an operator. [`organization`]
//! lists the tenants of an organization at its console; [`selection`] says which of them are
//! selected. [`audit`] asks for recent events, [`hook`] judges incoming webhooks.
//!
//! What Qlik documents, and what follows from it here:
//!
//! - **Credentials go to one host.** Links and redirects name other hosts, schemes and ports. Of a
//!   link only the cursor is used. Of the one documented redirect (`tenants/me`) only the path is
//!   used, and only on the same host. Everything else goes to the configured host.
//! - **Tokens last six hours, and their endpoint allows little** (tier 2). One is asked for at a
//!   time and shared; it is renewed before it runs out, and once more if an answer says that it is
//!   not accepted. If that happens again, the answer is accepted.
//! - **A client proves itself by a secret or by a key.** With a key, [`assertion`] signs a
//!   statement for each request, for one host and a short time.
//! - **Scopes can only take away**, so none is asked for: the client's allow list decides.
//! - **Budgets count per user and tier, over five minutes.** So does ours, which is a share of
//!   Qlik's; the audit log's budget is counted separately. A 429 closes the gate for the whole
//!   tier, for as long as Qlik asks, since every further request would fail as well, and halves the
//!   rate. The rate recovers while no request is refused.
//! - **A listing is a walk along a key, not a snapshot.** It is sorted by id, which never changes.
//!   Duplicates are normal and left to the caller; a repeated cursor means a loop.
//! - **Groups come in two listings**, with and without the system's. They are merged here, the
//!   system's first; their type says which they are.
//! - **A 404 is accepted only in Qlik's own envelope.** Accepting a proxy's would delete people.

#[cfg(test)]
mod any_json;
mod assertion;
mod audit;
mod build_error;
mod client;
mod error;
mod gate;
mod hook;
mod host;
mod items;
mod lax;
mod licences;
mod links;
mod listing;
mod loopback;
mod map;
mod options;
mod organization;
mod pace;
mod probe;
mod probe_spaces;
mod problem;
mod selection;
mod source;
mod spaces;
mod token;
mod transport;
mod unicode;
mod unreachable;
mod walk;
mod stages;
mod wire;

use std::fmt;
use std::sync::Arc;

use serde_json::value::RawValue;

use self::client::{Ask, Client, Patience, Redirects};
use self::error::Refusal;
use self::transport::Metered;
use crate::clock::Clock;
use crate::model::{Finding, Kind, Observed, RecordRef, Tenant, TenantId, TenantName};
use crate::retry::Retry;
use crate::telemetry::Metrics;

pub use assertion::{InvalidKey, SigningKey};
pub use build_error::BuildError;
pub use error::ReadError;
pub use hook::Hook;
pub use host::{InvalidHost, TenantHost};
pub use links::{pick_name, relink};
pub use listing::Listing;
pub use options::{Budget, Credentials, Limits, OUTLAST, Options, RATE_SHARE, TIMEOUT};
pub use organization::{Listed, Organization, OrganizationOptions, Roster};
pub use probe::{Probe, Probing, Visible};
pub use probe_spaces::{VisiblePart, VisibleSpaces};
pub use selection::{InvalidRule, Rule, Selection};

/// A tenant of Qlik Cloud. Clones share the token, the budget and the connections.
#[derive(Clone)]
pub struct Qlik(Arc<Client>);

impl Qlik {
    /// Prepares a connection; nothing is sent before the first request.
    pub fn new(options: Options, clock: Clock) -> Result<Self, BuildError> {
        Self::patient(options, clock, Retry::requests)
    }

    /// Counts the answers to its requests under the name of a tenant.
    #[must_use]
    pub fn measured(self, metrics: Metrics, tenant: TenantName) -> Self {
        // It was set before if this is called twice, and stays as it is.
        drop(self.0.transport.metered.set(Metered { metrics, tenant }));
        self
    }

    fn patient(
        options: Options,
        clock: Clock,
        patience: fn() -> Retry,
    ) -> Result<Self, BuildError> {
        Ok(Self(Arc::new(Client::new(options, clock, patience)?)))
    }

    /// Takes other credentials of the same client or user. Returns whether it could; if not, the
    /// old ones stay.
    pub async fn renew(&self, credentials: &Credentials) -> bool {
        self.0.tokens.renew(credentials).await
    }

    /// Makes sure that there is a token.
    async fn authenticate(&self) -> Result<(), ReadError> {
        self.0.tokens.bearer(&self.0.transport).await.map(drop)
    }

    /// Asks Qlik which tenant this is.
    async fn identify(&self) -> Result<Tenant, ReadError> {
        let doing = "reading the tenant";
        let ask = Ask {
            doing,
            path: "api/v1/tenants/me".to_owned(),
            query: String::new(),
            redirects: Redirects::Follow,
            patience: Patience::Usual,
        };
        let answer: Result<wire::Tenant, ReadError> = self.0.get(&ask).await;
        let wire = answer.map_err(no_tenant)?;
        let id = wire.id.filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| ReadError::Unexpected {
            doing,
            what: "field `id`: expected text".to_owned(),
        })?;
        let host = self.0.transport.host.to_string();
        let hosts = wire.hostnames.unwrap_or_default();
        Ok(Tenant {
            id: TenantId(id),
            name: wire.name.0.unwrap_or(host),
            hosts: hosts.into_iter().filter_map(|host| host.0).collect(),
            region: wire.region.0.or(wire.datacenter.0),
            status: wire.status.0,
        })
    }

    fn sweep(&self, kind: Kind) -> Listing {
        Listing::open(Arc::clone(&self.0), kind)
    }

    /// Asks for one record. `None` if Qlik itself says that it does not exist, or no longer exists.
    async fn fetch(
        &self,
        record: &RecordRef,
    ) -> Result<Option<Result<Observed, Finding>>, ReadError> {
        let ask = Ask {
            doing: match record.kind {
                Kind::Role => "asking for a role",
                Kind::Group => "asking for a group",
                Kind::User => "asking for a user",
            },
            path: format!("api/v1/{}/{}", record.kind.plural(), record.id),
            query: String::new(),
            redirects: Redirects::Refuse,
            patience: Patience::Outage,
        };
        let answer: Result<Box<RawValue>, ReadError> = self.0.get(&ask).await;
        match answer {
            Ok(text) => Ok(map::read_asked(record.kind, &record.id, text)),
            // The record exists, whatever is in it.
            Err(ReadError::TooLarge { limit, .. }) => {
                let id = Some(record.id.clone());
                Ok(Some(Err(map::too_large(record.kind, id, limit))))
            }
            Err(error) if !is_absence(&error) => Err(error),
            Err(_) if record.kind == Kind::Group && record.id.to_string() == map::EVERYONE => {
                self.fetch_system(record).await
            }
            Err(_) => Ok(None),
        }
    }

    /// Looks among the system groups for one that can't be asked for by its id.
    async fn fetch_system(
        &self,
        record: &RecordRef,
    ) -> Result<Option<Result<Observed, Finding>>, ReadError> {
        let mut groups = self.sweep(Kind::Group);
        let Some(page) = groups.next().await? else {
            return Ok(None);
        };
        let readout = page.read();
        let is_asked = |observed: &Observed| *observed.record.id() == record.id;
        let found = readout.observed.into_iter().find(is_asked).map(Ok);
        let mut unreadable = readout.unreadable.into_iter();
        Ok(found.or_else(|| {
            unreadable
                .find(|it| it.id.as_ref() == Some(&record.id))
                .map(Err)
        }))
    }
}

impl fmt::Debug for Qlik {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Qlik({})", self.0.transport.host)
    }
}

/// Turns a 404 for the tenant's own resource into the error that there is no tenant.
fn no_tenant(error: ReadError) -> ReadError {
    match error {
        ReadError::Refused { doing, problem, .. } if problem.status == 404 => ReadError::Refused {
            doing,
            refusal: Refusal::NoTenant,
            problem,
        },
        other => other,
    }
}

/// Returns whether Qlik itself says that there is no such record. If the endpoint of tokens answers
/// with a 404, that says nothing about a record.
fn is_absence(error: &ReadError) -> bool {
    matches!(
        error,
        ReadError::Refused { refusal: Refusal::Rejected, problem, .. }
            if problem.status == 404 && problem.enveloped
    )
}

#[cfg(test)]
mod tests;
