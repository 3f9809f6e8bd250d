//! `GET /events`: the events of the webhooks, pulled by programs that cannot be reached from
//! outside: as pages, with long polls, or as server-sent events.
//!
//! Sources: the WHATWG's HTML standard, "Server-sent events", for the stream.

mod accept;
mod consumers;
mod described;
mod params;
mod places;
mod pulling;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Extension, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::caller;
use super::shared::Api;
use super::unified::ApiError;
use crate::control::query::FeedFrom;
use crate::control::{FeedPage, MAX_FEED_BYTES};
use crate::model::{ApiToken, Scope};
use crate::signal::Shutdown;
use crate::telemetry::Metrics;
use crate::web::connections::{Lifetime, Peer};
use crate::web::openapi::Routes;

use accept::Wanted;
use consumers::Consumers;
use params::Params;
use pulling::{Pulling, asked, busy, too_many};

/// Makes the route. `connections` is the most connections at one time.
pub(super) fn routes(
    api: Arc<Api>,
    connections: usize,
    metrics: Metrics,
    shutdown: Shutdown,
) -> Routes {
    let pulling = Pulling {
        api,
        consumers: Consumers::new(connections, metrics),
        shutdown,
    };
    Routes::new()
        .route("/events", get(events), vec![described::operation()])
        .schemas(described::schemas())
        .with_state(Arc::new(pulling))
}

async fn events(
    State(pulling): State<Arc<Pulling>>,
    RawQuery(query): RawQuery,
    Extension(Peer(from)): Extension<Peer>,
    Extension(lifetime): Extension<Lifetime>,
    headers: HeaderMap,
) -> Response {
    let api = Arc::clone(&pulling.api);
    let answered = async {
        let token = caller::admit(&api, &headers, from, Scope::Events).await?;
        let params = Params::read(query.as_deref())?;
        let wanted = accept::wanted(&headers);
        let caller = stream::Caller { headers, from };
        match wanted {
            Wanted::Pages => page(&pulling, &token, params, &caller, &lifetime).await,
            Wanted::Stream => stream::answer(&pulling, &token, params, caller, lifetime).await,
        }
    };
    let answered = answered.await;
    let mut answer = answered.unwrap_or_else(|error| error.answer(api.control.now()));
    let headers = answer.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("Accept, Authorization"));
    answer
}

/// A page of events.
#[derive(Debug, Serialize)]
struct PageAnswer {
    data: Vec<Box<RawValue>>,
    next: String,
    has_more: bool,
}

/// Answers with a page. If there is nothing and the program is willing to wait, waits for an event.
async fn page(
    pulling: &Pulling,
    token: &ApiToken,
    params: Params,
    caller: &stream::Caller,
    lifetime: &Lifetime,
) -> Result<Response, ApiError> {
    let until = Instant::now() + params.wait;
    let consumers = &pulling.consumers;
    let _place = match params.wait {
        Duration::ZERO => consumers.ask(token.id).ok_or_else(busy)?,
        _ => consumers.enter(token.id).ok_or_else(too_many)?,
    };
    let mut asked = asked(&params, token, params.limit, MAX_FEED_BYTES);
    let page = loop {
        let page = pulling.read(&asked, params.wait).await?;
        let is_over = Instant::now() >= until || pulling.shutdown.is_triggered();
        if !page.events.is_empty() || is_over {
            break page;
        }
        asked.from = FeedFrom::After(page.next);
        if page.is_end && waited(pulling, &page, until, lifetime).await == Waited::InVain {
            break page;
        }
        // The token may have been revoked meanwhile.
        let stream::Caller { headers, from } = caller;
        let token = caller::admit(&pulling.api, headers, *from, Scope::Events).await?;
        asked.covered.clone_from(&token.tenants);
    };
    let FeedPage {
        events,
        next,
        is_end,
    } = page;
    let answer = PageAnswer {
        data: events.into_iter().map(|event| event.body).collect(),
        next: next.to_string(),
        has_more: !is_end,
    };
    Ok(Json(answer).into_response())
}

/// How a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waited {
    /// The journal has grown.
    ForEntries,
    /// The time is over, the connection must end, or the daemon does.
    InVain,
}

async fn waited(pulling: &Pulling, page: &FeedPage, until: Instant, lifetime: &Lifetime) -> Waited {
    tokio::select! {
        () = pulling.api.control.grown_beyond(page.next.seq) => Waited::ForEntries,
        () = sleep_until(until) => Waited::InVain,
        () = lifetime.over() => Waited::InVain,
        () = pulling.shutdown.triggered() => Waited::InVain,
    }
}
