//! Traces are sent as the standard variables say, and contain nothing secret and nobody's name.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use qlik_roster::demo::tenant::Edit;
use qlik_roster::http_client;
use qlik_roster::lock::lock;
use reqwest::Client;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::{SECRET, World, within};
use crate::unified::token;

/// A trace that a client has begun, and its span.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "b7ad6b7169203331";

/// Takes whatever is posted to it: spans, and events.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<Posted>>>);

struct Posted {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Collector {
    async fn start() -> (Self, SocketAddr) {
        let collector = Self::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let routes = Router::new().fallback(take).with_state(collector.clone());
        tokio::task::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        (collector, address)
    }

    /// Calls a function with each request for spans. Returns what it returns.
    fn each<T>(&self, read: impl Fn(&Posted) -> T) -> Vec<T> {
        let posted = lock(&self.0);
        let spans = posted.iter().filter(|it| it.path.ends_with("/v1/traces"));
        spans.map(read).collect()
    }

    /// Returns all spans.
    fn spans(&self) -> Vec<Value> {
        let bodies = self.each(|posted| serde_json::from_slice::<Value>(&posted.body).unwrap());
        let mut spans = Vec::new();
        for body in &bodies {
            for resource in body["resourceSpans"].as_array().unwrap() {
                for scope in resource["scopeSpans"].as_array().unwrap() {
                    assert_eq!(scope["scope"]["name"], "qlik-roster");
                    spans.extend(scope["spans"].as_array().unwrap().iter().cloned());
                }
            }
        }
        spans
    }
}

async fn take(
    State(collector): State<Collector>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    let path = uri.path().to_owned();
    lock(&collector.0).push(Posted {
        path,
        headers,
        body,
    });
    (StatusCode::OK, "{}")
}

/// A daemon with variables, and what it has logged.
struct Daemon {
    child: Child,
    log: BufReader<ChildStderr>,
    said: String,
}

impl Daemon {
    fn start(world: &World, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
            .arg("--config")
            .arg(world.config_path())
            .arg("serve")
            .env_clear()
            .envs(variables.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            log,
            said: String::new(),
        }
    }

    /// Waits until it listens. Returns the address.
    fn listens(&mut self) -> String {
        loop {
            let begin = self.said.len();
            assert!(
                self.log.read_line(&mut self.said).unwrap() > 0,
                "{}",
                self.said
            );
            if let Some((_, rest)) = self.said[begin..].split_once("listening on ") {
                let address = rest.split_whitespace().next().unwrap();
                return address.to_owned();
            }
        }
    }

    /// Ends it. Returns all that it has logged.
    fn end(mut self) -> String {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM).unwrap();
        self.log.read_to_string(&mut self.said).unwrap();
        assert!(self.child.wait().unwrap().success(), "{}", self.said);
        std::mem::take(&mut self.said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A world whose endpoint is the collector, at an address that is a secret.
async fn world(collector: SocketAddr) -> World {
    let world = World::new().await;
    let address = format!("http://{collector}/hooks/hunter2?sig=eeee44");
    let config = world.standard_config();
    let config = config.replace(&world.receiver.url(), &address);
    world.write_config(&config.replace("level = \"off\"", "level = \"info\""));
    world
}

fn client() -> Client {
    http_client::build(&http_client::Options::default()).unwrap()
}

fn attribute(of: &Value, key: &str) -> Value {
    let all = of["attributes"].as_array().unwrap();
    let found = all.iter().find(|it| it["key"] == key);
    found.map_or(Value::Null, |it| match &it["value"]["intValue"] {
        Value::Null => it["value"]["stringValue"].clone(),
        // By the standard, it is a text.
        Value::String(number) => json!(number.parse::<i64>().unwrap()),
        number => number.clone(),
    })
}

fn keys(of: &Value) -> BTreeSet<&str> {
    let all = of["attributes"].as_array().unwrap();
    all.iter().map(|it| it["key"].as_str().unwrap()).collect()
}

fn named<'a>(spans: &'a [Value], name: &str) -> Vec<&'a Value> {
    spans.iter().filter(|span| span["name"] == name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_requests_and_deliveries_are_traced() {
    let (collector, address) = Collector::start().await;
    let world = world(address).await;
    let endpoint = format!("http://{address}/base/");
    let mut daemon = Daemon::start(
        &world,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a%20b"),
            ("OTEL_SERVICE_NAME", "iam"),
            ("OTEL_RESOURCE_ATTRIBUTES", "service.name=x,where=a%2Cb"),
        ],
    );
    let listens = daemon.listens();
    let token = token(&world, &["--scope", "read"]).await;
    world.command(&["sync"]).await;
    let user = world.tenant.directory().users()[7].clone();
    let renamed = Edit::Name("Maria Silva".to_owned());
    world
        .tenant
        .directory()
        .update_user(&user.id, renamed)
        .unwrap();
    let (exit, _, said) = world.command(&["sync"]).await;
    assert_eq!(exit, 0, "{said}");
    let delivered = || {
        lock(&collector.0)
            .iter()
            .any(|it| it.path.starts_with("/hooks"))
    };
    within("the event is delivered", || async { delivered() }).await;
    let client = client();
    for (path, traced) in [
        ("/livez", ""),
        ("/unified/iam/users/maria@acme.example", TRACE),
    ] {
        let request = client.get(format!("{listens}{path}")).bearer_auth(&token);
        let mut request = request.header("x-account-id", "acme");
        if !traced.is_empty() {
            request = request.header("traceparent", format!("00-{traced}-{PARENT}-01"));
        }
        request.send().await.unwrap();
    }

    // What was recorded a moment ago is sent before it ends.
    let said = daemon.end();

    assert!(
        said.contains("Traces are sent to http://127.0.0.1:"),
        "{said}"
    );
    collector.each(|posted| {
        assert_eq!(posted.path, "/base/v1/traces");
        assert_eq!(posted.headers["content-type"], "application/json");
        assert_eq!(posted.headers["x-key"], "a b");
        let body: Value = serde_json::from_slice(&posted.body).unwrap();
        let resource = &body["resourceSpans"][0]["resource"];
        assert_eq!(attribute(resource, "service.name"), "iam");
        assert_eq!(attribute(resource, "where"), "a,b");
        assert_eq!(
            attribute(resource, "service.version"),
            env!("CARGO_PKG_VERSION")
        );
    });
    let spans = collector.spans();
    requests_are_spans_of_the_client(&spans);
    runs_have_their_requests(&spans, &world);
    deliveries_are_spans(&spans, &collector, address);
    let written = collector.each(|posted| String::from_utf8_lossy(&posted.body).into_owned());
    let written = written.concat();
    let secret = world.tenant.client_secret();
    for hidden in [
        secret.expose(),
        SECRET,
        &token,
        "hunter2",
        "eeee44",
        "maria",
        "Maria",
        &user.id.to_string(),
        user.email.as_deref().unwrap(),
    ] {
        assert!(!written.contains(hidden), "{hidden}");
    }
}

fn requests_are_spans_of_the_client(spans: &[Value]) {
    let [asked] = named(spans, "GET /unified/iam/{list}/{id}")[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(asked["kind"], 2);
    assert_eq!(
        (&asked["traceId"], &asked["parentSpanId"]),
        (&json!(TRACE), &json!(PARENT))
    );
    for (key, expected) in [
        ("http.request.method", json!("GET")),
        ("http.route", json!("/unified/iam/{list}/{id}")),
        ("url.scheme", json!("http")),
        ("http.response.status_code", json!(404)),
    ] {
        assert_eq!(attribute(asked, key), expected, "{key}");
    }
    // Whose fault a 404 is, is for the client to say.
    assert_eq!(keys(asked).len(), 4);
    let [probe] = named(spans, "GET /livez")[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(probe["parentSpanId"].as_str().unwrap_or_default(), "");
    assert_ne!(probe["traceId"], TRACE);
}

fn runs_have_their_requests(spans: &[Value], world: &World) {
    let runs = named(spans, "run command");
    assert_eq!(runs.len(), 2);
    assert_eq!(named(spans, "run start").len(), 1);
    let tenant: reqwest::Url = world.tenant.url().parse().unwrap();
    for run in runs {
        assert_eq!(run["kind"], 1);
        assert_eq!(run["parentSpanId"].as_str().unwrap_or_default(), "");
        assert_eq!(attribute(run, "qlik_roster.tenant"), "acme");
        assert_eq!(attribute(run, "qlik_roster.run.trigger"), "command");
        assert_eq!(attribute(run, "qlik_roster.run.mode"), "commit");
        assert_eq!(attribute(run, "qlik_roster.run.outcome"), "succeeded");
        let id = attribute(run, "qlik_roster.run.id");
        assert!(id.as_str().unwrap().starts_with("run-"), "{id}");
        let within = spans
            .iter()
            .filter(|it| it["parentSpanId"] == run["spanId"]);
        let within: Vec<_> = within.collect();
        let doing: BTreeSet<_> = within
            .iter()
            .map(|it| attribute(it, "qlik_roster.request").to_string())
            .collect();
        // Users, roles, groups and who the tenant is, at least.
        assert!(doing.len() >= 4, "{doing:?}");
        for request in within {
            assert_eq!(
                (&request["kind"], &request["name"]),
                (&json!(3), &json!("GET"))
            );
            assert_eq!(request["traceId"], run["traceId"]);
            assert_eq!(attribute(request, "server.address"), "127.0.0.1");
            assert_eq!(
                attribute(request, "server.port"),
                json!(tenant.port().unwrap())
            );
            // Who the tenant is, is answered with a redirect.
            let status = attribute(request, "http.response.status_code");
            assert!([json!(200), json!(302)].contains(&status), "{status}");
            assert_eq!(attribute(request, "qlik_roster.tenant"), "acme");
            assert_eq!(keys(request).len(), 7, "{request}");
        }
    }
}

fn deliveries_are_spans(spans: &[Value], collector: &Collector, address: SocketAddr) {
    let to_us = |span: &&&Value| attribute(span, "qlik_roster.endpoint") == "hr";
    let posts = named(spans, "POST");
    let [post] = posts.iter().filter(to_us).collect::<Vec<_>>()[..] else {
        panic!("{posts:#?}");
    };
    assert_eq!(post["kind"], 3);
    assert_eq!(attribute(post, "server.port"), json!(address.port()));
    assert_eq!(attribute(post, "http.response.status_code"), 200);
    assert_eq!(keys(post).len(), 6, "{post}");
    // The receiver can continue the trace.
    let posted = lock(&collector.0);
    let event = posted
        .iter()
        .find(|it| it.path.starts_with("/hooks"))
        .unwrap();
    let (trace, span) = (
        post["traceId"].as_str().unwrap(),
        post["spanId"].as_str().unwrap(),
    );
    assert_eq!(
        event.headers["traceparent"],
        format!("00-{trace}-{span}-01")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn readings_of_spaces_and_of_the_licence_are_runs_with_their_requests() {
    let (collector, address) = Collector::start().await;
    let world = world(address).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!(
        "[access]\nspaces = true\nlicences = true\n{config}"
    ));
    let mut daemon = Daemon::start(
        &world,
        &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &format!("http://{address}")),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ],
    );
    daemon.listens();
    let are_read = || {
        let spans = collector.spans();
        let is_read = |name| !named(&spans, name).is_empty();
        is_read("run spaces") && is_read("run licence")
    };
    within("both are read", || async { are_read() }).await;
    daemon.end();

    let spans = collector.spans();
    for (name, requests) in [("run spaces", 2), ("run licence", 2)] {
        let run = named(&spans, name)[0];
        assert_eq!(attribute(run, "qlik_roster.run.outcome"), "succeeded");
        let within = spans
            .iter()
            .filter(|it| it["parentSpanId"] == run["spanId"]);
        assert!(within.count() >= requests, "{name}: {spans:#?}");
    }
    // No request is a trace of its own.
    let alone = spans.iter().filter(|it| {
        let parent = it["parentSpanId"].as_str().unwrap_or_default();
        parent.is_empty() && !attribute(it, "qlik_roster.request").is_null()
    });
    let alone: BTreeSet<_> = alone
        .map(|it| attribute(it, "qlik_roster.request").to_string())
        .collect();
    assert!(
        alone
            .iter()
            .all(|it| !it.contains("space") && !it.contains("licence")),
        "{alone:?}"
    );
}

/// The daemon runs whatever the variables say, and says what is wrong with them.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_variables_say_the_daemon_runs() {
    let (collector, address) = Collector::start().await;
    let world = world(address).await;
    let endpoint = format!("http://{address}/v1/traces");
    let endpoint = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint.as_str());
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let refused = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let refused = ("OTEL_EXPORTER_OTLP_ENDPOINT", refused.as_str());
    for (variables, expected, is_sent) in [
        (vec![], "", false),
        (vec![endpoint], "Traces are sent to", true),
        (vec![endpoint, ("OTEL_SDK_DISABLED", "true")], "", false),
        (
            vec![endpoint, ("OTEL_TRACES_SAMPLER", "always_off")],
            "Traces are sent",
            false,
        ),
        (
            vec![endpoint, ("OTEL_TRACES_SAMPLER", "xray")],
            "[traces.no-effect]",
            true,
        ),
        (
            vec![endpoint, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")],
            "[traces.unusable]",
            false,
        ),
        (
            vec![endpoint, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nothing.pem")],
            "[traces.unusable]",
            false,
        ),
        (vec![refused], "traces.not-sent", false),
    ] {
        lock(&collector.0).clear();
        let mut daemon = Daemon::start(&world, &variables);
        let listens = daemon.listens();
        let probe = client()
            .get(format!("{listens}/livez"))
            .send()
            .await
            .unwrap();
        assert!(probe.status().is_success());
        let began = Instant::now();
        let said = daemon.end();
        assert!(began.elapsed() < Duration::from_secs(20), "{variables:?}");
        assert!(said.contains(expected), "{variables:?}: {said}");
        if expected.is_empty() {
            assert!(
                !said.to_lowercase().contains("trace"),
                "{variables:?}: {said}"
            );
        }
        let kinds = collector.each(|posted| posted.headers["content-type"].clone());
        assert_eq!(!kinds.is_empty(), is_sent, "{variables:?}");
        assert!(kinds.iter().all(|kind| kind == "application/x-protobuf"));
    }
}
