//! Writes events as Security Event Tokens of SCIM (RFC 9967), to be pushed as RFC 8935 says.
//!
//! Each attempt signs its token again and must send the same bytes, so the same text must get the
//! same signature: ed25519 and RSA keys do that, EC keys do not. SCIM cannot express runs,
//! endpoints, or roles that are not an attribute of a user: such events are not sent to these
//! endpoints.

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::scim;
use super::scim_patch;
use super::source::EventSource;
use crate::deliver::content::event::TEST_EVENT;
use crate::deliver::content::message::Message;
use crate::deliver::content::shown::{Shown, ShownData, ShownRecord, Source};
use crate::jws::{Algorithm, PrivateKey};
use crate::model::{FieldDelta, Kind};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::header::{ACCEPT, HeaderValue};

/// The prefix of SCIM's event names.
const EVENT: &str = "urn:ietf:params:scim:event:prov:";

/// The event for a resource that joins the feed, new or not.
const FEED_ADD: &str = "urn:ietf:params:scim:event:feed:add";

/// The event with which Shared Signals tests a stream.
const VERIFICATION: &str = "https://schemas.openid.net/secevent/ssf/event-type/verification";

/// How much a token says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SetEvents {
    /// Only the names of the attributes.
    #[default]
    Notice,
    /// The values of attributes: at first all visible ones, later those that changed.
    Full,
}

/// How tokens are made for an endpoint.
#[derive(Debug, Clone)]
pub struct ScimSets {
    /// The issuer, `iss`.
    pub source: EventSource,
    /// The audience, `aud`.
    pub audience: String,
    /// How much a token says.
    pub events: SetEvents,
    /// The key that signs.
    pub key: SetKey,
}

/// A key that signs tokens, with the id of its public half.
#[derive(Clone)]
pub struct SetKey {
    key: PrivateKey,
    id: String,
}

/// The text is not a key for tokens.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "found {found}; a private key is needed whose signature of the same text is always the same: \
     Ed25519, or RSA of 2048 to 4096 bits, in PEM, without a passphrase"
)]
pub struct InvalidSetKey {
    found: String,
}

impl InvalidSetKey {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        "deliver.invalid-set-key"
    }

    /// Returns what an operator can do about it.
    pub fn remedy(&self) -> &'static str {
        "make one with `openssl genpkey -algorithm ed25519`"
    }
}

impl fmt::Debug for SetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetKey")
            .field("key", &self.key)
            .field("id", &self.id)
            .finish()
    }
}

impl SetKey {
    /// Reads a key in PEM. Its id is its thumbprint (RFC 7638).
    pub fn parse(pem: &Secret) -> Result<Self, InvalidSetKey> {
        let refused = |found: String| InvalidSetKey { found };
        let key = PrivateKey::parse(pem).map_err(|unusable| refused(unusable.found))?;
        match key.algorithm() {
            Algorithm::Rs256 | Algorithm::EdDsa => {}
            Algorithm::Es384 => {
                return Err(refused(
                    "an EC key, whose signatures differ each time".to_owned(),
                ));
            }
        }
        // Members in the order of their names and no blanks, as the thumbprint requires.
        let public = key.public().to_string();
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(public));
        Ok(Self { key, id })
    }

    /// Returns the public half as a JSON Web Key, for receivers.
    pub fn public(&self) -> Value {
        let mut jwk = self.key.public();
        if let Value::Object(members) = &mut jwk {
            let algorithm = self.key.algorithm().name();
            members.insert("alg".to_owned(), json!(algorithm));
            members.insert("kid".to_owned(), json!(self.id));
            members.insert("use".to_owned(), json!("sig"));
        }
        jwk
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    iat: i64,
    jti: &'a str,
    aud: &'a str,
    txn: &'a str,
    sub_id: Value,
    events: Map<String, Value>,
    /// Our own claim: the tenant, since the ids of resources do not say which it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Source<'a>>,
}

impl ScimSets {
    /// Returns whether a token can express a record of this kind.
    pub(super) fn can_tell(kind: Kind) -> bool {
        scim::resource_type(kind).is_some()
    }

    /// Returns whether a token can express a change of this field.
    pub(super) fn can_tell_field(kind: Kind, field: &str) -> bool {
        scim::attribute_of(kind, field).is_some()
    }

    pub(super) fn message(&self, event: &Shown<'_>) -> Message {
        let (sub_id, events) = match &event.data {
            ShownData::Record(shown) => (subject(shown), self.events(event.event_type, shown)),
            ShownData::Right(shown) => verification(event, &shown.data),
            ShownData::Other(data) => verification(event, data),
        };
        let claims = Claims {
            iss: self.source.to_string(),
            iat: event.at.seconds(),
            jti: event.id,
            aud: &self.audience,
            txn: event.id,
            sub_id,
            events,
            account: event.account,
        };
        let token = self.key.key.token("secevent+jwt", &self.key.id, &claims);
        let token = token.expect("a key that was read signs, be it RSA or ed25519");
        Message {
            id: event.id.to_owned(),
            content_type: "application/secevent+jwt",
            headers: vec![(ACCEPT, HeaderValue::from_static("application/json"))],
            body: token.into(),
        }
    }

    /// Returns the events of a token: one for the state, and another if an account was switched on
    /// or off.
    fn events(&self, event_type: &str, shown: &ShownRecord<'_>) -> Map<String, Value> {
        let verb = event_type.split_once('.').map(|(_, verb)| verb);
        let events = match verb {
            Some("deleted") => vec![(event("delete"), json!({}))],
            Some("created") => vec![self.created(shown)],
            Some("updated") => {
                let switched = switched(shown).map(|is_active| match is_active {
                    true => event("activate"),
                    false => event("deactivate"),
                });
                let switched = switched.map(|uri| (uri, json!({})));
                [self.updated(shown)].into_iter().chain(switched).collect()
            }
            // A snapshot: the resource joins the feed, without a claim that it is new. We do not
            // ask the receiver to replace its copy: for that, the resource would have to be
            // complete.
            Some(_) | None => vec![(FEED_ADD.to_owned(), json!({})), self.created(shown)],
        };
        events.into_iter().collect()
    }

    fn created(&self, shown: &ShownRecord<'_>) -> (String, Value) {
        match self.events {
            SetEvents::Full => {
                let data = Value::Object(scim::resource(shown));
                (event("create:full"), payload(shown, "data", &data))
            }
            SetEvents::Notice => {
                let attributes = json!(scim::attributes(shown));
                let payload = payload(shown, "attributes", &attributes);
                (event("create:notice"), payload)
            }
        }
    }

    fn updated(&self, shown: &ShownRecord<'_>) -> (String, Value) {
        let changes = shown.changes.iter().flatten();
        let attributes = changes.filter_map(|(field, _)| scim::attribute_of(shown.kind, field));
        let attributes: Vec<_> = attributes.collect();
        let patch = match (self.events, &shown.changes) {
            (SetEvents::Full, Some(changes)) => scim_patch::patch(shown.kind, changes),
            (SetEvents::Notice, _) | (SetEvents::Full, None) => None,
        };
        if let Some(request) = patch {
            return (event("patch:full"), payload(shown, "data", &request));
        }
        // The endpoint wants no more than names, or SCIM cannot express the values.
        let payload = payload(shown, "attributes", &json!(attributes));
        (event("patch:notice"), payload)
    }
}

fn event(word: &str) -> String {
    format!("{EVENT}{word}")
}

fn payload(shown: &ShownRecord<'_>, name: &str, value: &Value) -> Value {
    json!({ name: value, "version": scim::version(shown) })
}

fn subject(shown: &ShownRecord<'_>) -> Value {
    let resource_type = scim::resource_type(shown.kind).unwrap_or("Role");
    json!({ "format": "scim", "uri": format!("/{resource_type}s/{}", shown.id) })
}

/// Returns whether an account is active now, or `None` if that did not change or is unknown.
fn switched(shown: &ShownRecord<'_>) -> Option<bool> {
    let status = shown.changes.as_ref()?.get("status")?;
    match (shown.kind, status) {
        (Kind::User, FieldDelta::Value { before, after }) => {
            let (before, after) = (scim::is_active(before), scim::is_active(after)?);
            (before != Some(after)).then_some(after)
        }
        (Kind::User | Kind::Group | Kind::Role, _) => None,
    }
}

/// Returns subject and events for an event without a resource: only test events get here.
fn verification(event: &Shown<'_>, data: &Value) -> (Value, Map<String, Value>) {
    debug_assert_eq!(event.event_type, TEST_EVENT, "SCIM has no words for others");
    let sub_id = json!({ "format": "opaque", "id": data["endpoint"] });
    let events = [(VERIFICATION.to_owned(), json!({ "state": event.id }))];
    (sub_id, events.into_iter().collect())
}

#[cfg(test)]
mod tests;
