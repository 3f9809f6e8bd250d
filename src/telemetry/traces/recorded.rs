//! Records spans with the SDK of OpenTelemetry, which sends them in batches from a thread of its
//! own.

use std::sync::OnceLock;
use std::time::Duration;

use opentelemetry::context::FutureExt;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, InstrumentationScope, KeyValue, Value};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{Resource, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::header::HeaderMap;

use super::error::TracesError;
use super::exporter::exporter;
use super::parts::{Attribute, NewSpan, Side};
use super::settings::{Propagation, TraceSettings};

use crate::forward_proxy::ForwardProxy;

/// What records spans; empty if no traces are sent.
static TRACING: OnceLock<Tracing> = OnceLock::new();

struct Tracing {
    tracer: SdkTracer,
    propagation: Propagation,
}

/// What sends spans.
pub(super) type Provider = SdkTracerProvider;

/// A span that is recorded. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Recording(Context);

/// Begins to record spans, and to send them. The runtime must be the one that the process uses
/// until its end.
pub(super) fn start(
    settings: &TraceSettings,
    proxy: Option<ForwardProxy>,
) -> Result<Provider, TracesError> {
    let exporter = exporter(settings, proxy)?;
    let resource = settings.resource.iter();
    let resource = resource.map(|(key, value)| KeyValue::new(key.clone(), value.clone()));
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes(resource)
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build();
    let scope = InstrumentationScope::builder(env!("CARGO_PKG_NAME"))
        .with_version(env!("CARGO_PKG_VERSION"))
        .build();
    let tracing = Tracing {
        tracer: provider.tracer_with_scope(scope),
        propagation: settings.propagation,
    };
    match TRACING.set(tracing) {
        Ok(()) => Ok(provider),
        Err(_second) => Err(TracesError::AlreadyStarted),
    }
}

/// Sends what was not sent yet, within some time.
pub(super) async fn end(provider: Provider, longest: Duration) {
    // It waits for the thread that sends, which waits for this runtime.
    let ending = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(longest));
    // The exporter has reported what it could not send.
    drop(tokio::time::timeout(longest, ending).await);
}

/// Returns whether spans are recorded.
pub(super) fn is_on() -> bool {
    TRACING.get().is_some()
}

/// Does some work as a part of a span.
pub(super) fn within<F: Future>(
    recording: Option<&Recording>,
    work: F,
) -> impl Future<Output = F::Output> + use<F> {
    let context = recording.map_or_else(Context::current, |recording| recording.0.clone());
    work.with_context(context)
}

impl Recording {
    /// Begins a span: within the one that the headers of a request name, or within the present one.
    pub(super) fn begin(new: NewSpan, parent: Option<&HeaderMap>) -> Self {
        let NewSpan {
            name,
            side,
            attributes,
        } = new;
        let tracing = TRACING.get().expect("spans begin if they are recorded");
        let mut within = Context::current();
        if let (Some(headers), Propagation::TraceContext) = (parent, tracing.propagation) {
            let headers = HeaderExtractor(headers);
            within = TraceContextPropagator::new().extract_with_context(&within, &headers);
        }
        let attributes = attributes.into_iter();
        let span = tracing
            .tracer
            .span_builder(name)
            .with_kind(match side {
                Side::Server => SpanKind::Server,
                Side::Client => SpanKind::Client,
                Side::Internal => SpanKind::Internal,
            })
            .with_attributes(attributes.map(|(key, value)| KeyValue::new(key, value.shown())));
        let span = tracing.tracer.build_with_context(span, &within);
        Self(within.with_span(span))
    }

    /// Adds an attribute.
    pub(super) fn set(&self, key: &'static str, value: Attribute) {
        let value = KeyValue::new(key, value.shown());
        self.0.span().set_attribute(value);
    }

    /// Notes that it failed, with a code and without a message, which may contain anything.
    pub(super) fn fail(&self, code: &str) {
        self.set("error.type", Attribute::Text(code.to_owned()));
        self.0.span().set_status(Status::error(""));
    }

    /// Returns the headers that name this span.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        match TRACING.get().map(|tracing| tracing.propagation) {
            Some(Propagation::TraceContext) => {
                let mut injected = HeaderInjector(&mut headers);
                TraceContextPropagator::new().inject_context(&self.0, &mut injected);
            }
            Some(Propagation::Off) | None => {}
        }
        headers
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.0.span().end();
    }
}

impl Attribute {
    fn shown(self) -> Value {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.into(),
        }
    }
}
