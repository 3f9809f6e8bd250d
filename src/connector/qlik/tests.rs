//! Qlik's good and bad answers, given by a small server.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::connector::{Connector, Page, Readout};
use crate::lock::lock;
use crate::model::{Id, Record, Timestamp, Traffic};
use crate::secret::Secret;

/// What the server was asked.
#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    target: String,
    authorization: Option<String>,
    body: String,
}

type Scripted = (StatusCode, Vec<(&'static str, String)>, String);
type Script = dyn Fn(&Asked) -> Scripted + Send + Sync;

/// A server that answers by a function, and remembers what it was asked.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    async fn start(script: impl Fn(&Asked) -> Scripted + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            script: Arc::new(script),
            asked: Arc::default(),
        };
        let router = Router::new().fallback(reply).with_state(server.clone());
        spawn(async move { axum::serve(listener, router).await.unwrap() });
        server
    }

    fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }

    fn targets(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.target).collect()
    }
}

async fn reply(
    State(server): State<Server>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let authorization = headers.get("authorization");
    let asked = Asked {
        method,
        target: uri.to_string(),
        authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    };
    lock(&server.asked).push(asked.clone());
    let (status, headers, body) = (server.script)(&asked);
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap()
}

#[expect(clippy::disallowed_methods, reason = "the test's runtime ends it")]
fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(task);
}

fn options(address: SocketAddr, credentials: Credentials) -> Options {
    let host = TenantHost::parse(&format!("http://{address}")).unwrap();
    Options {
        // Paused time jumps to the next timer whenever all tasks are idle: keep that timer far
        // away.
        timeout: Duration::from_secs(86_400),
        outlast: Duration::ZERO,
        ..Options::new(host, credentials)
    }
}

fn by_key(address: SocketAddr) -> Options {
    options(address, Credentials::ApiKey(Secret::new("key")))
}

fn by_client(address: SocketAddr) -> Options {
    let secret = Secret::new("s3cret");
    let client_id = "client".to_owned();
    options(address, Credentials::ClientSecret { client_id, secret })
}

fn connect(options: Options) -> Qlik {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T10:00:00Z").unwrap());
    Qlik::new(options, clock).unwrap()
}

fn ok(body: &Value) -> Scripted {
    (StatusCode::OK, Vec::new(), body.to_string())
}

fn fail(status: u16, code: &str) -> Scripted {
    let body = json!({"errors": [{"code": code, "title": "No"}], "traceId": "0f"});
    (
        StatusCode::from_u16(status).unwrap(),
        Vec::new(),
        body.to_string(),
    )
}

fn id(n: u32) -> String {
    format!("{n:024x}")
}

fn users(numbers: &[u32], next: &Value) -> Value {
    let data: Vec<Value> = numbers
        .iter()
        .map(|n| json!({"id": id(*n), "subject": format!("s{n}"), "status": "active"}))
        .collect();
    json!({"data": data, "links": {"self": {"href": "x"}, "next": next}})
}

/// Gives these answers one after the other, and then repeats the last one.
fn in_turn(answers: Vec<Scripted>) -> impl Fn(&Asked) -> Scripted + Send + Sync {
    let answers = Mutex::new(VecDeque::from(answers));
    move |_| {
        let mut answers = lock(&answers);
        if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers.front().unwrap().clone()
        }
    }
}

async fn pages(qlik: &Qlik, kind: Kind) -> Result<Vec<Page>, ReadError> {
    let mut sweep = qlik.sweep(kind);
    let mut pages = Vec::new();
    while let Some(page) = sweep.next().await? {
        pages.push(page);
    }
    assert!(sweep.next().await?.is_none(), "the end stays the end");
    Ok(pages)
}

async fn sweep(qlik: &Qlik, kind: Kind) -> Result<Vec<String>, ReadError> {
    let mut ids = Vec::new();
    for page in pages(qlik, kind).await? {
        let Readout {
            observed,
            unreadable,
            ..
        } = page.read();
        assert_eq!(unreadable, []);
        ids.extend(observed.iter().map(|it| it.record.id().to_string()));
    }
    Ok(ids)
}

async fn failure(qlik: &Qlik, kind: Kind) -> ReadError {
    sweep(qlik, kind).await.expect_err("this sweep has to fail")
}

fn record(kind: Kind, n: u32) -> RecordRef {
    RecordRef {
        kind,
        id: Id::parse(&id(n)).unwrap(),
    }
}

fn with_tokens(
    api: impl Fn(&Asked) -> Scripted + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Scripted + Send + Sync + 'static {
    let n = Mutex::new(0);
    move |asked| {
        if asked.target != "/oauth/token" {
            return api(asked);
        }
        let mut n = lock(&n);
        *n += 1;
        ok(&json!({"access_token": format!("t{n}"), "token_type": "bearer", "expires_in": 600}))
    }
}

fn tenant() -> Value {
    json!({"id": "T-1", "name": "Acme", "hostnames": ["a1.eu.qlikcloud.com", "acme.eu.qlikcloud.com"],
           "region": "eu-west-1", "status": "active", "created": "1970-01-01T00:00:00.001Z"})
}

mod failures;
mod listings;
mod organization;
mod probe;
mod tenants;
mod tokens;
