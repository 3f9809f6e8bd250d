//! A webhook endpoint, as the configuration describes it, checked.

mod invalid;

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::egress::Egress;
use super::flow::{Backfilling, Flow, Lists};
use super::schedule::Schedule;
use crate::deliver::content::event::Event;
use crate::deliver::content::filter::EventFilter;
use crate::deliver::content::format::{Batching, Format};
use crate::deliver::content::message::Message;
use crate::deliver::content::privacy::Privacy;
use crate::deliver::content::selection::Selection;
use crate::deliver::content::signature::SigningSecret;
use crate::deliver::content::subscription::Subscription;
use crate::deliver::transport::address::{AddressRule, Others};
use crate::deliver::transport::consent::Origin;
use crate::model::{Account, EndpointName, Entry, Fact, Record};
use crate::store::{Store, StoreError};
pub use invalid::InvalidEndpoint;

/// How long a receiver may take to answer, unless the configuration says otherwise: the lower end
/// of what Standard Webhooks recommends.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest time-out that makes sense, since events of an endpoint wait for one another.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// What the mark of a URL starts with.
const URL_MARK: &str = "[url ";

/// The configuration of an endpoint.
#[derive(Clone)]
pub struct Options {
    /// The name that the operator gave it.
    pub name: EndpointName,
    /// Where events go.
    pub url: Url,
    /// One secret, or two while the receiver moves from one to the other; the new one first. There
    /// is none if the format is not signed.
    pub secrets: Vec<SigningSecret>,
    /// The types of events that it wants.
    pub events: EventFilter,
    /// The records that it wants events about.
    pub selection: Selection,
    /// What it may not see of them.
    pub privacy: Privacy,
    /// How events are written for it.
    pub format: Format,
    /// How it is reached.
    pub egress: Egress,
    /// How long the receiver may take to answer.
    pub timeout: Duration,
    /// When to try again.
    pub schedule: Schedule,
    /// How fast it gets its events.
    pub flow: Flow,
}

/// An endpoint whose URL, secrets and address rule fit together.
#[derive(Clone)]
pub struct Endpoint {
    name: EndpointName,
    url: Url,
    secrets: Vec<SigningSecret>,
    subscription: Subscription,
    rule: AddressRule,
    egress: Egress,
    timeout: Duration,
    schedule: Schedule,
    flow: Flow,
}

impl Endpoint {
    /// Checks that the options fit together.
    pub fn new(options: Options) -> Result<Self, InvalidEndpoint> {
        let egress = options.egress;
        let by_name = matches!(options.url.host(), Some(Host::Domain(_)));
        let others = match (options.url.scheme(), egress.allow_http) {
            ("https", _) => Others::PublicOnly,
            ("http", true) if egress.allow_private.is_empty() => {
                return Err(InvalidEndpoint::HttpAnywhere);
            }
            ("http", true) if egress.proxy.is_some() && by_name => {
                return Err(InvalidEndpoint::HttpByProxy);
            }
            ("http", true) => Others::Refused,
            ("http", false) => return Err(InvalidEndpoint::PlainHttp),
            (_, _) => return Err(InvalidEndpoint::Scheme),
        };
        let rule = AddressRule {
            named: egress.allow_private.clone(),
            others,
        };
        // The resolver is not asked for a literal address, so it is checked here. The URL parser
        // has already normalised every way to write it, such as `0x7f.1` for 127.0.0.1.
        let literal = match options.url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = literal {
            rule.check(address).map_err(InvalidEndpoint::Address)?;
            if address.is_ipv6() && egress.proxy.is_some() && others == Others::PublicOnly {
                return Err(InvalidEndpoint::Ipv6ByProxy);
            }
        }
        let n_secrets = options.secrets.len();
        let may_lack = !options.format.is_signed() && n_secrets == 0;
        if !may_lack && !(1..=2).contains(&n_secrets) {
            return Err(InvalidEndpoint::Secrets { n_secrets });
        }
        if !(Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&options.timeout) {
            return Err(InvalidEndpoint::Timeout);
        }
        let endpoint = Self {
            name: options.name,
            url: options.url,
            secrets: options.secrets,
            subscription: Subscription {
                events: options.events,
                selection: options.selection,
                privacy: options.privacy,
                format: options.format,
                ..Subscription::default()
            },
            rule,
            egress,
            timeout: options.timeout,
            schedule: options.schedule,
            flow: options.flow,
        };
        if endpoint.flow.backfill == Backfilling::First && !endpoint.wants_snapshots() {
            return Err(InvalidEndpoint::NoSnapshots);
        }
        Ok(endpoint)
    }

    /// Returns the name that the operator gave it.
    pub fn name(&self) -> &EndpointName {
        &self.name
    }

    /// Returns scheme, host and port: what may be shown of the URL, whose path and query
    /// may hold a token.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Gives it the operator's names for tenants, if it needs them; otherwise it knows their ids
    /// and the names that Qlik shows.
    pub fn knowing(&self, store: &Store) -> Result<Cow<'_, Self>, StoreError> {
        if !self.subscription.needs_names() {
            return Ok(Cow::Borrowed(self));
        }
        let tenants = store.tenants()?.into_iter();
        let called = tenants.map(|known| (known.tenant.id, known.name)).collect();
        Ok(Cow::Owned(Self {
            subscription: Subscription {
                called,
                ..self.subscription.clone()
            },
            ..self.clone()
        }))
    }

    /// Returns whether an entry has an event that it wants. An endpoint gets no events about
    /// itself.
    pub fn wants(&self, entry: &Entry) -> bool {
        let is_own = matches!(&entry.fact, Fact::EndpointDisabled { endpoint, .. } if *endpoint == self.name);
        !is_own && self.subscription.wants(entry)
    }

    /// Returns whether there are snapshots that it wants.
    pub fn wants_snapshots(&self) -> bool {
        self.subscription.wants_snapshots()
    }

    /// Returns whether it wants a snapshot of a record.
    pub fn wants_record(&self, account: &Account, record: &Record) -> bool {
        self.subscription.wants_record(account, record)
    }

    /// Returns the public halves of the keys that sign its deliveries, `whpk_…`, the new one first.
    /// Shared secrets have none.
    pub fn public_keys(&self) -> Vec<String> {
        self.secrets
            .iter()
            .filter_map(SigningSecret::public)
            .collect()
    }

    /// Returns how events are written for it.
    pub fn format(&self) -> &Format {
        &self.subscription.format
    }

    /// Returns how it selects records.
    pub fn selection(&self) -> &Selection {
        &self.subscription.selection
    }

    /// Returns what it gets of a list of users beside an entry.
    pub fn lists(&self) -> Lists {
        self.flow.lists
    }

    /// Returns the types of events that it wants.
    pub fn events(&self) -> &EventFilter {
        &self.subscription.events
    }

    /// Returns how events are batched for it; `None` if each goes alone.
    pub fn batching(&self) -> Option<Batching> {
        self.subscription.format.batching()
    }

    /// Writes events for it, with what it may see of them: at least one, and more only if there is
    /// [`Endpoint::batching`].
    pub fn message(&self, events: &[Event<'_>]) -> Message {
        self.subscription.message(events)
    }

    /// Returns a mark that distinguishes this URL from others without showing it.
    ///
    /// It is stored when a receiver wants no more events, and the URL may be a secret. It is 32
    /// bits of a digest of the whole URL, so it makes guessing at most 32 bits easier: a token of
    /// 128 bits, as in webhook addresses, keeps 96. For a URL that can be guessed, it confirms the
    /// guess to whoever can read the store, as the receiver itself would.
    pub(in crate::deliver) fn url_mark(&self) -> String {
        let digest = Sha256::digest(self.url.as_str());
        let start = digest.iter().take(4);
        let number = start.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{URL_MARK}{number:08x}]")
    }

    pub(in crate::deliver) fn url(&self) -> &Url {
        &self.url
    }

    pub(in crate::deliver) fn keys(&self) -> &[SigningSecret] {
        &self.secrets
    }

    pub(in crate::deliver) fn rule(&self) -> &AddressRule {
        &self.rule
    }

    /// Returns how it is reached.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// Returns how many connections to it may be open at one time.
    pub fn n_connections(&self) -> usize {
        self.flow.max_in_flight.get()
    }

    pub(in crate::deliver) fn handshake(&self) -> Option<&Origin> {
        self.egress.handshake.as_ref()
    }

    pub(in crate::deliver) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(in crate::deliver) fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(in crate::deliver) fn schedule(&self) -> &Schedule {
        &self.schedule
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint")
            .field("name", &self.name)
            .field("origin", &self.origin())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
