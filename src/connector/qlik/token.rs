//! Keeps the token: asks for it once for all requests, and again before it expires.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderValue, InvalidHeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::{ReadError, Refusal};
use super::gate::Gate;
use super::options::Tier;
use super::problem::ErrorAnswer;
use super::transport::{Reply, Transport};
use super::{Credentials, SigningKey, assertion, wire};
use crate::lock::lock;
use crate::model::Timestamp;
use crate::secret::Secret;

const DOING: &str = "asking for a token";
/// How long a token is valid if the answer does not say: what Qlik documents.
const LIFETIME: Duration = Duration::from_secs(6 * 3600);
/// No token is kept for longer, whatever the answer says.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// A token is renewed this long before it expires, or a tenth of its life before if that is
/// shorter.
const MARGIN: Duration = Duration::from_secs(300);

/// What goes into the `Authorization` header.
#[derive(Clone)]
pub(super) struct Bearer {
    header: HeaderValue,
    /// Distinguishes this bearer from earlier and later ones.
    serial: u64,
}

/// Where bearers come from.
pub(super) enum Tokens {
    /// An API key: always the same.
    Key(std::sync::Mutex<Bearer>),
    /// A client that asks for tokens.
    Client(Box<Issued>),
}

/// A client's credentials, and the token that it got for them.
pub(super) struct Issued {
    client_id: String,
    /// Replaced when the operator has renewed it.
    proof: std::sync::Mutex<Arc<Proof>>,
    gate: Gate,
    /// Locked while a token is asked for, so that one request serves all who wait.
    current: Mutex<Current>,
}

/// What proves that we are the client.
enum Proof {
    Secret(Secret),
    Key(SigningKey),
}

#[derive(Default)]
struct Current {
    token: Option<Token>,
    serial: u64,
}

struct Token {
    bearer: Bearer,
    renew_at: Instant,
}

#[derive(Serialize)]
struct Request<'a> {
    grant_type: &'static str,
    client_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_assertion_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_assertion: Option<&'a str>,
    // No scope: that means the client's whole allow list. Naming one could only restrict it.
}

#[derive(Deserialize)]
struct TokenResponse {
    access_token: String,
    #[serde(default)]
    token_type: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    expires_at: Value,
}

impl Tokens {
    /// Takes the credentials; `gate` is that of the token endpoint's tier.
    pub(super) fn new(credentials: Credentials, gate: Gate) -> Result<Self, InvalidHeaderValue> {
        let (client_id, proof) = match credentials {
            Credentials::ApiKey(key) => {
                let bearer = Bearer::new(key.expose(), 0)?;
                return Ok(Self::Key(bearer.into()));
            }
            Credentials::ClientSecret { client_id, secret } => (client_id, Proof::Secret(secret)),
            Credentials::PrivateKey { client_id, key } => (client_id, Proof::Key(key)),
        };
        Ok(Self::Client(Box::new(Issued {
            client_id,
            proof: std::sync::Mutex::new(Arc::new(proof)),
            gate,
            current: Mutex::default(),
        })))
    }

    /// Returns whether this is an API key, so that no token has to be asked for.
    pub(super) fn is_key(&self) -> bool {
        match self {
            Self::Key(_) => true,
            Self::Client(_) => false,
        }
    }

    /// Returns the gate of the token endpoint; `None` if no token has to be asked for.
    pub(super) fn gate(&self) -> Option<&Gate> {
        match self {
            Self::Key(_) => None,
            Self::Client(issued) => Some(&issued.gate),
        }
    }

    /// Returns a bearer that is valid as far as we know.
    pub(super) async fn bearer(&self, transport: &Transport) -> Result<Bearer, ReadError> {
        let issued = match self {
            Self::Key(bearer) => return Ok(lock(bearer).clone()),
            Self::Client(issued) => issued,
        };
        let mut current = issued.current.lock().await;
        if let Some(token) = &current.token
            && Instant::now() < token.renew_at
        {
            return Ok(token.bearer.clone());
        }
        let serial = current.serial + 1;
        let token = issued.ask(transport, serial).await?;
        let bearer = token.bearer.clone();
        *current = Current {
            token: Some(token),
            serial,
        };
        Ok(bearer)
    }

    /// Takes other credentials of the same client, or another key, in place of the old ones; a
    /// token that was issued for the old ones is dropped. Returns whether it could: another client
    /// or sort of credentials is another identity.
    pub(super) async fn renew(&self, credentials: &Credentials) -> bool {
        match (self, credentials) {
            (Self::Key(bearer), Credentials::ApiKey(key)) => {
                let renewed = Bearer::new(key.expose(), 0);
                renewed.map(|renewed| *lock(bearer) = renewed).is_ok()
            }
            (
                Self::Client(issued),
                Credentials::ClientSecret { client_id, .. }
                | Credentials::PrivateKey { client_id, .. },
            ) if issued.client_id == *client_id => {
                issued.renew(credentials).await;
                true
            }
            (Self::Key(_) | Self::Client(_), _) => false,
        }
    }

    /// Drops a bearer that was not accepted. Returns whether we can ask for another one.
    pub(super) async fn discard(&self, bearer: &Bearer) -> bool {
        match self {
            Self::Key(_) => false,
            Self::Client(issued) => {
                let mut current = issued.current.lock().await;
                // Another request may have renewed it in the meantime.
                if current.serial == bearer.serial {
                    current.token = None;
                }
                true
            }
        }
    }
}

impl Issued {
    async fn renew(&self, credentials: &Credentials) {
        let renewed = match credentials {
            Credentials::ClientSecret { secret, .. } => {
                if let Proof::Secret(known) = &**lock(&self.proof)
                    && known.expose() == secret.expose()
                {
                    return;
                }
                Proof::Secret(secret.clone())
            }
            Credentials::PrivateKey { key, .. } => Proof::Key(key.clone()),
            Credentials::ApiKey(_) => return,
        };
        *lock(&self.proof) = Arc::new(renewed);
        self.current.lock().await.token = None;
    }

    async fn ask(&self, transport: &Transport, serial: u64) -> Result<Token, ReadError> {
        let mut retry = (transport.patience)();
        loop {
            match self.ask_once(transport, serial).await {
                Ok(token) => return Ok(token),
                Err(error) => transport.back_off(&self.gate, &mut retry, error).await?,
            }
        }
    }

    async fn ask_once(&self, transport: &Transport, serial: u64) -> Result<Token, ReadError> {
        let url = transport.host.url("oauth/token");
        // Wait before making the assertion, which could expire while it waits.
        transport.pass(&self.gate).await;
        let proof = Arc::clone(&lock(&self.proof));
        let (secret, signed, refusal): (_, _, fn(&ErrorAnswer) -> Refusal) = match &*proof {
            Proof::Secret(secret) => (Some(secret), None, ErrorAnswer::of_token),
            Proof::Key(key) => {
                let signed = key.assert(&self.client_id, url.as_str(), transport.clock.now());
                let signed = signed.or(Err(ReadError::Unsigned { doing: DOING }))?;
                (None, Some(signed), ErrorAnswer::of_assertion)
            }
        };
        let request = Request {
            grant_type: "client_credentials",
            client_id: &self.client_id,
            client_secret: secret.map(Secret::expose),
            client_assertion_type: signed.is_some().then_some(assertion::TYPE),
            client_assertion: signed.as_ref().map(Secret::expose),
        };
        let post = transport
            .http
            .post(url)
            .header(ACCEPT, "application/json")
            .json(&request);
        let body = match transport.send_now(DOING, Tier::Two, post, refusal).await? {
            Reply::Body(body) => body,
            // The credentials are in the request: it is not sent anywhere else.
            Reply::Elsewhere(to) => return Err(transport.redirected(DOING, &to)),
        };
        read(transport, &body, serial)
    }
}

fn read(transport: &Transport, body: &[u8], serial: u64) -> Result<Token, ReadError> {
    let answer: TokenResponse = wire::decode(DOING, body)?;
    let unexpected = |what: &str| ReadError::Unexpected {
        doing: DOING,
        what: what.to_owned(),
    };
    if let Some(kind) = answer.token_type.as_str()
        && !kind.eq_ignore_ascii_case("bearer")
    {
        return Err(unexpected("field `token_type`: expected bearer"));
    }
    let bearer = Bearer::new(answer.access_token.trim(), serial)
        .map_err(|_not_a_header| unexpected("field `access_token`: expected a token"))?;
    let lifetime = answer.lifetime(transport.clock.now()).min(LONGEST);
    Ok(Token {
        bearer,
        renew_at: Instant::now() + lifetime.saturating_sub(MARGIN.min(lifetime / 10)),
    })
}

impl TokenResponse {
    fn lifetime(&self, now: Timestamp) -> Duration {
        let told = match &self.expires_in {
            Value::Number(seconds) => seconds.as_f64(),
            Value::String(seconds) => seconds.parse().ok(),
            _ => None,
        };
        told.filter(|seconds| *seconds > 0.0)
            .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
            .or_else(|| {
                let end = Timestamp::parse(self.expires_at.as_str()?)?;
                Some(end.since(now)).filter(|left| !left.is_zero())
            })
            .unwrap_or(LIFETIME)
    }
}

impl Bearer {
    fn new(token: &str, serial: u64) -> Result<Self, InvalidHeaderValue> {
        let mut header = HeaderValue::from_str(&format!("Bearer {token}"))?;
        header.set_sensitive(true);
        Ok(Self { header, serial })
    }

    /// Returns the header's value.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "Tokens::Key",
            Self::Client(_) => "Tokens::Client",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_wherever_they_stand() {
        let now = Timestamp::parse("2026-03-01T10:00:00Z").unwrap();
        for (answer, seconds) in [
            (r#"{"access_token":"t","expires_in":21600}"#, 21_600),
            (r#"{"access_token":"t","expires_in":"60"}"#, 60),
            (
                r#"{"access_token":"t","expires_at":"2026-03-01T10:10:00Z"}"#,
                600,
            ),
            (
                r#"{"access_token":"t","expires_in":0,"expires_at":"2026-03-01T09:00:00Z"}"#,
                21_600,
            ),
            (r#"{"access_token":"t","expires_in":null}"#, 21_600),
            (r#"{"access_token":"t","expires_in":-5}"#, 21_600),
            (r#"{"access_token":"t"}"#, 21_600),
        ] {
            let read: TokenResponse = serde_json::from_str(answer).unwrap();

            assert_eq!(read.lifetime(now), Duration::from_secs(seconds), "{answer}");
        }
    }
}
