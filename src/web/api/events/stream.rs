//! Events as a stream of server-sent events.
//!
//! Each event has its id, which a client sends as `Last-Event-ID` when it connects again. Pages are
//! read as the client takes events, so a slow client costs one small page. The stream ends when the
//! daemon does, when its token is revoked, when the client stops reading, or after an hour. The
//! client then connects again and misses nothing.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use tokio::time::{Instant, sleep_until};

use super::params::{self, Params};
use super::places::Place;
use super::pulling::{Pulling, asked, too_many};
use crate::control::query::{EventFeed, FeedFrom};
use crate::control::{FeedEvent, FeedPage};
use crate::model::{ApiToken, EventId, Scope};
use crate::web::api::caller;
use crate::web::api::unified::ApiError;
use crate::web::connections::{Lifetime, Streaming};

/// The header with which a client continues.
const LAST_EVENT_ID: &str = "last-event-id";

/// How often something is sent while nothing happens, so that both sides notice a connection that
/// is gone; shorter than the time after which proxies close an idle connection.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// How long a client may take to read what was sent.
const PATIENCE: Duration = Duration::from_secs(120);

/// The longest stream: a client must be able to connect again anyway.
const LONGEST: Duration = Duration::from_secs(3600);

/// The bytes of a page. It is in memory until the client has read it.
const PAGE_BYTES: usize = 128 * 1024;

/// How many events are read at once.
const PAGE: usize = 100;

/// Who asked, to look again whether the token is still valid.
pub(super) struct Caller {
    pub(super) headers: HeaderMap,
    pub(super) from: Option<IpAddr>,
}

/// A stream of events to one client.
struct Events {
    pulling: Arc<Pulling>,
    caller: Caller,
    streaming: Streaming,
    _place: Place,
    asked: EventFeed,
    /// What was read and not sent yet.
    ready: VecDeque<Bytes>,
    /// The last position that the client knows.
    told: Option<EventId>,
    /// Whether everything was read that is there.
    is_end: bool,
    next: EventId,
    /// When something must be sent, whatever happens.
    heartbeat_at: Instant,
}

/// Begins a stream. Whatever is wrong with the request is answered before it begins.
pub(super) async fn answer(
    pulling: &Arc<Pulling>,
    token: &ApiToken,
    mut params: Params,
    caller: Caller,
    lifetime: Lifetime,
) -> Result<Response, ApiError> {
    // The address of a client that connects again still says where it began at first.
    if let Some(last) = last_event_id(&caller.headers) {
        params.from = params::after("Last-Event-ID", last)?;
    }
    let place = pulling.consumers.enter(token.id).ok_or_else(too_many)?;
    let asked = asked(&params, token, PAGE, PAGE_BYTES);
    let first = pulling.read(&asked, PATIENCE).await?;
    let mut begin = "retry: 1000\n".to_owned();
    let mut told = None;
    if params.from == FeedFrom::Now {
        // A client that loses the connection before the first event continues from here.
        line(&mut begin, format_args!("id: {}", first.next));
        told = Some(first.next);
    }
    begin.push('\n');
    let mut events = Events {
        pulling: Arc::clone(pulling),
        caller,
        streaming: lifetime.stream(PATIENCE, LONGEST),
        _place: place,
        asked,
        ready: [Bytes::from(begin)].into(),
        told,
        is_end: false,
        next: first.next,
        heartbeat_at: Instant::now() + HEARTBEAT,
    };
    events.take(first);
    let stream = stream::unfold(events, |mut events| async move {
        let next = events.next().await?;
        Some((Ok::<_, Infallible>(next), events))
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "text/event-stream"),
        // Asks nginx to pass events on at once.
        ("x-accel-buffering", "no"),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// Returns the position that a client sends when it connects again.
fn last_event_id(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(LAST_EVENT_ID)?;
    // What is not text is not a position, and is refused as such.
    Some(value.to_str().unwrap_or("?")).filter(|text| !text.is_empty())
}

impl Events {
    /// Returns what is sent next, or `None` if the stream ends.
    async fn next(&mut self) -> Option<Bytes> {
        self.streaming.goes_on();
        self.heartbeat_at = Instant::now() + HEARTBEAT;
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_end {
                self.wait().await?;
            }
            // Even without entries, this looks whether the token is still valid.
            self.read().await?;
            // Many entries may come, or be read, of which the client wants none.
            if self.ready.is_empty() && Instant::now() >= self.heartbeat_at {
                return Some(self.heartbeat());
            }
        }
    }

    /// Waits for entries, or for the time of the next heartbeat. Returns `None` if the stream ends.
    async fn wait(&self) -> Option<()> {
        let control = &self.pulling.api.control;
        tokio::select! {
            () = self.pulling.shutdown.triggered() => None,
            () = self.streaming.over() => None,
            () = control.grown_beyond(self.next.seq) => Some(()),
            () = sleep_until(self.heartbeat_at) => Some(()),
        }
    }

    /// Reads the next page. Returns `None` if the stream ends: the client learns why when it
    /// connects again.
    async fn read(&mut self) -> Option<()> {
        let Caller { headers, from } = &self.caller;
        let api = &self.pulling.api;
        let reading = async {
            let token = caller::admit(api, headers, *from, Scope::Events)
                .await
                .ok()?;
            self.asked.covered.clone_from(&token.tenants);
            self.asked.from = FeedFrom::After(self.next);
            self.pulling.read(&self.asked, PATIENCE).await.ok()
        };
        let page = tokio::select! {
            () = self.pulling.shutdown.triggered() => None,
            () = self.streaming.over() => None,
            page = reading => page,
        };
        self.take(page?);
        Some(())
    }

    fn take(&mut self, page: FeedPage) {
        let FeedPage {
            events,
            next,
            is_end,
        } = page;
        if let Some(last) = events.last() {
            self.told = Some(last.id);
        }
        self.ready.extend(events.iter().map(written));
        (self.next, self.is_end) = (next, is_end);
    }

    /// Returns a comment. If much was read that the client does not want, it also learns how far
    /// that was, so as not to have it read again.
    fn heartbeat(&mut self) -> Bytes {
        let mut text = String::new();
        if self.told != Some(self.next) {
            self.told = Some(self.next);
            line(&mut text, format_args!("id: {}", self.next));
        }
        text.push_str(": heartbeat\n\n");
        text.into()
    }
}

/// Writes an event. Its body is JSON without line breaks.
fn written(event: &FeedEvent) -> Bytes {
    let FeedEvent {
        id,
        event_type,
        body,
    } = event;
    format!("id: {id}\nevent: {event_type}\ndata: {}\n\n", body.get()).into()
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    writeln!(text, "{line}").expect("a text takes every text");
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;
    use crate::clock::{Clock, LastClockJump};
    use crate::control::{Actor, Control, Endpoints, Face, command};
    use crate::model::{Fact, RunId, Seq, Tenant, TenantId, TenantName, Timestamp};
    use crate::signal;
    use crate::store::{Closing, Commit, Retention, Store};
    use crate::sync::TenantRegistry;
    use crate::telemetry::Metrics;
    use crate::web::api::events::consumers::Consumers;
    use crate::web::api::shared::Api;

    fn control(store: &Store) -> Control {
        let clock = Clock::system();
        let retention = Retention {
            keep: Duration::from_secs(1),
            keep_runs: 1,
        };
        Control::new(
            store.clone(),
            clock.clone(),
            TenantRegistry::default(),
            Endpoints::default(),
            retention,
            Vec::new(),
            LastClockJump::of(clock),
        )
    }

    /// Writes an event of a run that failed.
    fn fail(store: &Store) {
        let tenant = Tenant {
            id: TenantId("tenant-1".into()),
            name: "Acme".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let called = TenantName("acme".into());
        let at = Timestamp::from_millis(1_000);
        let known = store.adopt(&tenant, &called, at).unwrap();
        let failed = Fact::Failed {
            code: "qlik.down".into(),
            message: "the tenant does not answer".into(),
        };
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: known.tenant.account(),
            writes: Vec::new(),
            closing: Closing::Report {
                plans: Vec::new(),
                facts: vec![failed],
            },
        };
        store.commit(commit).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_heartbeat_says_how_far_was_read_if_the_client_wants_nothing_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let control = control(&store);
        let by = Actor {
            name: "tester".to_owned(),
            face: Face::CommandLine,
        };
        let create = command::CreateToken {
            name: "a consumer".to_owned(),
            scopes: [Scope::Events].into(),
            tenants: [].into(),
            lifetime: None,
        };
        let text = control.order(by, create).await.unwrap().text;
        let mut headers = HeaderMap::new();
        let bearer = format!("Bearer {}", text.expose());
        headers.insert("authorization", bearer.parse().unwrap());
        let api = Arc::new(Api::new(Arc::new(control), "http"));
        let token = caller::admit(&api, &headers, None, Scope::Events).await;
        let token = token.unwrap();
        let (_trigger, shutdown) = signal::shutdown();
        let pulling = Arc::new(Pulling {
            api,
            consumers: Consumers::new(8, Metrics::default()),
            shutdown,
        });
        let params = Params::read(Some("from=now&events=user.*")).unwrap();
        let caller = Caller {
            headers,
            from: None,
        };
        let lifetime = Lifetime::endless();
        let answer = answer(&pulling, &token, params, caller, lifetime).await;
        let mut stream = answer.unwrap().into_body().into_data_stream();
        let mut next = async || {
            let block = stream.next().await.unwrap().unwrap();
            String::from_utf8(block.to_vec()).unwrap()
        };
        let begun = Instant::now();
        assert!(next().await.starts_with("retry: 1000\nid: evt_"));
        assert_eq!(next().await, ": heartbeat\n\n");
        assert!(begun.elapsed() >= HEARTBEAT && begun.elapsed() < 2 * HEARTBEAT);

        // Others happen that the client does not want.
        (0..5).for_each(|_| fail(&store));

        let beat = next().await;
        let id = beat.strip_prefix("id: ").unwrap();
        let id = id.strip_suffix("\n: heartbeat\n\n").unwrap();
        assert_eq!(id.parse::<EventId>().unwrap().seq, Seq(5));
        assert_eq!(next().await, ": heartbeat\n\n", "it is said once");
    }
}
