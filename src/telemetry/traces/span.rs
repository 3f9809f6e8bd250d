//! The spans that this process records, with the names of OpenTelemetry's conventions.

use reqwest::Url;
use reqwest::header::HeaderMap;

use super::parts::{Attribute, NewSpan, Side};
use super::record::{self, Recording};
use crate::model::{EndpointName, Mode, Outcome, Run, TenantName, Trigger};

/// The methods that the conventions know. Others are a client's text.
const METHODS: [&str; 10] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE",
];

const STATUS: &str = "http.response.status_code";
const METHOD: &str = "http.request.method";

/// Something that takes time, and is part of a trace. It ends when it is dropped.
#[derive(Debug)]
pub struct Span {
    /// `None` if no traces are sent.
    recording: Option<Recording>,
    side: Side,
}

/// A request that we answer.
#[derive(Debug, Clone, Copy)]
pub struct Received<'a> {
    /// The method, as the client wrote it.
    pub method: &'a str,
    /// The route, with names in place of the variable parts; `None` if no route has the path.
    pub route: Option<&'a str>,
    /// The scheme of our addresses.
    pub scheme: &'static str,
    /// The headers, which may name the trace that it belongs to.
    pub headers: &'a HeaderMap,
}

impl Span {
    /// Begins the span of a request that we answer. Its path is not part of it: it may name people.
    pub fn of_received(received: Received<'_>) -> Self {
        let Received {
            method,
            route,
            scheme,
            headers,
        } = received;
        Self::begin(Side::Server, Some(headers), || {
            let known = METHODS.contains(&method);
            let named = if known { method } else { "HTTP" };
            let method = if known { method } else { "_OTHER" };
            let name = match route {
                Some(route) => format!("{named} {route}"),
                None => named.to_owned(),
            };
            let mut attributes = vec![
                (METHOD, Attribute::text(method)),
                ("url.scheme", Attribute::text(scheme)),
            ];
            attributes.extend(route.map(|route| ("http.route", Attribute::text(route))));
            (name, attributes)
        })
    }

    /// Begins the span of a request to a tenant. `doing` says what is asked for.
    pub fn of_question(
        method: &str,
        url: &Url,
        doing: &'static str,
        tenant: Option<&TenantName>,
    ) -> Self {
        Self::begin(Side::Client, None, || {
            let mut attributes = sent(method, url);
            attributes.push(("qlik_roster.request", Attribute::text(doing)));
            attributes.extend(tenant.map(of_tenant));
            (method.to_owned(), attributes)
        })
    }

    /// Begins the span of an attempt to deliver a message. The path of the address may be secret.
    pub fn of_attempt(url: &Url, endpoint: &EndpointName) -> Self {
        Self::begin(Side::Client, None, || {
            let mut attributes = sent("POST", url);
            attributes.push(("qlik_roster.endpoint", Attribute::text(&endpoint.0)));
            ("POST".to_owned(), attributes)
        })
    }

    /// Begins the span of a run.
    pub fn of_run(tenant: &TenantName, trigger: Trigger, mode: Mode) -> Self {
        Self::begin(Side::Internal, None, || {
            let mode = match mode {
                Mode::Commit => "commit",
                Mode::DryRun => "dry-run",
            };
            let attributes = vec![
                of_tenant(tenant),
                ("qlik_roster.run.trigger", Attribute::text(trigger.word())),
                ("qlik_roster.run.mode", Attribute::text(mode)),
            ];
            (format!("run {}", trigger.word()), attributes)
        })
    }

    fn begin(
        side: Side,
        parent: Option<&HeaderMap>,
        content: impl FnOnce() -> (String, Vec<(&'static str, Attribute)>),
    ) -> Self {
        let recording = record::is_on().then(|| {
            let (name, attributes) = content();
            let new = NewSpan {
                name,
                side,
                attributes,
            };
            Recording::begin(new, parent)
        });
        Self { recording, side }
    }

    /// Does some work as a part of this span: spans that begin meanwhile are within it.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        record::within(self.recording.as_ref(), work)
    }

    /// Notes the status of the answer.
    pub fn answered(&self, status: u16) {
        let Some(recording) = &self.recording else {
            return;
        };
        recording.set(STATUS, Attribute::Number(i64::from(status)));
        let is_error = match self.side {
            Side::Server => status >= 500,
            Side::Client | Side::Internal => status >= 400,
        };
        if is_error {
            recording.fail(&status.to_string());
        }
    }

    /// Notes that no answer came, and why: a code of ours.
    pub fn failed(&self, code: &str) {
        if let Some(recording) = &self.recording {
            recording.fail(code);
        }
    }

    /// Notes how a run ended.
    pub fn ran(&self, run: &Run) {
        let Some(recording) = &self.recording else {
            return;
        };
        recording.set("qlik_roster.run.id", Attribute::text(run.id.to_string()));
        let outcome = Attribute::text(run.outcome.word());
        recording.set("qlik_roster.run.outcome", outcome);
        match &run.outcome {
            Outcome::Failed { code, .. } => recording.fail(code),
            Outcome::Interrupted => recording.fail(run.outcome.word()),
            Outcome::Running
            | Outcome::Succeeded
            | Outcome::Degraded
            | Outcome::Held
            | Outcome::Incomplete { .. } => {}
        }
    }

    /// Returns the headers with which the receiver of a request can continue the trace.
    pub fn headers(&self) -> HeaderMap {
        let recording = self.recording.as_ref();
        recording.map(Recording::headers).unwrap_or_default()
    }
}

/// Returns what the span of a request has that we send.
fn sent(method: &str, url: &Url) -> Vec<(&'static str, Attribute)> {
    let mut attributes = vec![
        (METHOD, Attribute::text(method)),
        ("url.scheme", Attribute::text(url.scheme())),
    ];
    let host = url.host_str().map(Attribute::text);
    attributes.extend(host.map(|host| ("server.address", host)));
    let port = url.port_or_known_default();
    attributes.extend(port.map(|port| ("server.port", Attribute::Number(i64::from(port)))));
    attributes
}

fn of_tenant(tenant: &TenantName) -> (&'static str, Attribute) {
    ("qlik_roster.tenant", Attribute::text(&tenant.0))
}
