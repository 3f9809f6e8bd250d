//! `POST /qlik/webhooks/{tenant}`: Qlik's own webhooks, which wake the poll of the tenant's
//! audit log and do nothing else.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tokio::sync::Semaphore;

use super::openapi::{
    Access, Answer, Content, Operation, Parameter, Routes, Tag, Verb, anything, text,
};
use crate::lock::lock;
use crate::model::{AuditEventId, TenantName};
use crate::signal::Wake;
use crate::telemetry::{HookRejection, HookResult, Metrics, Sample};

/// The header that signs a webhook.
const SIGNATURE: &str = "qlik-signature";
/// The most bytes of a body. An event is some kilobytes, about one user or group.
const MAX_BODY: usize = 256 * 1024;
/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many events are remembered per tenant, so that a repeated one wakes nothing.
const REMEMBERED: usize = 1024;

/// What a webhook turned out to be, checked with its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HookCheck {
    /// Not signed with the secret.
    Forged,
    /// Signed, but it cannot be read which event it carries.
    Unreadable,
    /// Signed; the event that it carries.
    Event(AuditEventId),
}

/// Checks a body by the text of its signature header, and by all its headers.
type Judge = dyn Fn(&str, &HeaderMap, &[u8]) -> HookCheck + Send + Sync;

/// The tenants whose webhooks are accepted.
#[derive(Debug, Default)]
pub struct QlikHooks {
    hooks: BTreeMap<TenantName, Hook>,
    metrics: Metrics,
}

struct Hook {
    judge: Box<Judge>,
    wake: Wake,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    order: VecDeque<AuditEventId>,
    ids: HashSet<AuditEventId>,
}

impl QlikHooks {
    /// Accepts no webhooks yet, and counts incoming ones in these metrics.
    pub fn new(metrics: Metrics) -> Self {
        Self {
            hooks: BTreeMap::new(),
            metrics,
        }
    }

    /// Accepts a tenant's webhooks: `judge` knows its secret, `wake` wakes its poll.
    pub fn take(
        &mut self,
        tenant: TenantName,
        judge: impl Fn(&str, &HeaderMap, &[u8]) -> HookCheck + Send + Sync + 'static,
        wake: Wake,
    ) {
        let hook = Hook {
            judge: Box::new(judge),
            wake,
            seen: Mutex::default(),
        };
        self.hooks.insert(tenant, hook);
    }

    fn reject(&self, status: StatusCode, reason: HookRejection) -> StatusCode {
        self.metrics
            .count(Sample::HooksRejected { reason: &reason });
        status
    }
}

/// Makes the route. At most `n_bodies` bodies are read at one time, since a sender is authenticated
/// only when the whole body has arrived.
pub(super) fn routes(hooks: Arc<QlikHooks>, n_bodies: usize) -> Routes {
    Routes::new()
        .route("/qlik/webhooks/{tenant}", post(receive), vec![described()])
        .with_state((hooks, Arc::new(Semaphore::new(n_bodies))))
}

fn described() -> Operation {
    let about = "A webhook only makes us look into the tenant's audit log at once. Nothing of its \
                 content is used but the event's id. It has at most 256 KiB, which must arrive \
                 within 10 seconds.";
    let tenant = Parameter::path("tenant", text(), "The tenant's name in the configuration.");
    Operation::new(
        Verb::Post,
        "/qlik/webhooks/{tenant}",
        "receiveWebhook",
        Tag::Operations,
    )
    .says("A webhook of Qlik", about)
    .access(Access::Signed)
    .takes([tenant.example("acme")])
    .body(vec![Content::json(anything())])
    .answers([
        Answer::empty(202, "It was received."),
        Answer::empty(
            401,
            "It is not signed, or not with the secret of this tenant.",
        ),
        Answer::empty(404, "No webhooks of such a tenant are accepted."),
        Answer::empty(408, "The body did not arrive in time."),
        Answer::empty(413, "The body is too long."),
        Answer::empty(503, "Too many bodies are read at the moment."),
    ])
}

async fn receive(
    State((hooks, bodies)): State<(Arc<QlikHooks>, Arc<Semaphore>)>,
    Path(tenant): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> StatusCode {
    let tenant = TenantName(tenant);
    let Some(hook) = hooks.hooks.get(&tenant) else {
        return hooks.reject(StatusCode::NOT_FOUND, HookRejection::UnknownTenant);
    };
    let signature = headers.get(SIGNATURE).and_then(|text| text.to_str().ok());
    let Some(signature) = signature else {
        return hooks.reject(StatusCode::UNAUTHORIZED, HookRejection::Unsigned);
    };
    let told = headers
        .get(CONTENT_LENGTH)
        .and_then(|text| text.to_str().ok()?.parse().ok());
    if told.is_some_and(|length: usize| length > MAX_BODY) {
        return hooks.reject(StatusCode::PAYLOAD_TOO_LARGE, HookRejection::TooLarge);
    }
    let Ok(_place) = bodies.try_acquire() else {
        return hooks.reject(StatusCode::SERVICE_UNAVAILABLE, HookRejection::TooMany);
    };
    let body = match tokio::time::timeout(PATIENCE, to_bytes(body, MAX_BODY)).await {
        Ok(Ok(body)) => body,
        // This is also the error of a broken connection, but then nobody reads the answer.
        Ok(Err(_over_the_limit)) => {
            return hooks.reject(StatusCode::PAYLOAD_TOO_LARGE, HookRejection::TooLarge);
        }
        Err(_late) => return hooks.reject(StatusCode::REQUEST_TIMEOUT, HookRejection::TooSlow),
    };
    let result = match (hook.judge)(signature, &headers, &body) {
        HookCheck::Forged => {
            return hooks.reject(StatusCode::UNAUTHORIZED, HookRejection::BadSignature);
        }
        HookCheck::Unreadable => HookResult::Unreadable,
        HookCheck::Event(id) if hook.is_known(id) => HookResult::Repeated,
        HookCheck::Event(_) => HookResult::New,
    };
    match result {
        HookResult::New | HookResult::Unreadable => hook.wake.wake(),
        HookResult::Repeated => {}
    }
    hooks.metrics.count(Sample::HooksReceived {
        tenant: &tenant,
        result: &result,
    });
    StatusCode::ACCEPTED
}

impl Hook {
    /// Returns whether an event was seen before, and remembers it.
    fn is_known(&self, id: AuditEventId) -> bool {
        let mut seen = lock(&self.seen);
        if !seen.ids.insert(id) {
            return true;
        }
        seen.order.push_back(id);
        if seen.order.len() > REMEMBERED
            && let Some(oldest) = seen.order.pop_front()
        {
            seen.ids.remove(&oldest);
        }
        false
    }
}

/// Hides the secret that the judge knows.
impl fmt::Debug for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hook")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_remembered_until_a_thousand_others_came() {
        let hook = Hook {
            judge: Box::new(|_, _, _| HookCheck::Forged),
            wake: Wake::default(),
            seen: Mutex::default(),
        };
        let id = |n: u16| {
            let mut bytes = [0; 16];
            bytes[..2].copy_from_slice(&n.to_be_bytes());
            AuditEventId(bytes)
        };

        assert_eq!([hook.is_known(id(0)), hook.is_known(id(0))], [false, true]);
        for n in 1..=1024 {
            assert!(!hook.is_known(id(n)));
        }
        assert!(!hook.is_known(id(0)), "forgotten");
        assert!(hook.is_known(id(1024)));
    }
}
