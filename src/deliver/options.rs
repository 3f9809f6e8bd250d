//! A webhook endpoint, as the configuration describes it, checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use sha2::{Digest, Sha256};
use url::{Host, Url};

use super::address::{AddressRule, Others, RefusedAddress};
use super::egress::Egress;
use super::event::{Event, snapshot_type};
use super::filter::EventFilter;
use super::flow::{Backfilling, Flow};
use super::format::{Batching, Format};
use super::handshake::Origin;
use super::message::Message;
use super::privacy::Privacy;
use super::schedule::Schedule;
use super::selection::Selection;
use super::signature::SigningSecret;
use crate::model::{
    Account, Change, EndpointName, Entry, Fact, Kind, Record, TenantId, TenantName,
};
use crate::store::{Store, StoreError};

/// How long a receiver may take to answer, unless the configuration says otherwise; the
/// lower end of what Standard Webhooks recommends.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest time-out that makes sense. Events of an endpoint wait for one another.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(120);

/// How the mark of a URL begins.
const URL_MARK: &str = "[url ";

/// What the configuration says of an endpoint.
#[derive(Clone)]
pub struct Options {
    /// What the operator calls it.
    pub name: EndpointName,
    /// Where events go.
    pub url: Url,
    /// One secret, or two while the receiver moves from one to the other; the new one first.
    pub secrets: Vec<SigningSecret>,
    /// The types of events that it wants.
    pub events: EventFilter,
    /// The records that it wants to hear of.
    pub selection: Selection,
    /// What of them it does not get to see.
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
    events: EventFilter,
    selection: Selection,
    privacy: Privacy,
    format: Format,
    /// What the operator calls tenants, as it was when they were last looked up.
    called: BTreeMap<TenantId, TenantName>,
    rule: AddressRule,
    egress: Egress,
    timeout: Duration,
    schedule: Schedule,
    flow: Flow,
}

/// What is wrong with an endpoint's options. No message holds the URL: it may hold a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEndpoint {
    /// Neither https nor http.
    #[error("`url` starts with `{scheme}:`, and `https:` is expected")]
    Scheme {
        /// What it starts with.
        scheme: String,
    },
    /// Plain http without leave.
    #[error("`url` is plain http, which would show personal data to the network")]
    PlainHttp,
    /// Leave for plain http without a network to use it in.
    #[error("`allow_http` goes only together with `allow_private`")]
    HttpAnywhere,
    /// Plain http by a proxy, which alone would know where the name leads.
    #[error("`url` is plain http to a name that the proxy looks up")]
    HttpByProxy,
    /// The URL is an address that endpoints may not be reached at.
    #[error("the address in `url` may not be used")]
    Address(#[source] RefusedAddress),
    /// No secret, or more than two.
    #[error("an endpoint has one signing secret, or two during a change, and not {n_secrets}")]
    Secrets {
        /// How many there are.
        n_secrets: usize,
    },
    /// A backfill of nothing.
    #[error("`backfill` tells of nothing, since no snapshot is among what the endpoint chooses")]
    NoSnapshots,
    /// No time at all, or more than makes sense.
    #[error("`timeout` is between 1 ms and {LONGEST_TIMEOUT:?}")]
    Timeout,
}

impl InvalidEndpoint {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scheme { .. } => "deliver.invalid-url",
            Self::PlainHttp | Self::HttpAnywhere | Self::HttpByProxy => "deliver.plain-http",
            Self::Address(_) => "deliver.refused-address",
            Self::Secrets { .. } => "deliver.invalid-secret",
            Self::NoSnapshots => "deliver.no-snapshots",
            Self::Timeout => "deliver.invalid-timeout",
        }
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Scheme { .. } => "write `https://` and the receiver's host",
            Self::PlainHttp => {
                "use https, or set `allow_http = true` for a receiver within `allow_private`"
            }
            Self::HttpAnywhere => {
                "name the receiver's network, `allow_private = [\"127.0.0.0/8\"]` for one"
            }
            Self::HttpByProxy => {
                "use https, or write the receiver's address within `allow_private` into `url`"
            }
            Self::Address(_) => {
                "name the network in `allow_private` if the receiver really stands there"
            }
            Self::Secrets { .. } => "leave the secret in use, and the one before it for a while",
            Self::NoSnapshots => {
                "add `user.snapshot`, `role.snapshot` or `group.snapshot` to `events`, or leave \
                 `backfill` out"
            }
            Self::Timeout => "15 seconds suit nearly every receiver",
        }
    }
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
            (scheme, _) => {
                let scheme = scheme.to_owned();
                return Err(InvalidEndpoint::Scheme { scheme });
            }
        };
        let rule = AddressRule {
            named: egress.allow_private.clone(),
            others,
        };
        // The resolver is not asked for an address, so an address is checked here. The URL
        // parser has by now made one of every way to write it, `0x7f.1` for 127.0.0.1.
        let literal = match options.url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) | None => None,
        };
        if let Some(address) = literal {
            rule.check(address).map_err(InvalidEndpoint::Address)?;
        }
        let n_secrets = options.secrets.len();
        if !(1..=2).contains(&n_secrets) {
            return Err(InvalidEndpoint::Secrets { n_secrets });
        }
        if !(Duration::from_millis(1)..=LONGEST_TIMEOUT).contains(&options.timeout) {
            return Err(InvalidEndpoint::Timeout);
        }
        let endpoint = Self {
            name: options.name,
            url: options.url,
            secrets: options.secrets,
            events: options.events,
            selection: options.selection,
            privacy: options.privacy,
            format: options.format,
            called: BTreeMap::new(),
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

    /// Returns what the operator calls it.
    pub fn name(&self) -> &EndpointName {
        &self.name
    }

    /// Returns scheme, host and port: what may be shown of the URL, whose path and query
    /// may hold a token.
    pub fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// Lets it know what the operator calls tenants, if that matters to it; without, it knows
    /// their ids and the names that Qlik shows.
    pub fn knowing(&self, store: &Store) -> Result<Cow<'_, Self>, StoreError> {
        if !self.selection.names_tenants() {
            return Ok(Cow::Borrowed(self));
        }
        let tenants = store.tenants()?.into_iter();
        Ok(Cow::Owned(Self {
            called: tenants.map(|known| (known.tenant.id, known.name)).collect(),
            ..self.clone()
        }))
    }

    /// Returns whether an entry has an event that it wants.
    pub fn wants(&self, entry: &Entry) -> bool {
        let Some(event_type) = entry.fact.event_type() else {
            return false;
        };
        if !self.events.wants(&event_type) || !self.format.can_tell(entry) {
            return false;
        }
        let wants = match &entry.fact {
            // An endpoint does not hear of itself.
            Fact::EndpointDisabled { endpoint, .. } => *endpoint != self.name,
            Fact::Changed(change) => self.wants_change(change),
            Fact::Loaded { .. } | Fact::Held { .. } | Fact::Failed { .. } | Fact::Recovered(_) => {
                true
            }
        };
        wants
            && entry
                .account()
                .is_none_or(|account| self.wants_tenant(account))
    }

    /// Returns whether there are snapshots that it wants.
    pub fn wants_snapshots(&self) -> bool {
        Kind::ALL.into_iter().any(|kind| {
            self.events.wants(&snapshot_type(kind))
                && self.format.can_tell_record(kind)
                && self.selection.may_want(kind)
        })
    }

    /// Returns whether it wants a snapshot of a record.
    pub fn wants_record(&self, account: &Account, record: &Record) -> bool {
        self.events.wants(&snapshot_type(record.kind()))
            && self.format.can_tell_record(record.kind())
            && self.selection.wants_record(None, Some(record))
            && self.wants_tenant(account)
    }

    fn wants_tenant(&self, account: &Account) -> bool {
        let called = self.called.get(&account.tenant);
        self.selection.wants_tenant(account, called)
    }

    /// A change of nothing that the endpoint gets to see is not for it: that it happened
    /// would tell something already.
    fn wants_change(&self, change: &Change) -> bool {
        if !self.selection.wants_record(change.before(), change.after()) {
            return false;
        }
        match change {
            Change::Created { .. } | Change::Deleted { .. } => true,
            Change::Updated { before, after } => {
                let kind = change.kind();
                let tells_all =
                    matches!(self.format, Format::Standard | Format::CloudEvents { .. });
                if tells_all && !self.privacy.omits_any(kind) {
                    return true;
                }
                let visible = self.privacy.visible_changes(before, after);
                let mut visible = visible.into_iter();
                visible.any(|field| self.format.can_tell_field(kind, field))
            }
        }
    }

    /// Returns the public halves of the keys that sign its deliveries, `whpk_…`, the new one
    /// first; none of secrets that it shares with us.
    pub fn public_keys(&self) -> Vec<String> {
        self.secrets
            .iter()
            .filter_map(SigningSecret::public)
            .collect()
    }

    /// Returns how events are written for it.
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// Returns how events are put together for it, none where each goes alone.
    pub fn batching(&self) -> Option<Batching> {
        self.format.batching()
    }

    /// Writes events for it, with what it may see of them: at least one, and more only
    /// where there is [`Endpoint::batching`].
    pub fn message(&self, events: &[Event<'_>]) -> Message {
        let events: Vec<_> = events
            .iter()
            .map(|event| self.privacy.show(event))
            .collect();
        self.format.message(&events)
    }

    /// Returns what tells this URL from another without showing it.
    pub(super) fn url_mark(&self) -> String {
        let digest = Sha256::digest(self.url.as_str());
        let start = digest.iter().take(4);
        let number = start.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        format!("{URL_MARK}{number:08x}]")
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn keys(&self) -> &[SigningSecret] {
        &self.secrets
    }

    pub(super) fn rule(&self) -> &AddressRule {
        &self.rule
    }

    /// Returns how it is reached.
    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    pub(super) fn handshake(&self) -> Option<&Origin> {
        self.egress.handshake.as_ref()
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn flow(&self) -> &Flow {
        &self.flow
    }

    pub(super) fn schedule(&self) -> &Schedule {
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
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn options(url: &str, allow_private: &[&str]) -> Options {
        let secret = Secret::new("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
        Options {
            name: EndpointName("hr".into()),
            url: url.parse().unwrap(),
            secrets: vec![SigningSecret::parse(&secret).unwrap()],
            events: EventFilter::all(),
            selection: Selection::default(),
            privacy: Privacy::default(),
            format: Format::default(),
            egress: Egress {
                allow_private: allow_private.iter().map(|n| n.parse().unwrap()).collect(),
                ..Egress::default()
            },
            timeout: DEFAULT_TIMEOUT,
            schedule: Schedule::standard(),
            flow: Flow::default(),
        }
    }

    fn check(options: Options) -> Option<&'static str> {
        Endpoint::new(options).err().map(|error| error.code())
    }

    #[test]
    fn an_address_in_the_url_is_judged_however_it_is_written() {
        for (url, expected) in [
            ("https://hooks.example.com/in", None),
            ("https://8.8.8.8/", None),
            ("https://127.0.0.1/", Some("deliver.refused-address")),
            ("https://2130706433/", Some("deliver.refused-address")),
            ("https://0x7f.1/", Some("deliver.refused-address")),
            ("https://0177.0.0.1/", Some("deliver.refused-address")),
            ("https://127.1/", Some("deliver.refused-address")),
            ("https://127.0.0.1./", Some("deliver.refused-address")),
            ("https://0x7f000001/", Some("deliver.refused-address")),
            ("https://017700000001/", Some("deliver.refused-address")),
            ("https://%31%32%37.0.0.1/", Some("deliver.refused-address")),
            ("https://１２７.0.0.1/", Some("deliver.refused-address")),
            ("https://①②⑦.0.0.1/", Some("deliver.refused-address")),
            ("https://0/", Some("deliver.refused-address")),
            ("https://[::]/", Some("deliver.refused-address")),
            (
                "https://[0:0:0:0:0:ffff:7f00:1]/",
                Some("deliver.refused-address"),
            ),
            (
                "https://[64:ff9b::a9fe:a9fe]/",
                Some("deliver.refused-address"),
            ),
            ("https://[::1]/", Some("deliver.refused-address")),
            (
                "https://[::ffff:10.0.0.1]/",
                Some("deliver.refused-address"),
            ),
            ("https://169.254.169.254/", Some("deliver.refused-address")),
            ("https://10.0.0.1/", Some("deliver.refused-address")),
            ("https://192.168.7.1/", None),
            ("ftp://example.com/", Some("deliver.invalid-url")),
            ("http://example.com/", Some("deliver.plain-http")),
        ] {
            assert_eq!(check(options(url, &["192.168.7.0/24"])), expected, "{url}");
        }
    }

    #[test]
    fn plain_http_goes_only_into_named_networks() {
        for (url, named, expected) in [
            ("http://127.0.0.1:9/", &["127.0.0.0/8"][..], None),
            ("http://receiver.internal/", &["10.0.0.0/8"], None),
            ("http://127.0.0.1:9/", &[], Some("deliver.plain-http")),
            (
                "http://8.8.8.8/",
                &["127.0.0.0/8"],
                Some("deliver.refused-address"),
            ),
        ] {
            let mut options = options(url, named);
            options.egress.allow_http = true;

            assert_eq!(check(options), expected, "{url}");
        }
    }

    #[test]
    fn secrets_are_one_or_two_and_the_time_is_bounded() {
        let one = options("https://example.com/", &[]);
        let secret = one.secrets[0].clone();
        for (n_secrets, expected) in [
            (0, Some("deliver.invalid-secret")),
            (1, None),
            (2, None),
            (3, Some("deliver.invalid-secret")),
        ] {
            let mut options = one.clone();
            options.secrets = vec![secret.clone(); n_secrets];

            assert_eq!(check(options), expected, "{n_secrets}");
        }
        for (timeout, expected) in [
            (Duration::ZERO, Some("deliver.invalid-timeout")),
            (LONGEST_TIMEOUT, None),
            (Duration::from_secs(121), Some("deliver.invalid-timeout")),
        ] {
            let mut options = one.clone();
            options.timeout = timeout;

            assert_eq!(check(options), expected, "{timeout:?}");
        }
    }

    #[test]
    fn debug_shows_no_token_of_the_url() {
        let url = "https://user:hunter2@hooks.example.com/t0ken?key=t0ken";

        let shown = format!("{:?}", Endpoint::new(options(url, &[])).unwrap());

        assert_eq!(
            shown,
            r#"Endpoint { name: EndpointName("hr"), origin: "https://hooks.example.com", .. }"#
        );
    }
}
