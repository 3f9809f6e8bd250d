//! A webhook receiver that checks signatures with code that is not ours, and can misbehave.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::sync::{broadcast, watch};

use super::serve::{Served, break_after};
use super::tenant::When;
use crate::lock::lock;
use crate::signal::Shutdown;

/// Larger than any event.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// The most deliveries that are kept; later ones are only counted.
const MAX_KEPT: usize = 250_000;

/// Deliveries that a slow watcher can be behind before it loses the oldest.
const WATCHED: usize = 4_096;

/// One request that came, whatever was answered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// `webhook-id`.
    pub id: String,
    /// `webhook-timestamp`, in seconds; `None` if it is missing or not a number.
    pub timestamp: Option<i64>,
    /// `type` of the body.
    pub event_type: Option<String>,
    /// `sequence` of the body.
    pub sequence: Option<u64>,
    /// The body; null if it is not JSON.
    pub body: Value,
    /// The body's bytes.
    pub raw: Bytes,
    /// The signature is right under one of the secrets, and the timestamp is within five
    /// minutes of this machine's clock.
    pub verified: bool,
    /// The signature is right under one of the secrets, whatever the timestamp.
    pub signed: bool,
    /// The headers, where they are text.
    pub headers: BTreeMap<String, String>,
    /// The status that was answered; `None` if the delivery was left without a whole answer.
    pub answered: Option<u16>,
}

impl Delivery {
    /// Returns whether the answer told the sender that it arrived.
    pub fn is_accepted(&self) -> bool {
        self.answered.is_some_and(|status| status / 100 == 2)
    }
}

/// What a receiver remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retention {
    /// Every delivery, up to a quarter of a million.
    All,
    /// How many there were.
    CountOnly,
}

/// What to answer instead of 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, with a body.
    Says {
        /// The status.
        status: u16,
        /// The body.
        text: String,
    },
    /// This status, with `Retry-After` in seconds.
    RetryAfter {
        /// The status, such as 429 or 503.
        status: u16,
        /// The header's value.
        seconds: u64,
    },
    /// 302 to this address.
    Redirect(String),
    /// 200, after this delay.
    Slow(Duration),
    /// 200, with the connection cut in the body.
    Cut,
    /// 200, with a body of this many bytes.
    HugeBody(usize),
}

/// A receiver that listens on loopback until it is stopped or dropped.
#[derive(Debug)]
pub struct Receiver {
    inner: Arc<Inner>,
    served: Served,
}

#[derive(Debug)]
struct Inner {
    secrets: Mutex<Vec<String>>,
    retention: Retention,
    kept: Mutex<Vec<Arc<Delivery>>>,
    replies: Mutex<Vec<Planned>>,
    n_unsigned: AtomicU64,
    n_accepted: AtomicU64,
    count: watch::Sender<u64>,
    watchers: broadcast::Sender<Arc<Delivery>>,
    shutdown: Shutdown,
}

#[derive(Debug)]
struct Planned {
    reply: Reply,
    when: When,
    asked: u64,
}

impl Receiver {
    /// Starts on a free port and remembers every delivery. The secrets are in the form
    /// `whsec_…`; without any, every signature is accepted.
    pub async fn start(secrets: Vec<String>) -> io::Result<Self> {
        Self::start_at(None, secrets, Retention::All).await
    }

    /// Replaces the secrets under which a signature is right.
    pub fn set_secrets(&self, secrets: Vec<String>) {
        *lock(&self.inner.secrets) = secrets;
    }

    /// Starts on an address, or a free port.
    pub async fn start_at(
        address: Option<SocketAddr>,
        secrets: Vec<String>,
        retention: Retention,
    ) -> io::Result<Self> {
        let (served, inner) = Served::start(address, |shutdown| {
            let inner = Arc::new(Inner {
                secrets: Mutex::new(secrets),
                retention,
                kept: Mutex::default(),
                replies: Mutex::default(),
                n_unsigned: AtomicU64::new(0),
                n_accepted: AtomicU64::new(0),
                count: watch::Sender::new(0),
                watchers: broadcast::Sender::new(WATCHED),
                shutdown,
            });
            let router = Router::new().fallback(receive);
            (router.with_state(Arc::clone(&inner)), inner)
        })
        .await?;
        Ok(Self { inner, served })
    }

    /// Returns where deliveries go: `http://127.0.0.1:PORT/hooks`.
    pub fn url(&self) -> String {
        format!("{}/hooks", self.served.url())
    }

    /// Returns the deliveries so far, in the order in which they came.
    pub fn deliveries(&self) -> Vec<Arc<Delivery>> {
        lock(&self.inner.kept).clone()
    }

    /// Returns how many deliveries came.
    pub fn count(&self) -> u64 {
        *self.inner.count.borrow()
    }

    /// Returns how many deliveries were answered with success.
    pub fn count_accepted(&self) -> u64 {
        self.inner.n_accepted.load(Ordering::SeqCst)
    }

    /// Returns how many deliveries had no right signature.
    pub fn count_unsigned(&self) -> u64 {
        self.inner.n_unsigned.load(Ordering::SeqCst)
    }

    /// Forgets the deliveries so far. The counts continue.
    pub fn forget(&self) {
        lock(&self.inner.kept).clear();
    }

    /// Waits until this many deliveries came in all. Returns `false` if the deadline passed first.
    pub async fn wait_for(&self, n_deliveries: u64, deadline: Duration) -> bool {
        let mut count = self.inner.count.subscribe();
        let reached = count.wait_for(|count| *count >= n_deliveries);
        matches!(tokio::time::timeout(deadline, reached).await, Ok(Ok(_)))
    }

    /// Waits until the kept deliveries satisfy a condition. Returns `false` if the deadline passed
    /// first.
    pub async fn wait_until(
        &self,
        deadline: Duration,
        satisfied: impl Fn(&[Arc<Delivery>]) -> bool,
    ) -> bool {
        let mut count = self.inner.count.subscribe();
        let reached = count.wait_for(|_| satisfied(&lock(&self.inner.kept)));
        matches!(tokio::time::timeout(deadline, reached).await, Ok(Ok(_)))
    }

    /// Returns each delivery as it arrives. A watcher that is too slow loses the oldest ones, and
    /// gets an error that says so.
    pub fn watch(&self) -> broadcast::Receiver<Arc<Delivery>> {
        self.inner.watchers.subscribe()
    }

    /// Gives this reply to the requests that `when` names, counted from now. If several replies
    /// apply to a request, the one that was set first is given.
    pub fn respond_with(&self, reply: Reply, when: When) {
        let asked = 0;
        lock(&self.inner.replies).push(Planned { reply, when, asked });
    }

    /// Answers 200 again.
    pub fn respond_well(&self) {
        lock(&self.inner.replies).clear();
    }

    /// Stops listening and waits for open requests, within a bound.
    pub async fn stop(self) {
        self.served.stop().await;
    }
}

/// The result of checking a signature.
#[derive(Debug, Clone, Copy, Default)]
struct Signature {
    /// Whether it is right, and its timestamp is close to our clock.
    is_verified: bool,
    /// Whether it is right, whatever its timestamp.
    is_right: bool,
}

impl Inner {
    fn planned(&self) -> Option<Reply> {
        let mut struck = None;
        for planned in lock(&self.replies).iter_mut() {
            planned.asked += 1;
            if struck.is_none() && planned.when.strikes(planned.asked) {
                struck = Some(planned.reply.clone());
            }
        }
        struck
    }

    /// Checks the signature of a request; without secrets, any is right.
    fn check(&self, headers: &HeaderMap, body: &[u8]) -> Signature {
        let secrets = lock(&self.secrets).clone();
        if secrets.is_empty() {
            return Signature {
                is_verified: true,
                is_right: true,
            };
        }
        let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let sent = get("webhook-signature").unwrap_or_default();
        let id = get("webhook-id").unwrap_or_default();
        let at = get("webhook-timestamp").and_then(|text| text.parse().ok());
        let webhooks = secrets
            .iter()
            .filter_map(|secret| Webhook::new(secret).ok());
        webhooks.fold(Signature::default(), |found, webhook| {
            let right = at.and_then(|at| webhook.sign(id, at, body).ok());
            let right = right.is_some_and(|right| sent.split(' ').any(|one| one == right));
            Signature {
                is_verified: found.is_verified || webhook.verify(body, headers).is_ok(),
                is_right: found.is_right || right,
            }
        })
    }

    fn record(&self, delivery: Delivery) {
        self.n_unsigned
            .fetch_add(u64::from(!delivery.signed), Ordering::SeqCst);
        self.n_accepted
            .fetch_add(u64::from(delivery.is_accepted()), Ordering::SeqCst);
        let delivery = Arc::new(delivery);
        let mut kept = lock(&self.kept);
        match self.retention {
            Retention::All if kept.len() < MAX_KEPT => kept.push(Arc::clone(&delivery)),
            Retention::All | Retention::CountOnly => {}
        }
        drop(kept);
        // It is not an error if nobody is watching.
        drop(self.watchers.send(delivery));
        self.count.send_modify(|count| *count += 1);
    }
}

async fn receive(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(raw) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let signature = inner.check(&head.headers, &raw);
    let planned = inner.planned();
    let status = match &planned {
        _ if !signature.is_right => Some(401),
        Some(
            Reply::Status(status) | Reply::RetryAfter { status, .. } | Reply::Says { status, .. },
        ) => Some(*status),
        Some(Reply::Redirect(_)) => Some(302),
        Some(Reply::Cut) => None,
        Some(Reply::Slow(_) | Reply::HugeBody(_)) | None => Some(200),
    };
    inner.record(delivery(&head.headers, raw, signature, status));
    if !signature.is_right {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let code = |status: u16| StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    match planned {
        None => StatusCode::OK.into_response(),
        Some(Reply::Status(status)) => code(status).into_response(),
        Some(Reply::Says { status, text }) => (code(status), text).into_response(),
        Some(Reply::RetryAfter { status, seconds }) => {
            let after = HeaderValue::from(seconds);
            with_header(code(status).into_response(), RETRY_AFTER, after)
        }
        Some(Reply::Redirect(to)) => {
            let to = HeaderValue::from_str(&to).unwrap_or(HeaderValue::from_static("/"));
            with_header(StatusCode::FOUND.into_response(), LOCATION, to)
        }
        Some(Reply::Slow(delay)) => {
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = inner.shutdown.triggered() => {}
            }
            StatusCode::OK.into_response()
        }
        Some(Reply::Cut) => {
            let half = break_after(Bytes::from_static(b"{\"ok\""));
            with_header(half.into_response(), CONTENT_LENGTH, HeaderValue::from(64))
        }
        Some(Reply::HugeBody(length)) => vec![b'x'; length].into_response(),
    }
}

fn with_header(mut reply: Response, name: axum::http::HeaderName, value: HeaderValue) -> Response {
    reply.headers_mut().insert(name, value);
    reply
}

fn delivery(
    headers: &HeaderMap,
    raw: Bytes,
    signature: Signature,
    answered: Option<u16>,
) -> Delivery {
    let text = |value: &HeaderValue| value.to_str().map(String::from).ok();
    let headers: BTreeMap<String, String> = headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), text(value)?)))
        .collect();
    let body: Value = serde_json::from_slice(&raw).unwrap_or_default();
    Delivery {
        id: headers.get("webhook-id").cloned().unwrap_or_default(),
        timestamp: headers
            .get("webhook-timestamp")
            .and_then(|text| text.parse().ok()),
        event_type: body.get("type").and_then(Value::as_str).map(String::from),
        sequence: body.get("sequence").and_then(Value::as_u64),
        body,
        raw,
        verified: signature.is_verified,
        signed: signature.is_right,
        headers,
        answered,
    }
}

#[cfg(test)]
mod tests;
