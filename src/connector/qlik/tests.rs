//! Qlik as it answers on good days and on bad ones, played by a small server.

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
use crate::connector::{Page, Readout};
use crate::model::{Id, Record, Timestamp};
use crate::secret::Secret;

/// What the server was asked.
#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    target: String,
    authorization: Option<String>,
    body: String,
}

type Answer = (StatusCode, Vec<(&'static str, String)>, String);
type Script = dyn Fn(&Asked) -> Answer + Send + Sync;

/// A server that answers by a function, and remembers what it was asked.
#[derive(Clone)]
struct Server {
    address: SocketAddr,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    async fn start(script: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
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
        self.asked.lock().unwrap().clone()
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
    server.asked.lock().unwrap().push(asked.clone());
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
        // Paused time jumps to the next timer whenever all are idle: let it be far away.
        timeout: Duration::from_secs(86_400),
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

fn ok(body: &Value) -> Answer {
    (StatusCode::OK, Vec::new(), body.to_string())
}

fn fail(status: u16, code: &str) -> Answer {
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

/// Answers one after the other, the last of them ever after.
fn in_turn(answers: Vec<Answer>) -> impl Fn(&Asked) -> Answer + Send + Sync {
    let answers = Mutex::new(VecDeque::from(answers));
    move |_| {
        let mut answers = answers.lock().unwrap();
        if answers.len() > 1 {
            answers.pop_front().unwrap()
        } else {
            answers.front().unwrap().clone()
        }
    }
}

async fn pages(qlik: &Qlik, kind: Kind) -> Result<Vec<Page>, FetchError> {
    let mut sweep = qlik.sweep(kind);
    let mut pages = Vec::new();
    while let Some(page) = sweep.next().await? {
        pages.push(page);
    }
    assert!(sweep.next().await?.is_none(), "the end stays the end");
    Ok(pages)
}

async fn sweep(qlik: &Qlik, kind: Kind) -> Result<Vec<String>, FetchError> {
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

async fn failure(qlik: &Qlik, kind: Kind) -> FetchError {
    sweep(qlik, kind).await.expect_err("this sweep has to fail")
}

fn record(kind: Kind, n: u32) -> RecordRef {
    RecordRef {
        kind,
        id: Id::parse(&id(n)).unwrap(),
    }
}

// Paging.

#[tokio::test]
async fn only_the_cursor_is_taken_from_links_of_any_shape() {
    let server = Server::start(in_turn(vec![
        ok(&users(
            &[1],
            &json!({"href": "http://users.internal:9/v1/users?limit=1&next=a%2Bb"}),
        )),
        ok(&users(
            &[],
            &json!({"href": "/api/v1/users?startingAfter=c#x"}),
        )),
        ok(&users(
            &[2],
            &json!({"href": "https://evil.example.com/?foo=1&next=d"}),
        )),
        ok(&users(&[2, 3], &json!({"href": null}))),
    ]))
    .await;
    let qlik = connect(by_key(server.address));

    let ids = sweep(&qlik, Kind::User).await.unwrap();

    assert_eq!(ids, [id(1), id(2), id(2), id(3)]);
    let filter = "filter=status%20eq%20%22active%22%20or%20status%20eq%20%22invited%22%20or%20\
                  status%20eq%20%22disabled%22%20or%20status%20eq%20%22provisioned%22";
    let base = format!("/api/v1/users?limit=100&sort=%2Bid&{filter}");
    assert_eq!(
        server.targets(),
        [
            format!("{base}&totalResults=true"),
            format!("{base}&next=a%2Bb"),
            format!("{base}&next=c"),
            format!("{base}&next=d"),
        ]
    );
    assert_eq!(qlik.take_traffic().requests, 4);
    assert_eq!(qlik.take_traffic(), Traffic::default());
}

#[tokio::test]
async fn ends_come_in_many_shapes() {
    for links in [
        json!(null),
        json!({}),
        json!({"next": null}),
        json!({"next": {}}),
        json!({"next": {"href": null}}),
        json!({"next": {"href": ""}}),
    ] {
        let body = json!({"data": [{"id": id(1), "subject": "s"}], "links": links});
        let server = Server::start(in_turn(vec![ok(&body)])).await;

        let ids = sweep(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(ids.unwrap(), [id(1)], "{links}");
    }
}

#[tokio::test]
async fn what_is_no_listing_is_no_end_either() {
    for (body, what) in [
        (json!({}), "field `data`: expected a list"),
        (json!({"data": null}), "field `data`: expected a list"),
        (
            json!({"message": "maintenance"}),
            "field `data`: expected a list",
        ),
        (json!({"data": {}}), "field `data`: expected a list"),
        (json!([[], null]), "expected an object"),
        (
            json!({"data": [], "links": "none"}),
            "field `links`: expected an object",
        ),
        (
            json!({"data": [], "links": {"next": {"href": 5}}}),
            "field `links.next.href`: expected text",
        ),
        (
            json!({"data": [], "links": {"next": {"href": "https://x/api/v1/users?limit=100"}}}),
            "field `links.next.href`: expected a link with a cursor",
        ),
        (
            json!({"data": [], "links": {"next": {"href": "/users?next="}}}),
            "field `links.next.href`: expected a link with a cursor",
        ),
    ] {
        let server = Server::start(in_turn(vec![ok(&body)])).await;

        let error = failure(&connect(by_key(server.address)), Kind::User).await;

        assert_eq!(error.code(), "qlik.unexpected-answer", "{body}");
        assert_eq!(
            error.to_string(),
            format!("listing users: the answer is not as documented: {what}")
        );
        assert_eq!(server.asked().len(), 1, "asking again would not help");
    }
}

#[tokio::test]
async fn an_empty_listing_without_data_says_so_by_its_count() {
    let server = Server::start(in_turn(vec![ok(&json!({"totalResults": 0}))])).await;

    let pages = pages(&connect(by_key(server.address)), Kind::User).await;

    let totals: Vec<_> = pages.unwrap().iter().map(Page::total).collect();
    assert_eq!(totals, [Some(0)]);
}

#[tokio::test]
async fn a_circle_fails_the_sweep() {
    let next = |cursor| json!({"href": format!("?next={cursor}")});
    let server = Server::start(in_turn(vec![
        ok(&users(&[1], &next("a"))),
        ok(&users(&[2], &next("b"))),
        ok(&users(&[3], &next("a"))),
    ]))
    .await;

    let error = failure(&connect(by_key(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.repeated-cursor");
    assert_eq!(server.asked().len(), 3);
}

#[tokio::test]
async fn pages_and_records_have_bounds() {
    for (limits, code) in [
        (
            Limits {
                pages: 5,
                ..Limits::default()
            },
            "qlik.too-many-pages",
        ),
        (
            Limits {
                records: 9,
                ..Limits::default()
            },
            "qlik.too-many-records",
        ),
        (
            Limits {
                page_bytes: 64,
                ..Limits::default()
            },
            "qlik.too-large",
        ),
    ] {
        let n = Mutex::new(0);
        let server = Server::start(move |_| {
            let mut n = n.lock().unwrap();
            *n += 1;
            ok(&users(
                &[2 * *n, 2 * *n + 1],
                &json!({"href": format!("?next=c{n}")}),
            ))
        })
        .await;
        let options = Options {
            limits,
            ..by_key(server.address)
        };

        let error = failure(&connect(options), Kind::User).await;

        assert_eq!(error.code(), code);
        assert!(server.asked().len() <= 5);
    }
}

#[tokio::test]
async fn groups_come_in_one_listing_and_are_counted_once() {
    let everyone = json!({"id": map::EVERYONE, "name": "com.qlik.Everyone"});
    let sales = json!({"id": id(7), "name": "Sales", "providerType": "idp"});
    let server = Server::start(move |asked| {
        if asked.target.contains("systemGroups=true") {
            ok(&json!({"data": [everyone]}))
        } else {
            ok(&json!({"data": [everyone, sales], "totalResults": 2}))
        }
    })
    .await;
    let qlik = connect(by_key(server.address));

    let pages = pages(&qlik, Kind::Group).await.unwrap();

    let totals: Vec<_> = pages.iter().map(Page::total).collect();
    assert_eq!(totals, [None, Some(2)]);
    let groups: Vec<_> = pages
        .into_iter()
        .flat_map(|page| page.read().observed)
        .map(|observed| match observed.record {
            Record::Group(group) => (group.name, group.group_type.source_value.unwrap()),
            other => panic!("{other:?} is no group"),
        })
        .collect();
    assert_eq!(
        groups,
        [
            ("com.qlik.Everyone".to_owned(), "system".to_owned()),
            ("Sales".to_owned(), "idp".to_owned())
        ]
    );
    assert_eq!(
        server.targets(),
        [
            "/api/v1/groups?systemGroups=true",
            "/api/v1/groups?limit=100&sort=%2Bid&totalResults=true"
        ]
    );
}

#[tokio::test]
async fn an_unreadable_record_does_not_block_the_rest() {
    let body = json!({"data": [
        {"id": id(1), "subject": "s"}, {"id": id(2), "subject": 5}, null,
        {"id": id(3), "status": "deleted"}, {"id": id(4), "subject": "s"},
    ]});
    let server = Server::start(in_turn(vec![ok(&body)])).await;

    let mut pages = pages(&connect(by_key(server.address)), Kind::User)
        .await
        .unwrap();

    let readout = pages.remove(0).read();
    let read: Vec<_> = readout
        .observed
        .iter()
        .map(|it| it.record.id().to_string())
        .collect();
    let unread: Vec<_> = readout
        .unreadable
        .iter()
        .map(|it| it.id.as_ref().map(Id::to_string))
        .collect();
    assert_eq!(read, [id(1), id(4)]);
    assert_eq!(unread, [Some(id(2)), None]);
}

// Tokens.

fn with_tokens(
    api: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let n = Mutex::new(0);
    move |asked| {
        if asked.target != "/oauth/token" {
            return api(asked);
        }
        let mut n = n.lock().unwrap();
        *n += 1;
        ok(&json!({"access_token": format!("t{n}"), "token_type": "bearer", "expires_in": 600}))
    }
}

fn tokens_asked(server: &Server) -> usize {
    let targets = server.targets();
    targets.iter().filter(|it| *it == "/oauth/token").count()
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_without_a_scope() {
    let server = Server::start(with_tokens(|_| ok(&users(&[1], &json!(null))))).await;
    let qlik = connect(by_client(server.address));

    let (one, two) = tokio::join!(sweep(&qlik, Kind::User), sweep(&qlik, Kind::User));

    assert_eq!((one.unwrap().len(), two.unwrap().len()), (1, 1));
    let asked = server.asked();
    assert_eq!(tokens_asked(&server), 1);
    assert_eq!(asked[0].method, Method::POST);
    assert_eq!(asked[0].authorization, None);
    assert_eq!(
        serde_json::from_str::<Value>(&asked[0].body).unwrap(),
        json!({"grant_type": "client_credentials", "client_id": "client", "client_secret": "s3cret"})
    );
    assert_eq!(asked[1].authorization.as_deref(), Some("Bearer t1"));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_before_it_runs_out() {
    let server = Server::start(with_tokens(|_| ok(&users(&[1], &json!(null))))).await;
    let qlik = connect(by_client(server.address));

    for (wait, tokens) in [(0, 1), (530, 1), (15, 2)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        sweep(&qlik, Kind::User).await.unwrap();
        assert_eq!(tokens_asked(&server), tokens);
    }
}

#[tokio::test]
async fn a_401_gets_one_fresh_token() {
    let server = Server::start(with_tokens(|asked| {
        if asked.authorization.as_deref() == Some("Bearer t1") {
            fail(401, "AUTH-1")
        } else {
            ok(&users(&[1], &json!(null)))
        }
    }))
    .await;

    let ids = sweep(&connect(by_client(server.address)), Kind::User).await;

    assert_eq!(ids.unwrap(), [id(1)]);
    assert_eq!(tokens_asked(&server), 2);
}

#[tokio::test]
async fn a_second_401_is_believed() {
    let server = Server::start(with_tokens(|_| fail(401, "AUTH-1"))).await;

    let error = failure(&connect(by_client(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.not-accepted");
    assert_eq!(
        error.to_string(),
        "listing users: the credentials are not accepted \
         (HTTP 401, AUTH-1, \"No\", trace id 0f)"
    );
    assert_eq!((tokens_asked(&server), server.asked().len()), (2, 4));
}

#[tokio::test]
async fn a_key_that_is_not_accepted_has_no_second_try() {
    let server = Server::start(|_| fail(401, "AUTH-1")).await;

    let error = failure(&connect(by_key(server.address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.not-accepted");
    assert_eq!(server.asked().len(), 1);
    assert_eq!(
        server.asked()[0].authorization.as_deref(),
        Some("Bearer key")
    );
}

#[tokio::test]
async fn a_refused_token_names_its_cause_and_no_secret() {
    for (status, body, code) in [
        (
            401,
            json!({"errors": [{"code": "OAUTH-2", "title": "Invalid client secret"}]}),
            "qlik.wrong-secret",
        ),
        (
            400,
            json!({"errors": [{"code": "OAUTH-14", "title": "Invalid client_id"}]}),
            "qlik.unknown-client",
        ),
        (
            403,
            json!({"errors": [{"title": "Consent method is not trusted"}]}),
            "qlik.consent-not-trusted",
        ),
        (
            400,
            json!({"error": "unauthorized_client"}),
            "qlik.m2m-not-allowed",
        ),
        (404, json!("<html>"), "qlik.no-tenant"),
        (200, json!({"access_token": 5}), "qlik.unexpected-answer"),
        (
            200,
            json!({"access_token": "a\nb"}),
            "qlik.unexpected-answer",
        ),
        (
            200,
            json!({"access_token": "t", "token_type": "mac"}),
            "qlik.unexpected-answer",
        ),
    ] {
        let status = StatusCode::from_u16(status).unwrap();
        let server = Server::start(in_turn(vec![(status, Vec::new(), body.to_string())])).await;

        let error = failure(&connect(by_client(server.address)), Kind::User).await;

        assert_eq!(error.code(), code, "{body}");
        assert!(!error.is_transient() && !error.is_forbidden());
        assert_eq!(server.asked().len(), 1, "{body}");
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

// Failures that pass, and those that don't.

#[tokio::test(start_paused = true)]
async fn too_many_requests_close_the_gate_for_everybody() {
    let answers = vec![
        (
            StatusCode::TOO_MANY_REQUESTS,
            vec![("retry-after", "13".to_owned())],
            json!({"errors": [{"code": "HTTP-429", "title": "API rate limit reached."}]})
                .to_string(),
        ),
        ok(&users(&[1], &json!(null))),
    ];
    let server = Server::start(in_turn(answers)).await;
    let qlik = connect(by_key(server.address));
    let began = Instant::now();

    sweep(&qlik, Kind::User).await.unwrap();

    assert_eq!(began.elapsed().as_secs(), 13);
    let traffic = qlik.take_traffic();
    assert_eq!((traffic.requests, traffic.retries), (2, 1));
    assert_eq!(traffic.waited.as_secs(), 13);
}

#[tokio::test(start_paused = true)]
async fn failures_that_pass_are_tried_again_and_counted() {
    let html = "<!DOCTYPE html><html><body>Sign in</body></html>";
    let page = users(&[1], &json!(null)).to_string();
    for (status, body, code) in [
        (500, "oops", "qlik.unavailable"),
        (503, html, "qlik.unavailable"),
        (429, "", "qlik.rate-limited"),
        (200, html, "qlik.undecodable"),
        (200, "", "qlik.undecodable"),
        (200, &page[..page.len() / 2], "qlik.undecodable"),
        (200, "{\"data\": nope}", "qlik.undecodable"),
    ] {
        let bad = (
            StatusCode::from_u16(status).unwrap(),
            Vec::new(),
            body.to_owned(),
        );

        let server =
            Server::start(in_turn(vec![bad.clone(), ok(&users(&[1], &json!(null)))])).await;
        let ids = sweep(&connect(by_key(server.address)), Kind::User).await;
        assert_eq!(ids.unwrap(), [id(1)], "{status} {body}");

        let server = Server::start(in_turn(vec![bad])).await;
        let qlik = connect(by_key(server.address));
        let error = failure(&qlik, Kind::User).await;
        assert_eq!(error.code(), code, "{status} {body}");
        assert!(error.is_transient());
        assert_eq!(server.asked().len(), 6, "{status} {body}");
        assert_eq!(qlik.take_traffic().retries, 5);
    }
}

#[tokio::test]
async fn what_stays_is_not_tried_again() {
    for (status, code) in [
        (400, "qlik.rejected"),
        (403, "qlik.forbidden"),
        (404, "qlik.rejected"),
        (302, "qlik.redirected"),
    ] {
        let server = Server::start(move |_| fail(status, "X-1")).await;

        let error = failure(&connect(by_key(server.address)), Kind::Role).await;

        assert_eq!(error.code(), code);
        assert_eq!(error.is_forbidden(), status == 403);
        assert!(FetchError::CODES.contains(&error.code()) && !error.remedy().is_empty());
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_cut_is_asked_for_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let page = users(&[1], &json!(null)).to_string();
    spawn(async move {
        for (n, claimed) in [page.len() + 100, page.len()].into_iter().enumerate() {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 4096];
            let n_read = stream.read(&mut head).await.unwrap();
            assert!(n_read > 0, "request {n} says something");
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {claimed}\r\nconnection: close\r\n\r\n{page}"
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    let qlik = connect(by_key(address));

    assert_eq!(sweep(&qlik, Kind::User).await.unwrap(), [id(1)]);
    assert_eq!(qlik.take_traffic().retries, 1);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_nobody_listens_on_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);

    let error = failure(&connect(by_key(address)), Kind::User).await;

    assert_eq!(error.code(), "qlik.connection");
    assert_eq!(error.to_string(), "listing users: no connection");
}

#[tokio::test]
async fn a_listener_without_tls_is_told_from_one_that_is_not_there() {
    let server = Server::start(|_| fail(400, "X-1")).await;
    let host = TenantHost::parse(&format!("https://{}", server.address)).unwrap();
    let qlik = connect(Options::new(host, Credentials::ApiKey(Secret::new("key"))));

    let error = failure(&qlik, Kind::User).await;

    assert_eq!(error.code(), "qlik.tls", "{error:?}");
}

// The tenant, and single records.

fn tenant() -> Value {
    json!({"id": "T-1", "name": "Acme", "hostnames": ["a1.eu.qlikcloud.com", "acme.eu.qlikcloud.com"],
           "region": "eu-west-1", "status": "active", "created": "1970-01-01T00:00:00.001Z"})
}

#[tokio::test]
async fn the_tenants_redirect_is_followed_by_its_path_alone() {
    for location in [
        "/api/v1/tenants/T-1?x=1",
        "http://127.0.0.1/api/v1/tenants/T-1",
        "https://127.0.0.1/api/v1/tenants/T-1#here",
        "T-1",
    ] {
        let server = Server::start(move |asked| match asked.target.as_str() {
            "/api/v1/tenants/me" => (
                StatusCode::FOUND,
                vec![("location", location.to_owned())],
                String::new(),
            ),
            _ => ok(&tenant()),
        })
        .await;

        let tenant = connect(by_key(server.address)).identify().await.unwrap();

        assert_eq!(
            tenant,
            Tenant {
                id: TenantId("T-1".into()),
                name: "Acme".into(),
                hosts: vec!["a1.eu.qlikcloud.com".into(), "acme.eu.qlikcloud.com".into()],
                region: Some("eu-west-1".into()),
                status: Some("active".into()),
            }
        );
        assert_eq!(
            server.targets(),
            ["/api/v1/tenants/me", "/api/v1/tenants/T-1"]
        );
        let asked = server.asked();
        assert!(
            asked
                .iter()
                .all(|it| it.authorization.as_deref() == Some("Bearer key"))
        );
    }
}

#[tokio::test]
async fn a_redirect_to_another_host_never_gets_the_token() {
    let other = Server::start(|_| ok(&tenant())).await;
    for location in [
        format!("http://{}/api/v1/tenants/T-1", other.address),
        format!("//{}/api/v1/tenants/T-1", other.address),
        String::new(),
        "http://[".to_owned(),
    ] {
        let server = Server::start(move |_| {
            let location = vec![("location", location.clone())];
            (StatusCode::TEMPORARY_REDIRECT, location, String::new())
        })
        .await;
        for options in [by_key(server.address), by_client(server.address)] {
            let error = connect(options).identify().await.unwrap_err();

            assert_eq!(error.code(), "qlik.redirected");
        }
        assert_eq!(server.asked().len(), 2);
    }
    assert_eq!(other.asked().len(), 0);
}

#[tokio::test]
async fn a_redirect_in_circles_ends() {
    let server = Server::start(|_| {
        let location = vec![("location", "/api/v1/tenants/me".to_owned())];
        (StatusCode::FOUND, location, String::new())
    })
    .await;

    let error = connect(by_key(server.address))
        .identify()
        .await
        .unwrap_err();

    assert_eq!(
        error.to_string(),
        "reading the tenant: redirected in circles"
    );
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_told() {
    let server = Server::start(|_| (StatusCode::NOT_FOUND, Vec::new(), "<html>".to_owned())).await;

    let error = connect(by_key(server.address))
        .identify()
        .await
        .unwrap_err();

    assert_eq!(error.code(), "qlik.no-tenant");
}

#[tokio::test]
async fn one_record_is_there_or_gone_or_unknown() {
    let server = Server::start(|asked| match asked.target.as_str().rsplit('/').next() {
        Some(it) if it == id(1) => ok(&json!({"id": id(1), "subject": "s"})),
        Some(it) if it == id(2) => fail(404, "USERS-7"),
        Some(it) if it == id(3) => ok(&json!({"id": id(3), "status": "deleted"})),
        Some(it) if it == id(4) => (StatusCode::NOT_FOUND, Vec::new(), "<html>".to_owned()),
        Some(it) if it == id(5) => ok(&json!({"id": id(1), "status": "deleted"})),
        Some(it) if it == id(6) => (
            StatusCode::NOT_FOUND,
            Vec::new(),
            json!({"error": "Not found"}).to_string(),
        ),
        _ => fail(403, "USERS-1"),
    })
    .await;
    let qlik = connect(by_key(server.address));
    for (n, expected) in [
        (1, "there"),
        (2, "gone"),
        (3, "gone"),
        (4, "qlik.rejected"),
        (5, "held"),
        (6, "qlik.rejected"),
        (7, "qlik.forbidden"),
    ] {
        let told = match qlik.fetch(&record(Kind::User, n)).await {
            Ok(Some(Ok(_))) => "there",
            Ok(Some(Err(_))) => "held",
            Ok(None) => "gone",
            Err(error) => error.code(),
        };

        assert_eq!(told, expected, "{n}");
    }
    assert_eq!(server.targets()[0], format!("/api/v1/users/{}", id(1)));
}

#[tokio::test]
async fn everyone_is_looked_for_among_the_system_groups() {
    for listed in [true, false] {
        let server = Server::start(move |asked| {
            if !asked.target.contains("systemGroups") {
                return fail(404, "GROUPS-7");
            }
            let everyone = json!({"id": map::EVERYONE, "name": "com.qlik.Everyone"});
            let data: Vec<_> = listed.then_some(everyone).into_iter().collect();
            ok(&json!({"data": data}))
        })
        .await;

        let found = connect(by_key(server.address))
            .fetch(&record(Kind::Group, 1))
            .await;

        assert_eq!(found.unwrap().is_some(), listed);
    }
}

// The probe.

fn fair(asked: &Asked) -> Answer {
    match asked.target.split('?').next() {
        Some("/api/v1/tenants/me") => ok(&tenant()),
        Some("/api/v1/roles") => {
            ok(&json!({"data": [{"id": "r1", "name": "Steward"}], "totalResults": 1}))
        }
        Some("/api/v1/groups") => fail(403, "GROUPS-1"),
        _ => ok(&json!({
            "data": [{"id": id(1), "subject": "s"}, {"id": id(2), "subject": "s", "assignedRoles": []}],
            "totalResults": "12",
            "links": {"next": {"href": "?next=a"}},
        })),
    }
}

#[tokio::test]
async fn a_probe_tells_what_can_be_seen() {
    let server = Server::start(with_tokens(fair)).await;

    let probe = probe(by_client(server.address), Clock::system())
        .await
        .unwrap();

    assert!(probe.token.is_ok() && !probe.is_success());
    assert_eq!(probe.tenant.unwrap().unwrap().name, "Acme");
    let seen: Vec<_> = probe
        .collections
        .into_iter()
        .map(|(kind, seen)| (kind, seen.map_err(|error| error.code())))
        .collect();
    let visible = |total, sampled, without_roles| {
        Ok(Visible {
            total: Some(total),
            sampled,
            unreadable: 0,
            without_roles,
        })
    };
    assert_eq!(
        seen,
        [
            (Kind::Role, visible(1, 1, 0)),
            (Kind::Group, Err("qlik.forbidden")),
            (Kind::User, visible(12, 2, 1)),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_probe_stops_where_it_makes_no_sense_to_go_on() {
    let server = Server::start(|_| fail(503, "X-1")).await;

    let probe = probe(by_client(server.address), Clock::system())
        .await
        .unwrap();

    assert_eq!(probe.token.unwrap_err().code(), "qlik.unavailable");
    assert!(probe.tenant.is_none() && probe.collections.is_empty());
    assert_eq!(server.asked().len(), 2, "somebody waits for the answer");
}

mod organization;
