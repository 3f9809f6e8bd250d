//! What is served is described at `/openapi.json` and `/docs`, and answers are as described.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use boon::{Compiler, Draft, Schemas};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Running, World};
use crate::unified::token;

/// The methods that the document may have.
const METHODS: [&str; 2] = ["get", "post"];

async fn document(running: &Running) -> Value {
    let answer = reqwest::get(running.url("/openapi.json")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["content-type"], "application/json");
    answer.json().await.unwrap()
}

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json")
}

/// Returns all operations, each with its path and its method.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let mut all = Vec::new();
    for (path, verbs) in document["paths"].as_object().unwrap() {
        for (verb, operation) in verbs.as_object().unwrap() {
            assert!(METHODS.contains(&&**verb), "{path} {verb}");
            all.push((&**path, &**verb, operation));
        }
    }
    all
}

/// Calls a function with each value within a value.
fn each<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(all) => all.iter().for_each(|one| each(one, visit)),
        Value::Object(fields) => fields.values().for_each(|one| each(one, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The document is kept beside the manual, so that every change of it is seen.
#[tokio::test]
async fn the_document_is_the_published_one() {
    let world = World::new().await;
    let running = world.start().await;
    let served = document(&running).await;
    running.stop().await;

    let text = format!("{}\n", serde_json::to_string_pretty(&served).unwrap());
    if std::env::var_os("QLIK_ROSTER_BLESS").is_some() {
        std::fs::write(file(), &text).unwrap();
    }
    let published = std::fs::read_to_string(file()).unwrap_or_default();
    assert!(
        text == published,
        "docs/openapi.json is not what is served: `QLIK_ROSTER_BLESS=1` writes it again"
    );
}

#[tokio::test]
async fn the_document_is_whole() {
    let world = World::new().await;
    let running = world.start().await;
    let served = document(&running).await;
    running.stop().await;

    let mut used = BTreeSet::new();
    each(&served, &mut |value| {
        if let Some(to) = value.get("$ref").and_then(Value::as_str) {
            let place = to.strip_prefix('#').unwrap();
            assert!(served.pointer(place).is_some(), "{to}");
            used.insert(place.to_owned());
        }
    });
    let mut defined = BTreeSet::new();
    for sort in ["schemas", "responses"] {
        let all = served["components"][sort].as_object().unwrap();
        defined.extend(all.keys().map(|name| format!("/components/{sort}/{name}")));
    }
    assert_eq!(used, defined, "what is referred to, and what exists");
    let mut ids = BTreeSet::new();
    for (path, verb, operation) in operations(&served) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id.to_owned()), "{id} twice");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{id}");
        let parameters = operation["parameters"].as_array();
        let parameters = parameters.into_iter().flatten();
        let in_path = parameters.clone().filter(|it| it["in"] == "path");
        let named: BTreeSet<&str> = in_path.map(|it| it["name"].as_str().unwrap()).collect();
        let parts = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
        assert_eq!(named, parts.collect(), "{verb} {path}");
        for parameter in parameters {
            let is_opaque = parameter["schema"]["format"]
                .as_str()
                .is_some_and(|it| it.ends_with("cursor"));
            let is_condition = parameter["name"].as_str().unwrap().starts_with("If-");
            let has_example = parameter.get("example").is_some();
            assert!(
                has_example || is_opaque || is_condition,
                "{id}: {parameter}"
            );
        }
        let is_open = operation["security"] == json!([]);
        assert_eq!(operation["responses"].get("401").is_none(), is_open, "{id}");
    }
}

/// Each operation of the document is answered by a route of ours, and each route is described.
#[tokio::test]
async fn the_document_has_the_routes_of_the_router() {
    let world = World::new().await;
    let running = world.start().await;
    let served = document(&running).await;
    let mut n_asked = 0;
    for (path, verb, _) in operations(&served) {
        let path: String = path
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect::<Vec<_>>()
            .join("/");
        let method = Method::from_bytes(verb.to_uppercase().as_bytes()).unwrap();
        let client = reqwest::Client::new();
        client
            .request(method, running.url(&path))
            .send()
            .await
            .unwrap();
        n_asked += 1;
    }
    let metrics = reqwest::get(running.url("/metrics"))
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    running.stop().await;

    let counted = metrics
        .lines()
        .filter(|line| line.starts_with("qlik_roster_http_requests_total{"));
    let mut n_counted = 0;
    for line in counted {
        let (labels, count) = line.rsplit_once(' ').unwrap();
        assert!(!labels.contains("route=\"unknown\""), "{line}");
        assert!(!labels.contains("status=\"405\""), "{line}");
        n_counted += count.parse::<u32>().unwrap();
    }
    // The document itself was asked for once more, and the metrics count themselves later.
    assert!(n_counted > n_asked, "{n_counted} of {n_asked}");
}

/// Makes a schema strict: objects have no field that it does not name.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            fields.values_mut().for_each(strict);
        }
        Value::Array(all) => all.iter_mut().for_each(strict),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Returns what is wrong with an answer, or `None` if it is as described.
fn flaw(document: &Value, at: &[&str], answer: &Value) -> Option<String> {
    let mut schemas = Schemas::new();
    let mut compiler = Compiler::new();
    compiler.set_default_draft(Draft::V2020_12);
    compiler.enable_format_assertions();
    compiler
        .add_resource("openapi.json", document.clone())
        .unwrap();
    let escaped = at
        .iter()
        .map(|part| part.replace('~', "~0").replace('/', "~1"));
    let place = escaped.map(|part| part.replace('{', "%7B").replace('}', "%7D"));
    let place = format!("openapi.json#/{}", place.collect::<Vec<_>>().join("/"));
    let index = compiler.compile(&place, &mut schemas).unwrap();
    let flaw = schemas.validate(answer, index).err();
    flaw.map(|flaw| format!("{flaw:#}"))
}

/// No answer has a field that the document does not have.
#[tokio::test]
async fn answers_are_as_described_and_nothing_more() {
    let world = crate::spaces::world(crate::spaces::clock(), 0).await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "admin"]).await;
    let mut described = document(&running).await;
    strict(&mut described);
    let client = reqwest::Client::new();
    let ask = async |path: &str| {
        let request = client.get(running.url(path)).bearer_auth(&token);
        let answer = request.header("x-account-id", "acme").send().await.unwrap();
        let status = answer.status().as_u16();
        let kind = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        (
            status,
            kind,
            answer.json::<Value>().await.unwrap_or_default(),
        )
    };
    let first = async |list: &str| {
        let (_, _, page) = ask(&format!("/unified/iam/{list}?page_size=1")).await;
        page["data"][0]["remote_id"]
            .as_str()
            .unwrap()
            .replace('/', "%2F")
    };
    let (user, role, group) = (
        first("users").await,
        first("roles").await,
        first("groups").await,
    );
    let policy = first("policies").await;
    let mut asked = vec![
        (
            "/unified/iam/users",
            "?expand=roles,groups,effective_roles&raw=true".to_owned(),
            200,
        ),
        ("/unified/iam/roles", String::new(), 200),
        ("/unified/iam/groups", "?expand=roles".to_owned(), 200),
        ("/unified/iam/policies", String::new(), 200),
        ("/unified/iam/users", "?page_size=x".to_owned(), 400),
        ("/accounts", String::new(), 200),
        ("/accounts/{id}", "acme".to_owned(), 200),
        ("/unified/iam/users/{id}", user.clone(), 200),
        ("/unified/iam/users/{id}", "none".to_owned(), 404),
        ("/unified/iam/roles/{id}", role, 200),
        ("/unified/iam/groups/{id}", group.clone(), 200),
        ("/unified/iam/policies/{id}", policy, 200),
        ("/events", "?limit=500".to_owned(), 200),
        ("/events", "?limit=500&format=cloudevents".to_owned(), 200),
        ("/events", "?after=9000000".to_owned(), 410),
        ("/reports", String::new(), 200),
        (
            "/reports/changes",
            "?from=2020-01-01T00:00:00Z".to_owned(),
            409,
        ),
        ("/scim/v2", "?count=500".to_owned(), 200),
        ("/scim/v2/Users", "?filter=wrong".to_owned(), 400),
        (
            "/scim/v2/tenants/{tenant}/Users/{id}",
            format!("{user}?attributes=inheritedRoles,groups"),
            200,
        ),
        ("/scim/v2/tenants/{tenant}/Groups/{id}", group, 200),
        ("/scim/v2/ServiceProviderConfig", String::new(), 200),
        ("/scim/v2/ResourceTypes", String::new(), 200),
        ("/scim/v2/Schemas", String::new(), 200),
    ];
    for report in [
        "users",
        "roles",
        "groups",
        "memberships",
        "access",
        "findings",
    ] {
        asked.push((
            &*Box::leak(format!("/reports/{report}").into_boxed_str()),
            String::new(),
            200,
        ));
    }
    for list in ["Users", "Groups", "Roles", "Entitlements"] {
        asked.push((
            &*Box::leak(format!("/scim/v2/{list}").into_boxed_str()),
            String::new(),
            200,
        ));
    }
    for (path, rest, expected) in asked {
        let sent = match path.contains("{id}") {
            true => path.replace("{tenant}", "acme").replace("{id}", &rest),
            false => format!("{path}{rest}"),
        };
        check(&described, path, &sent, expected, ask(&sent).await);
    }
    // Whoever holds what: all roles and all users.
    for (list, path) in [
        ("roles", "/unified/iam/roles/{id}/holders"),
        ("users", "/unified/iam/users/{id}/access"),
        ("groups", "/unified/iam/groups/{id}/members"),
    ] {
        let (_, _, page) = ask(&format!("/unified/iam/{list}?page_size=40")).await;
        for row in page["data"].as_array().unwrap() {
            let sent = path.replace("{id}", row["remote_id"].as_str().unwrap());
            check(&described, path, &sent, 200, ask(&sent).await);
        }
    }
    running.stop().await;
}

fn check(document: &Value, path: &str, sent: &str, expected: u16, got: (u16, String, Value)) {
    let (status, kind, body) = got;
    assert_eq!(status, expected, "{sent}: {body}");
    let kind = kind.split(';').next().unwrap();
    let status = status.to_string();
    let answer = &document["paths"][path]["get"]["responses"][&status];
    let mut at = vec!["paths", path, "get", "responses", &status];
    if let Some(shared) = answer["$ref"].as_str() {
        at = shared.split('/').skip(1).collect();
    }
    at.extend(["content", kind, "schema"]);
    if let Some(flaw) = flaw(document, &at, &body) {
        panic!("{sent}: {flaw}\n{body:#}");
    }
}

#[tokio::test]
async fn the_page_shows_everything_and_loads_nothing() {
    let world = World::new().await;
    let running = world.start().await;
    let served = document(&running).await;
    let answer = reqwest::get(running.url("/docs")).await.unwrap();
    let headers = answer.headers().clone();
    let page = answer.text().await.unwrap();
    running.stop().await;

    assert_eq!(headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    for (_, _, operation) in operations(&served) {
        let id = operation["operationId"].as_str().unwrap();
        assert!(page.contains(&format!("<h3 id=\"{id}\">")), "{id}");
        assert!(page.contains(&format!("<a href=\"#{id}\">")), "{id}");
    }
    for name in served["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.contains(&format!("id=\"schema-{name}\"")), "{name}");
    }
    let lower = page.to_lowercase();
    for loads in [
        "<script", "<img", "<link", "@import", "url(", "<iframe", " style=", "onclick",
    ] {
        assert!(!lower.contains(loads), "{loads}");
    }
    // Links lead to the page itself, or to the document.
    let ids: BTreeSet<&str> = page.split(" id=\"").skip(1).map(until_quote).collect();
    for to in page.split("href=\"").skip(1).map(until_quote) {
        let is_there = to.strip_prefix('#').is_some_and(|id| ids.contains(id));
        assert!(is_there || to == "/openapi.json", "{to}");
    }
    let n_ids = page.matches(" id=\"").count();
    assert_eq!(n_ids, ids.len(), "an id twice");
    // What is opened is closed.
    for tag in [
        "section", "article", "details", "dl", "dd", "dt", "ul", "li", "pre", "code", "p",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

fn until_quote(text: &str) -> &str {
    text.split('"').next().unwrap()
}

/// schemathesis makes requests from the document, valid ones and others, and compares each answer
/// with it.
#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_difference() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/receivers/python/bin/python");
    let is_there = || {
        let check = Command::new(&python)
            .args(["-c", "import schemathesis"])
            .output();
        check.is_ok_and(|output| output.status.success())
    };
    if !is_there() {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
        assert!(!required, "run `tests/run.sh`, which installs schemathesis");
        return;
    }
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "admin"]).await;
    let directory = world.tenant.directory();
    let users = directory.users().into_iter().take(3).map(|it| it.id.0);
    let roles = directory.roles().into_iter().take(2).map(|it| it.id.0);
    let groups = directory.groups().into_iter().take(2).map(|it| it.id.0);
    let ids: Vec<_> = users.chain(roles).chain(groups).collect();
    let mut program = Command::new(python);
    program
        .arg(root.join("tests/receivers/check_openapi.py"))
        .args([running.url(""), token, json!(ids).to_string()]);

    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.unwrap().unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{failed}");
    running.stop().await;
}
