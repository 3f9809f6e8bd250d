//! Sends spans by OTLP, with the HTTP client that all of the process uses.

use std::io;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use reqwest::Url;
use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::warn;

use super::error::TracesError;
use super::settings::{NamedFile, TraceProtocol, TraceSettings};
use crate::forward_proxy::ForwardProxy;
use crate::http_client::{self, Options};
use crate::lock::lock;
use crate::secret::Secret;
use crate::tls::{Authorities, ClientCertificate};

/// How much of an answer is read: it says only what was refused.
const MAX_ANSWER: usize = 64 * 1024;

/// How often, at most, we log that spans cannot be sent.
const SAY_EVERY: Duration = Duration::from_secs(600);

/// Makes what sends spans. Reads the files that the settings name, so it blocks for a moment.
pub(super) fn exporter(
    settings: &TraceSettings,
    proxy: Option<ForwardProxy>,
) -> Result<SpanExporter, TracesError> {
    let http = http_client::build(&Options {
        connect_timeout: settings.timeout.min(Options::default().connect_timeout),
        timeout: Some(settings.timeout),
        proxy,
        authorities: settings.authorities.as_ref().map(authorities).transpose()?,
        client_certificate: match &settings.client_certificate {
            Some((chain, key)) => Some(client_certificate(chain, key)?),
            None => None,
        },
        ..Options::default()
    });
    let poster = Poster {
        http: http.map_err(TracesError::Client)?,
        runtime: Handle::current(),
        said_at: Mutex::default(),
        origin: settings.endpoint.origin().ascii_serialization(),
    };
    let made = SpanExporter::builder()
        .with_http()
        .with_http_client(poster)
        .with_endpoint(settings.endpoint.as_str())
        .with_timeout(settings.timeout)
        .with_protocol(match settings.protocol {
            TraceProtocol::Protobuf => Protocol::HttpBinary,
            TraceProtocol::Json => Protocol::HttpJson,
        })
        .build();
    made.map_err(|error| TracesError::Exporter {
        why: error.to_string(),
    })
}

fn authorities(file: &NamedFile) -> Result<Authorities, TracesError> {
    let variable = file.variable;
    let bad = |source| TracesError::BadCertificate { variable, source };
    Authorities::parse(&text(file)?).map_err(bad)
}

fn client_certificate(
    chain: &NamedFile,
    key: &NamedFile,
) -> Result<ClientCertificate, TracesError> {
    let variable = chain.variable;
    let bad = |source| TracesError::BadCertificate { variable, source };
    let key = Secret::new(&text(key)?);
    ClientCertificate::parse(&text(chain)?, &key).map_err(bad)
}

fn text(file: &NamedFile) -> Result<String, TracesError> {
    let variable = file.variable;
    let unreadable = |source| TracesError::Unreadable { variable, source };
    std::fs::read_to_string(&file.path).map_err(unreadable)
}

/// Posts spans. The SDK calls it from a thread without a runtime, so requests are made by the
/// runtime of the process.
#[derive(Debug)]
struct Poster {
    http: reqwest::Client,
    runtime: Handle,
    /// When we last logged that spans cannot be sent.
    said_at: Mutex<Option<Instant>>,
    /// Scheme, host and port of the collector; the rest of the address may be secret.
    origin: String,
}

#[async_trait]
impl HttpClient for Poster {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (head, body) = request.into_parts();
        let url = Url::parse(&head.uri.to_string())?;
        let post = self.http.request(head.method, url).headers(head.headers);
        let answered = self.runtime.spawn(answered(post.body(body)));
        let answered = match answered.await {
            Ok(answered) => answered,
            // The runtime has ended.
            Err(error) => return Err(error.into()),
        };
        match &answered {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => self.failed(&format!("it answers with {}", answer.status())),
            Err(error) if error.is_timeout() => self.failed("it did not answer in time"),
            Err(error) if error.is_connect() => self.failed("it cannot be reached"),
            Err(_broken) => self.failed("the connection broke"),
        }
        // The address in an error may contain a password.
        Ok(answered.map_err(|error| io::Error::other(error.without_url()))?)
    }
}

/// Sends a request, and reads the answer up to its bound.
async fn answered(post: reqwest::RequestBuilder) -> Result<Response<Bytes>, reqwest::Error> {
    let mut answer = post.send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        let space = MAX_ANSWER.saturating_sub(body.len());
        body.extend(chunk.iter().take(space));
        if chunk.len() > space {
            break;
        }
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

impl Poster {
    fn failed(&self, why: &str) {
        let mut said_at = lock(&self.said_at);
        if said_at.is_some_and(|at| at.elapsed() < SAY_EVERY) {
            return;
        }
        *said_at = Some(Instant::now());
        warn!(
            code = NotSent::code(),
            "{NotSent} to {}: {why}; spans that cannot be sent are dropped", self.origin
        );
    }
}

/// The collector does not take spans.
#[derive(Debug, thiserror::Error)]
#[error("Traces could not be sent")]
struct NotSent;

impl NotSent {
    /// Returns the code that `docs/errors.md` explains.
    fn code() -> &'static str {
        "traces.not-sent"
    }
}
