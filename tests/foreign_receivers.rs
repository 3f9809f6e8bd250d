//! Tests what the daemon sends with libraries of other languages: deliveries with those that
//! receive them, and what our keys sign with one that verifies it.
//!
//! Runs where `tests/run.sh` has installed them, into `target/receivers`. Elsewhere each test says
//! that it was left out, or fails if `QLIK_ROSTER_REQUIRE_FOREIGN=1` is set.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a test fails where something is not as it should be"
)]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use qlik_roster::clock::Clock;
use qlik_roster::connector::qlik;
use qlik_roster::deliver::{
    self, Batching, Egress, Endpoint, EventFilter, EventSource, Feed, Flow, Format, Mode, Options,
    Privacy, Schedule, ScimSets, Selection, SetEvents, SetKey, SigningSecret, Worker,
};
use qlik_roster::model::{
    Account, Change, Coded, EndpointName, Fingerprint, Group, GroupId, GroupType, Id, Record,
    RunId, Tenant, TenantId, TenantName,
};
use qlik_roster::secret::Secret;
use qlik_roster::signal;
use qlik_roster::store::{Closing, Commit, Store, Write};
use qlik_roster::telemetry::Metrics;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The new secret comes first, as while a secret is replaced. One has the greatest length that is
/// allowed, the other the smallest.
const SECRETS: [&str; 2] = [
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
];

/// A secret that signed nothing.
const OTHER_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// An ed25519 key and its public half.
const PRIVATE_KEY: &str =
    "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";
const PUBLIC_KEY: &str = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";

/// The public half of a key that signed nothing.
const OTHER_KEY: &str = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

/// What deliveries are signed with, what accepts them, and what does not.
struct Keys {
    signing: [&'static str; 2],
    accepting: [&'static str; 2],
    refusing: [&'static str; 2],
}

/// Two secrets that both sides have.
const SHARED: Keys = Keys {
    signing: SECRETS,
    accepting: SECRETS,
    refusing: [OTHER_SECRET, OTHER_KEY],
};

/// The keys of an endpoint whose receiver moves from a secret to a key.
const MIXED: Keys = Keys {
    signing: [PRIVATE_KEY, SECRETS[1]],
    accepting: [PUBLIC_KEY, SECRETS[1]],
    refusing: [OTHER_SECRET, OTHER_KEY],
};

/// A tenant's id that no header can contain as it is.
const TENANT: &str = "a 100% \"ë\"";

/// Names that must arrive unchanged: other scripts, escapes, and what JSON can write in two ways.
const NAMES: [&str; 5] = [
    "Finance",
    "Zoë Ångström",
    "財務部 🏦",
    "quote \" slash / back \\ </script>",
    "tab\tline\nnull\u{0}\u{2028}",
];

#[tokio::test]
async fn the_python_library_accepts_what_we_send() {
    let receivers = receivers();
    let mut command = Command::new(receivers.join("python/bin/python"));
    command.arg(program("verify.py"));

    check(command, receivers.join("python/bin/python").exists()).await;
}

#[tokio::test]
async fn the_javascript_library_accepts_what_we_send() {
    let receivers = receivers();
    let mut command = Command::new("node");
    command.arg(program("verify.mjs")).arg(&receivers);

    let library = receivers.join("node_modules/standardwebhooks");
    check(command, library.exists()).await;
}

/// Returns whether a test can run; fails if the library is missing and required.
fn may_run(is_installed: bool) -> bool {
    if !is_installed {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
        assert!(!required, "run `tests/run.sh`, which installs the library");
        eprintln!("left out: the library is not installed; `tests/run.sh` does that");
    }
    is_installed
}

async fn check(verifier: Command, is_installed: bool) {
    if !may_run(is_installed) {
        return;
    }
    let mut lines = Vec::new();
    let mut expected = Vec::new();
    // The libraries expect a body of JSON. A token is not JSON, and has a signature of its own.
    for (keys, format) in [
        (SHARED, Format::Standard),
        (MIXED, Format::Standard),
        (SHARED, cloudevents(Mode::Binary)),
        (MIXED, cloudevents(Mode::Batch(Batching::default()))),
    ] {
        // A trial event also arrives, in a message of its own.
        let n_messages = match format.batching() {
            Some(_) => 1,
            None => NAMES.len(),
        };
        let deliveries = deliveries(keys.signing, format).await;
        assert_eq!(deliveries.len(), n_messages + 1);
        for delivery in &deliveries {
            for secret in keys.accepting {
                lines.push(delivery.line(secret, &delivery.body));
                lines.push(delivery.line(secret, &format!("{} ", delivery.body)));
                expected.extend([true, false]);
            }
            for secret in keys.refusing {
                lines.push(delivery.line(secret, &delivery.body));
                expected.push(false);
            }
        }
    }

    let answers = ask(verifier, &lines);

    assert_eq!(answers.len(), lines.len(), "{answers:#?}");
    for ((answer, line), accepted) in answers.iter().zip(&lines).zip(expected) {
        assert_eq!(answer == "ok", accepted, "{answer}: {line}");
        // The library must refuse it for its signature, and not for something that this test is not
        // about.
        assert!(accepted || answer.contains("ignature"), "{answer}: {line}");
    }
}

fn cloudevents(mode: Mode) -> Format {
    let source = EventSource::default();
    Format::CloudEvents { mode, source }
}

fn sets(pem: &str) -> Format {
    Format::ScimSet(Box::new(ScimSets {
        source: EventSource::default(),
        audience: "https://hr.example.com".into(),
        events: SetEvents::Full,
        key: SetKey::parse(&Secret::new(pem)).unwrap(),
    }))
}

#[tokio::test]
async fn the_cloudevents_sdk_reads_what_we_send() {
    let python = receivers().join("python/bin/python");
    if !may_run(python.exists()) {
        return;
    }
    for mode in [
        Mode::Structured,
        Mode::Binary,
        Mode::Batch(Batching::default()),
    ] {
        let deliveries = deliveries(SECRETS, cloudevents(mode)).await;
        let lines: Vec<_> = deliveries
            .iter()
            .map(|delivery| delivery.line("", &delivery.body))
            .collect();
        let mut command = Command::new(&python);
        command.arg(program("read_cloudevents.py"));

        let answers = ask(command, &lines);

        let mut events = Vec::new();
        for answer in &answers {
            let read = serde_json::from_str::<Vec<Value>>(answer);
            events.extend(read.unwrap_or_else(|_no_json| panic!("{mode:?}: {answer}")));
        }
        events.sort_by_key(|event| event["attributes"]["sequence"].to_string());
        // The trial, which has no place in the journal, comes last.
        assert_eq!(events.len(), NAMES.len() + 1, "{mode:?}");
        for (n, (event, name)) in (1..).zip(events.iter().zip(NAMES)) {
            let (attributes, data) = (&event["attributes"], &event["data"]);
            assert_eq!(data["record"]["name"], name, "{mode:?}");
            assert_eq!(data["account"]["id"], TENANT);
            for (attribute, expected) in [
                ("specversion", "1.0"),
                ("type", "group.created"),
                ("source", "/qlik-roster/tenants/a%20100%25%20%22%C3%AB%22"),
                ("subject", &format!("groups/{n:024x}")),
                ("sequence", &format!("{n:020}")),
                ("datacontenttype", "application/json"),
            ] {
                assert_eq!(attributes[attribute], expected, "{mode:?}");
            }
        }
        assert_eq!(events[NAMES.len()]["attributes"]["type"], "endpoint.test");
    }
}

#[tokio::test]
async fn the_python_jwt_library_accepts_our_event_tokens() {
    let python = receivers().join("python/bin/python");
    if !may_run(python.exists()) {
        return;
    }
    for pem in [
        include_str!("keys/ed25519.pem"),
        include_str!("keys/rsa.pem"),
    ] {
        let jwk = SetKey::parse(&Secret::new(pem)).unwrap().public();
        let deliveries = deliveries(SECRETS, sets(pem)).await;
        assert_eq!(deliveries.len(), NAMES.len() + 1);
        let line = |token: &str, audience: &str| {
            json!({
                "jwk": jwk, "token": token, "audience": audience, "issuer": "/qlik-roster",
            })
        };
        let mut lines: Vec<_> = deliveries
            .iter()
            .map(|delivery| line(&delivery.body, "https://hr.example.com"))
            .collect();
        lines.push(line(&deliveries[0].body, "https://elsewhere.example.com"));
        let mut command = Command::new(&python);
        command.arg(program("read_sets.py"));

        let answers = ask(command, &lines);

        let create = "urn:ietf:params:scim:event:prov:create:full";
        for (answer, delivery) in answers.iter().zip(&deliveries).take(NAMES.len()) {
            let claims: Value = serde_json::from_str(answer).unwrap_or_else(|_| panic!("{answer}"));
            assert_eq!(
                claims["jti"],
                delivery.headers["webhook-id"].to_str().unwrap()
            );
            let group = &claims["events"][create]["data"];
            assert!(NAMES.iter().any(|name| group["displayName"] == *name));
            assert_eq!(delivery.headers["content-type"], "application/secevent+jwt");
        }
        assert!(answers[NAMES.len()].contains("verification"));
        assert!(answers[NAMES.len() + 1].starts_with("failed: InvalidAudienceError"));
    }
}

#[tokio::test]
async fn the_python_jwt_library_accepts_what_our_keys_sign() {
    let python = receivers().join("python/bin/python");
    if !may_run(python.exists()) {
        return;
    }
    let mut lines = Vec::new();
    for (pem, jwk) in [
        (
            include_str!("keys/ec-sec1.pem"),
            include_str!("keys/ec.jwk.json"),
        ),
        (
            include_str!("keys/rsa-pkcs1.pem"),
            include_str!("keys/rsa.jwk.json"),
        ),
    ] {
        let jwk: Value = serde_json::from_str(jwk).unwrap();
        let (assertion, audience) = assertion(pem, jwk["kid"].as_str().unwrap()).await;
        let line = |audience: &str| {
            json!({
                "jwk": jwk, "assertion": assertion, "audience": audience, "client": "roster",
            })
        };
        lines.extend([line(&audience), line("http://elsewhere/oauth/token")]);
    }
    let mut command = Command::new(python);
    command.arg(program("verify_assertion.py"));

    let answers = ask(command, &lines);

    let expected = ["ok", "failed: InvalidAudienceError: Audience doesn't match"].repeat(2);
    assert_eq!(answers, expected);
}

/// Has a real connection ask for a token. Returns what it signed, and whom it asked.
async fn assertion(pem: &str, key_id: &str) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let take = |State(asked): State<Arc<Mutex<Vec<String>>>>, body: String| async move {
        asked.lock().unwrap().push(body);
        StatusCode::BAD_REQUEST
    };
    let app = axum::Router::new()
        .route("/oauth/token", post(take))
        .with_state(Arc::clone(&asked));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });
    let credentials = qlik::Credentials::PrivateKey {
        client_id: "roster".into(),
        key: qlik::SigningKey::parse(&Secret::new(pem), key_id).unwrap(),
    };
    let host = qlik::TenantHost::parse(&url).unwrap();

    let probing = qlik::Probing::new(qlik::Options::new(host, credentials), Clock::system());
    let probe = probing.unwrap().run().await;

    assert!(matches!(probe.token, Some(Err(_))));
    let asked = asked.lock().unwrap();
    let request: Value = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(request["client_secret"], Value::Null);
    let assertion = request["client_assertion"].as_str().unwrap();
    (assertion.to_owned(), format!("{url}/oauth/token"))
}

/// Passes lines to a program and returns the lines that it prints.
fn ask(mut verifier: Command, lines: &[Value]) -> Vec<String> {
    let mut child = verifier
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // All lines together fit into a pipe, so writing them before reading cannot block.
    let mut input = child.stdin.take().unwrap();
    for line in lines {
        writeln!(input, "{line}").unwrap();
    }
    drop(input);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{:?}", output.status);
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// A request as a receiver got it.
struct Delivery {
    headers: HeaderMap,
    body: String,
}

impl Delivery {
    fn line(&self, secret: &str, body: &str) -> Value {
        let headers: serde_json::Map<_, _> = self
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
            .collect();
        json!({ "secret": secret, "headers": headers, "body": body })
    }
}

/// Has a real worker deliver real entries, and a trial event as well.
async fn deliveries(signing: [&str; 2], format: Format) -> Vec<Delivery> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let taken: Arc<Mutex<Vec<Delivery>>> = Arc::default();
    let app = axum::Router::new()
        .route("/hook", post(take))
        .with_state(Arc::clone(&taken));
    let mut server = JoinSet::new();
    server.spawn(async move { axum::serve(listener, app).await.unwrap() });

    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    // The libraries refuse what is older than five minutes.
    let clock = Clock::system();
    let endpoint = Endpoint::new(Options {
        name: EndpointName("foreign".into()),
        url: format!("http://{address}/hook").parse().unwrap(),
        secrets: signing
            .map(|text| SigningSecret::parse(&Secret::new(text)).unwrap())
            .into(),
        events: EventFilter::all(),
        selection: Selection::default(),
        privacy: Privacy::default(),
        format,
        egress: Egress {
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            allow_http: true,
            ..Egress::default()
        },
        timeout: deliver::DEFAULT_TIMEOUT,
        schedule: Schedule::standard(),
        flow: Flow::default(),
    })
    .unwrap();
    let worker = Worker::open(
        &endpoint,
        &Feed::new(store.clone()),
        clock.clone(),
        Metrics::default(),
    )
    .await
    .unwrap();
    create_groups(&store, &clock);

    let (_trigger, shutdown) = signal::shutdown();
    worker.drain(shutdown).await.unwrap();
    let trial = deliver::test(&endpoint, &clock).await.unwrap();

    assert!(trial.failure().is_none());
    std::mem::take(&mut *taken.lock().unwrap())
}

async fn take(
    State(taken): State<Arc<Mutex<Vec<Delivery>>>>,
    headers: HeaderMap,
    body: String,
) -> StatusCode {
    taken.lock().unwrap().push(Delivery { headers, body });
    StatusCode::NO_CONTENT
}

fn create_groups(store: &Store, clock: &Clock) {
    let tenant = Tenant {
        id: TenantId(TENANT.into()),
        name: "Acme".into(),
        hosts: Vec::new(),
        region: Some("eu".into()),
        status: None,
    };
    let known = store
        .adopt(&tenant, &TenantName("acme".into()), clock.now())
        .unwrap();
    let writes = NAMES.iter().zip(1..).map(|(name, n)| Write::Change {
        change: Change::Created {
            after: Record::Group(Group {
                id: GroupId(Id::parse(&format!("{n:024x}")).unwrap()),
                name: (*name).into(),
                description: None,
                group_type: Coded::new(GroupType::Group, "idp"),
                status: None,
                idp_id: None,
                roles: None,
                created_at: None,
                updated_at: None,
            }),
            replaces: None,
        },
        fingerprint: Fingerprint([n; 16]),
        raw: "{}".into(),
        reported: None,
    });
    store
        .commit(Commit {
            tenant: known.no,
            run: RunId(1),
            at: clock.now(),
            account: Account {
                tenant: tenant.id.clone(),
                name: tenant.name.clone(),
                region: tenant.region.clone(),
            },
            writes: writes.collect(),
            closing: Closing::Nothing,
        })
        .unwrap();
}

/// Returns where `tests/run.sh` installs the libraries.
fn receivers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/receivers")
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/receivers")
        .join(name)
}
