//! Holds what the daemon sends against the libraries of other languages: deliveries against
//! those that receive them, and what our keys sign against one that verifies it.
//!
//! Runs where `tests/run.sh` installed them, into `target/receivers`; elsewhere each test says
//! that it was left out, unless `QLIK_ROSTER_REQUIRE_FOREIGN=1` makes that a failure.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
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
    self, Egress, Endpoint, EventFilter, Flow, Format, Options, Privacy, Schedule, Selection,
    SigningSecret, Worker,
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

/// The new secret first, as during a change. The longest and the shortest there may be.
const SECRETS: [&str; 2] = [
    "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",
    "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
];

/// A secret that nothing was signed with.
const STRANGER: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Names that have to arrive byte by byte: other scripts, escapes, what JSON may write twofold.
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

/// Where the library is missing, the test is left out or has failed.
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
    let deliveries = deliveries().await;
    assert_eq!(deliveries.len(), NAMES.len() + 1);

    let mut lines = Vec::new();
    let mut expected = Vec::new();
    for delivery in &deliveries {
        for secret in SECRETS {
            lines.push(delivery.line(secret, &delivery.body));
            expected.push(true);
        }
        lines.push(delivery.line(STRANGER, &delivery.body));
        lines.push(delivery.line(SECRETS[0], &format!("{} ", delivery.body)));
        expected.extend([false, false]);
    }

    let answers = ask(verifier, &lines);

    assert_eq!(answers.len(), lines.len(), "{answers:#?}");
    for ((answer, line), accepted) in answers.iter().zip(&lines).zip(expected) {
        assert_eq!(answer == "ok", accepted, "{answer}: {line}");
        // Refused for its signature, and not for something that we did not mean to test.
        assert!(accepted || answer.contains("ignature"), "{answer}: {line}");
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

/// Lets a real connection ask for a token; returns what it signed, and whom it asked.
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

    let probe = qlik::probe(qlik::Options::new(host, credentials), Clock::system()).await;

    assert!(probe.unwrap().token.is_err());
    let asked = asked.lock().unwrap();
    let request: Value = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(request["client_secret"], Value::Null);
    let assertion = request["client_assertion"].as_str().unwrap();
    (assertion.to_owned(), format!("{url}/oauth/token"))
}

/// Gives a program lines and returns its lines.
fn ask(mut verifier: Command, lines: &[Value]) -> Vec<String> {
    let mut child = verifier
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // All of it is smaller than a pipe, so writing before reading cannot stall.
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

/// A request as a receiver took it.
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

/// Lets a real worker deliver real entries, and a trial event besides.
async fn deliveries() -> Vec<Delivery> {
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
        secrets: SECRETS
            .map(|text| SigningSecret::parse(&Secret::new(text)).unwrap())
            .into(),
        events: EventFilter::all(),
        selection: Selection::default(),
        privacy: Privacy::default(),
        format: Format::default(),
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
    let worker = Worker::open(&endpoint, store.clone(), clock.clone(), Metrics::default())
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
        id: TenantId("tenant-1".into()),
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

/// Where `tests/run.sh` installs the libraries.
fn receivers() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/receivers")
}

fn program(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/receivers")
        .join(name)
}
