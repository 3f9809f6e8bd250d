//! `GET /metrics`: the numbers for Prometheus.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::openapi::{Answer, Content, Operation, Routes, Tag, Verb, text};
use crate::control::{Control, EndpointGauges, Gauges, TenantGauges};
use crate::model::TenantName;
use crate::telemetry::{self, HttpRoute, HttpStatus, Metrics, Received, Sample, Span};

/// How long what was counted in the store is shown: anybody may ask, as often as they like.
const CACHED: Duration = Duration::from_secs(5);

/// What answers scrapers.
#[derive(Debug)]
struct Scraped {
    metrics: Metrics,
    control: Arc<Control>,
    counted_at: Mutex<Option<Instant>>,
}

/// Makes the route.
pub(super) fn routes(metrics: Metrics, control: Arc<Control>) -> Routes {
    let scraped = Scraped {
        metrics,
        control,
        counted_at: Mutex::default(),
    };
    Routes::new()
        .route("/metrics", get(print), vec![described()])
        .with_state(Arc::new(scraped))
}

fn described() -> Operation {
    let about = "In the text format 0.0.4. What is counted in the store is at most five seconds \
                 old.";
    let example = "# TYPE qlik_roster_records gauge\n\
                   qlik_roster_records{tenant=\"acme\",kind=\"user\"} 5210\n";
    let numbers = Content::new("text/plain", text()).example(example.into());
    Operation::new(Verb::Get, "/metrics", "getMetrics", Tag::Operations)
        .says("Numbers for Prometheus", about)
        .answers([Answer::empty(200, "The numbers.").with(numbers)])
}

/// Where requests are counted, and the scheme of their addresses.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub(super) metrics: Metrics,
    pub(super) scheme: &'static str,
}

/// Counts a request by its route and the status of its answer, and records the span of answering
/// it, which ends when the body of the answer begins.
pub(super) async fn count(
    State(counted): State<Counted>,
    request: Request,
    next: Next,
) -> Response {
    let Counted { metrics, scheme } = counted;
    let matched = request.extensions().get::<MatchedPath>();
    let span = Span::of_received(Received {
        method: request.method().as_str(),
        route: matched.map(MatchedPath::as_str),
        scheme,
        headers: request.headers(),
    });
    let route = matched.map_or_else(HttpRoute::unknown, |path| HttpRoute::of(path.as_str()));
    let answer = span.within(next.run(request)).await;
    let status = answer.status().as_u16();
    span.answered(status);
    metrics.count(Sample::HttpRequests {
        route: &route,
        status: &HttpStatus::of(status),
    });
    answer
}

async fn print(State(scraped): State<Arc<Scraped>>) -> impl IntoResponse {
    let Scraped {
        metrics,
        control,
        counted_at,
    } = &*scraped;
    let present = control.present();
    let is_present = |name: &str| present.contains(&TenantName(name.to_owned()));
    // An age is computed when it is asked for.
    for (tenant, age) in control.ages() {
        metrics.set(Sample::SinceSuccess { tenant: &tenant }, age.as_secs_f64());
    }
    let mut counted_at = counted_at.lock().await;
    if counted_at.is_none_or(|at| at.elapsed() >= CACHED)
        // A store that does not answer is said by `/readyz`; the numbers stay as they were.
        && let Ok(gauges) = control.gauges().await
    {
        show(metrics, &gauges);
        *counted_at = Some(Instant::now());
    }
    drop(counted_at);
    metrics.keep_gauges("tenant", is_present);
    let head = [(CONTENT_TYPE, telemetry::CONTENT_TYPE)];
    (head, metrics.print())
}

fn show(metrics: &Metrics, gauges: &Gauges) {
    for (
        tenant,
        TenantGauges {
            records,
            held_plans,
        },
    ) in &gauges.tenants
    {
        for (kind, count) in records {
            metrics.set(Sample::Records { tenant, kind }, *count as f64);
        }
        metrics.set(Sample::HeldPlans { tenant }, *held_plans as f64);
    }
    for (endpoint, EndpointGauges { oldest, parked }) in &gauges.endpoints {
        let age = Sample::OldestUndelivered { endpoint };
        metrics.set(age, oldest.as_secs_f64());
        metrics.set(Sample::ParkedNow { endpoint }, *parked as f64);
    }
}
