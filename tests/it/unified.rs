//! Programs read what is known over HTTP, each with a token.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::EmulatedTenant;
use qlik_roster::demo::tenant::{Edit, NewUser, RateLimits, TenantOptions};
use qlik_roster::model::{Id, Timestamp, UserId};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::{Running, World};

/// An answer: its status, its headers and its body.
pub struct Answer {
    pub status: StatusCode,
    headers: reqwest::header::HeaderMap,
    pub body: Value,
}

/// Requests a path with a token, for a tenant.
pub async fn get(running: &Running, token: &str, account: &str, path: &str) -> Answer {
    let request = reqwest::Client::new()
        .get(running.url(path))
        .bearer_auth(token)
        .header("x-account-id", account);
    answer(request).await
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let text = response.text().await.unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    Answer {
        status,
        headers,
        body,
    }
}

/// Makes a token with the command line.
pub async fn token(world: &World, args: &[&str]) -> String {
    let args = [&["token", "create", "a report"], args].concat();
    let (exit, out, said) = world.command(&args).await;
    assert_eq!(exit, 0, "{said}");
    out.trim().to_owned()
}

/// Reads all pages of a list. Returns the rows, and how many pages there were.
pub async fn all(running: &Running, token: &str, path: &str) -> (Vec<Value>, usize) {
    let (mut rows, mut next, mut n_pages) = (Vec::new(), String::new(), 0);
    loop {
        let join = if path.contains('?') { '&' } else { '?' };
        let page = get(running, token, "acme", &format!("{path}{join}next={next}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        rows.extend(page.body["data"].as_array().unwrap().iter().cloned());
        n_pages += 1;
        match page.body["next"].as_str() {
            Some(cursor) => cursor.clone_into(&mut next),
            None => return (rows, n_pages),
        }
    }
}

pub fn user_id(id: &str) -> UserId {
    UserId(Id::parse(id).unwrap())
}

pub fn ids(rows: &[Value]) -> BTreeSet<String> {
    let ids = rows.iter().map(|row| row["remote_id"].as_str().unwrap());
    let ids: BTreeSet<String> = ids.map(str::to_owned).collect();
    assert_eq!(ids.len(), rows.len(), "a record is listed twice");
    ids
}

#[tokio::test]
async fn all_records_are_listed_page_by_page() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;

    for (list, size) in [
        ("users", 100),
        ("roles", 7),
        ("groups", 25),
        ("policies", 3),
    ] {
        let path = format!("/unified/iam/{list}?page_size={size}");
        let (rows, n_pages) = all(&running, &token, &path).await;
        let whole = format!("/unified/iam/{list}?page_size=500");
        let (at_once, _) = all(&running, &token, &whole).await;
        assert_eq!(ids(&rows), ids(&at_once), "{list}");
        assert!(n_pages >= rows.len().div_ceil(size), "{list}");
        assert!(!rows.is_empty());
        // Each is also found by both of its ids.
        for id in ["id", "remote_id"] {
            let id = rows[0][id].as_str().unwrap().replace('/', "%2F");
            let one = get(
                &running,
                &token,
                "acme",
                &format!("/unified/iam/{list}/{id}"),
            )
            .await;
            assert_eq!(one.status, StatusCode::OK, "{}", one.body);
            assert_eq!(one.body["data"], rows[0], "{list} {id}");
        }
    }
    let users = world.tenant.directory().n_users();
    let (rows, _) = all(&running, &token, "/unified/iam/users").await;
    assert_eq!(rows.len(), users);
    running.stop().await;
}

#[tokio::test]
async fn records_that_change_between_two_pages_move_nobody() {
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let (before, _) = all(&running, &token, "/unified/iam/users").await;
    let before = ids(&before);
    let path = "/unified/iam/users?page_size=40";
    let first = get(&running, &token, "acme", path).await;
    let mut seen = first.body["data"].as_array().unwrap().clone();

    // A user of the first page is deleted, and others are created.
    let gone = seen[3]["remote_id"].as_str().unwrap().to_owned();
    world
        .tenant
        .directory()
        .delete_user(&user_id(&gone))
        .unwrap();
    for number in 0..3 {
        let user = NewUser::named(&format!("Newcomer {number}"));
        world.tenant.directory().create_user(user).unwrap();
    }
    running.sync().await;

    let next = first.body["next"].as_str().unwrap();
    let (rest, _) = all_from(&running, &token, path, next).await;
    seen.extend(rest);
    let seen = ids(&seen);
    assert!(
        before.is_subset(&seen),
        "what was there all the time is listed"
    );
    running.stop().await;
}

/// A page of policies may end between those of a role, and the role be gone by then.
#[tokio::test]
async fn a_role_that_goes_between_two_pages_takes_no_policy_of_another_with_it() {
    let world = World::of_several_pages().await;
    world.let_all_go();
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let role_of = |row: &Value| {
        let id = row["remote_id"].as_str().unwrap();
        id.split_once('/').unwrap().0.to_owned()
    };
    let custom = world.tenant.directory().create_role("Soon gone");
    world.tenant.directory().create_role("Stays");
    running.sync().await;
    let (all_of_them, _) = all(&running, &token, "/unified/iam/policies").await;
    let n_its = all_of_them
        .iter()
        .filter(|row| role_of(row) == custom.0.to_string())
        .count();
    assert_eq!(n_its, 2);
    // A page that ends with the first policy of this role.
    let place = all_of_them
        .iter()
        .position(|row| role_of(row) == custom.0.to_string());
    let size = place.unwrap() + 1;
    let path = format!("/unified/iam/policies?page_size={size}");
    let first = get(&running, &token, "acme", &path).await;
    let mut seen = first.body["data"].as_array().unwrap().clone();

    world.tenant.directory().delete_role(&custom).unwrap();
    running.sync().await;

    let next = first.body["next"].as_str().unwrap();
    let (rest, _) = all_from(&running, &token, &path, next).await;
    seen.extend(rest);
    let stays = all_of_them
        .into_iter()
        .filter(|row| role_of(row) != custom.0.to_string());
    let stays: Vec<Value> = stays.collect();
    assert!(ids(&stays).is_subset(&ids(&seen)));
    running.stop().await;
}

async fn all_from(running: &Running, token: &str, path: &str, cursor: &str) -> (Vec<Value>, usize) {
    let mut rows = Vec::new();
    let mut next = cursor.to_owned();
    for n_pages in 1.. {
        let page = get(running, token, "acme", &format!("{path}&next={next}")).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        rows.extend(page.body["data"].as_array().unwrap().iter().cloned());
        match page.body["next"].as_str() {
            Some(cursor) => cursor.clone_into(&mut next),
            None => return (rows, n_pages),
        }
    }
    unreachable!("pages end")
}

#[tokio::test]
async fn only_what_is_wanted_is_sent_and_in_full_where_it_is_wanted() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let (users, _) = all(&running, &token, "/unified/iam/users").await;
    let user = users
        .iter()
        .find(|user| {
            let has = |list: &str| user[list].as_array().is_some_and(|list| !list.is_empty());
            has("roles") && has("groups")
        })
        .unwrap();
    assert_eq!(user["roles"][0]["type"], Value::Null);
    assert_eq!(user["tenant"]["name"], "acme");
    let id = user["remote_id"].as_str().unwrap();
    let path = format!("/unified/iam/users/{id}");

    let expanded = get(
        &running,
        &token,
        "acme",
        &format!("{path}?expand=roles,groups"),
    )
    .await;
    let role = &expanded.body["data"]["roles"][0];
    let role_id = role["remote_id"].as_str().unwrap();
    let whole = get(
        &running,
        &token,
        "acme",
        &format!("/unified/iam/roles/{role_id}"),
    )
    .await;
    let mut whole = whole.body["data"].clone();
    whole.as_object_mut().unwrap().remove("tenant");
    assert_eq!(*role, whole);
    assert_ne!(expanded.body["data"]["groups"][0]["type"], Value::Null);

    let some = get(
        &running,
        &token,
        "acme",
        &format!("{path}?fields=remote_id,name"),
    )
    .await;
    let expected = json!({ "remote_id": id, "name": user["name"] });
    assert_eq!(some.body["data"], expected);
    assert_eq!(some.body["raw"], Value::Null);

    let raw = get(&running, &token, "acme", &format!("{path}?raw=true")).await;
    let raw = &raw.body["raw"][0];
    assert_eq!(
        (&raw["method"], &raw["response"]["id"]),
        (&json!("GET"), &json!(id))
    );
    assert!(
        raw["url"]
            .as_str()
            .unwrap()
            .ends_with(&format!("/api/v1/users/{id}"))
    );
    running.stop().await;
}

#[tokio::test]
async fn whoever_asks_again_since_the_last_time_misses_nothing() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let (users, _) = all(&running, &token, "/unified/iam/users").await;
    let since = world.clock.now();
    let path = format!("/unified/iam/users?filter[updated_after]={since}");
    let (none, _) = all(&running, &token, &path).await;
    assert_eq!(none, Vec::<Value>::new());

    let id = users[5]["remote_id"].as_str().unwrap();
    let edit = Edit::Name("Renamed".into());
    world
        .tenant
        .directory()
        .update_user(&user_id(id), edit)
        .unwrap();
    running.sync().await;

    let (changed, _) = all(&running, &token, &path).await;
    assert_eq!(ids(&changed), [id.to_owned()].into());
    let (early, _) = all(
        &running,
        &token,
        "/unified/iam/users?filter[updated_after]=2000-01-01T00:00:00Z",
    )
    .await;
    assert_eq!(early.len(), users.len());
    running.stop().await;
}

#[tokio::test]
async fn what_cannot_be_followed_is_refused_with_the_reason() {
    let world = World::new().await;
    let running = world.start().await;
    let read = token(&world, &["--scope", "read"]).await;
    let scim = token(&world, &["--scope", "scim"]).await;
    let users = "/unified/iam/users";

    for (token, account, path, status, said) in [
        ("qlr_none", "acme", users, 401, "does not exist"),
        (&*scim, "acme", users, 403, "scope `read`"),
        (&read, "nobody", users, 404, "`nobody`"),
        (&read, "", users, 400, "x-account-id"),
        (
            &read,
            "acme",
            "/unified/iam/users?next=x",
            400,
            "not a cursor",
        ),
        (
            &read,
            "acme",
            "/unified/iam/users?page_size=x",
            400,
            "page_size",
        ),
        (&read, "acme", "/unified/iam/users?proxy[a]=b", 400, "proxy"),
        (&read, "acme", "/unified/iam/users/none", 404, "no user"),
        (
            &read,
            "acme",
            "/unified/iam/policies/none",
            404,
            "no policy",
        ),
        (
            &read,
            "acme",
            "/unified/iam/organizations",
            501,
            "organizations",
        ),
        (&read, "acme", "/unified/hris/employees", 501, "not offered"),
    ] {
        let answer = get(&running, token, account, path).await;
        assert_eq!(answer.status.as_u16(), status, "{path}: {}", answer.body);
        assert_eq!(answer.body["statusCode"], status, "{path}");
        let message = answer.body["message"].as_str().unwrap();
        assert!(message.contains(said), "{path}: {message}");
        assert!(answer.body["timestamp"].is_string(), "{path}");
    }
    let url = running.url(&format!("{users}/x"));
    for method in [reqwest::Method::PATCH, reqwest::Method::DELETE] {
        let client = reqwest::Client::new();
        let request = client.request(method, &url).bearer_auth(&read);
        assert_eq!(answer(request).await.status, StatusCode::NOT_IMPLEMENTED);
    }
    let nobody = answer(reqwest::Client::new().get(&url)).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert!(nobody.headers.contains_key("www-authenticate"));
    running.stop().await;
}

#[tokio::test]
async fn a_token_is_the_user_name_too_and_ends_when_it_is_revoked() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read", "--tenant", "acme"]).await;
    let url = running.url("/unified/iam/roles");
    let basic = || {
        let request = reqwest::Client::new().get(&url);
        request
            .basic_auth(&token, Some(""))
            .header("x-account-id", "*")
    };
    assert_eq!(answer(basic()).await.status, StatusCode::OK);
    let (_, listed, _) = world.command(&["token", "list", "--output", "json"]).await;
    assert!(!listed.contains(&token), "the token itself is not kept");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let rows = listed.as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == "a report").unwrap();
    assert_eq!(row["tenants"][0]["name"], "acme");
    assert!(row["last_used_at"].is_string());

    let id = row["id"].as_str().unwrap();
    let (exit, _, said) = world.command(&["token", "revoke", id]).await;
    assert_eq!(exit, 0, "{said}");
    assert_eq!(answer(basic()).await.status, StatusCode::UNAUTHORIZED);
    let (exit, _, said) = world.command(&["token", "revoke", id]).await;
    assert_eq!(exit, 7, "{said}");
    running.stop().await;
}

#[tokio::test]
async fn an_address_with_many_wrong_tokens_has_to_wait() {
    let world = World::new().await;
    let running = world.start().await;
    let right = token(&world, &["--scope", "read"]).await;

    let mut last = None;
    for _ in 0..40 {
        let answer = get(&running, "qlr_0_x", "acme", "/unified/iam/roles").await;
        last = Some(answer);
    }

    let last = last.unwrap();
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key("retry-after"));
    let answer = get(&running, &right, "acme", "/unified/iam/roles").await;
    assert_eq!(answer.status, StatusCode::OK, "a right token is accepted");
    running.stop().await;
}

#[tokio::test]
async fn the_first_token_is_in_a_file_of_its_owner() {
    let world = World::new().await;
    let running = world.start().await;
    let path = world.path("store").join("first-admin-token");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let token = std::fs::read_to_string(&path).unwrap();

    let accounts = get(&running, token.trim(), "", "/accounts").await;
    let account = &accounts.body[0];
    assert_eq!(
        (&account["label"], &account["status"]),
        (&json!("acme"), &json!("active"))
    );
    let id = account["id"].as_str().unwrap();
    let one = get(&running, token.trim(), "", &format!("/accounts/{id}")).await;
    assert_eq!(one.body, *account);
    // A tenant can also be named by its id.
    let roles = get(&running, token.trim(), id, "/unified/iam/roles").await;
    assert_eq!(roles.status, StatusCode::OK);
    running.stop().await;

    std::fs::remove_file(&path).unwrap();
    let running = world.start().await;
    assert!(!path.exists(), "no second one is made");
    let again = get(&running, token.trim(), id, "/unified/iam/roles").await;
    assert_eq!(again.status, StatusCode::OK);
    running.stop().await;
}

#[tokio::test]
async fn a_tenant_that_was_not_read_is_not_an_empty_one() {
    let world = World::new().await;
    let config = world.standard_config();
    let beta = "[[tenants]]\nname = \"beta\"\nhost = \"http://127.0.0.1:9\"\nconnection = \"test\"\n\
                [[endpoints]]";
    world.write_config(&config.replacen("[[endpoints]]", beta, 1));
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;

    let beta = get(&running, &token, "beta", "/unified/iam/users").await;
    let all = get(&running, &token, "*", "/unified/iam/users").await;

    assert_eq!(
        beta.status,
        StatusCode::PRECONDITION_FAILED,
        "{}",
        beta.body
    );
    assert_eq!(all.status, StatusCode::OK);
    assert_eq!(all.body["not_read"], json!(["beta"]));
    assert_eq!(all.body["not_read_count"], 1);
    // A record of the tenant that was not read is not one that is gone.
    let path = "/unified/iam/users/60d5ca1b2f8a4c0012345678";
    for (account, status) in [
        ("*", StatusCode::PRECONDITION_FAILED),
        ("acme", StatusCode::NOT_FOUND),
    ] {
        let one = get(&running, &token, account, path).await;
        assert_eq!(one.status, status, "{account}: {}", one.body);
    }
    let accounts = get(&running, &token, "", "/accounts?page_size=1&page=2").await;
    assert_eq!(accounts.body[0]["label"], "beta");
    assert_eq!(accounts.body.as_array().unwrap().len(), 1);
    running.stop().await;
}

/// Whether an earlier time is covered does not depend on the page.
#[tokio::test]
async fn a_time_that_is_not_covered_for_one_tenant_is_refused_on_the_first_page() {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap());
    let options = |seed| TenantOptions {
        users: 5,
        seed,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock.clone(), options(1)).await;
    world.one_run().await;
    let covered = clock.now();
    clock.set(covered.plus(Duration::from_secs(3_600)));
    let later = EmulatedTenant::start(options(2), clock.clone())
        .await
        .unwrap();
    world.write("later", later.client_secret().expose());
    let secret = world.path("later");
    let (id, url) = (later.client_id(), later.url());
    let more = format!(
        "[[connections]]\nname = \"later\"\nkind = \"tenant\"\nclient_id = \"{id}\"\n\
         client_secret_file = {secret:?}\nrequests_per_minute = 0\noutlast = \"0s\"\n\
         [[tenants]]\nname = \"later\"\nhost = \"{url}\"\nconnection = \"later\"\n[[endpoints]]"
    );
    world.write_config(&world.standard_config().replacen("[[endpoints]]", &more, 1));
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;

    for (account, at, status) in [
        ("acme", covered, StatusCode::OK),
        ("*", covered, StatusCode::CONFLICT),
        ("*", clock.now(), StatusCode::OK),
    ] {
        let user = world.tenant.directory().users()[2].id.clone();
        for path in [
            format!("/unified/iam/users?page_size=1&as_of={at}"),
            format!("/unified/iam/users/{user}?as_of={at}"),
        ] {
            let page = get(&running, &token, account, &path).await;
            assert_eq!(page.status, status, "{account} {path}: {}", page.body);
        }
    }
    running.stop().await;
    later.stop().await;
}

/// StackOne's published client validates each answer against StackOne's own schema.
#[tokio::test]
async fn the_client_of_stackone_reads_everything() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let packages = root.join("target/receivers");
    if !packages.join("node_modules/@stackone").exists() {
        let required = std::env::var_os("QLIK_ROSTER_REQUIRE_FOREIGN").is_some();
        assert!(!required, "run `tests/run.sh`, which installs the client");
        return;
    }
    let world = World::of_several_pages().await;
    let running = world.start().await;
    let token = token(&world, &["--scope", "read"]).await;
    let mut program = Command::new("node");
    program
        .arg(root.join("tests/receivers/stackone.mjs"))
        .args([packages.as_os_str(), running.url("").as_ref()])
        .args([&*token, "acme"]);

    let output = tokio::task::spawn_blocking(move || program.output());
    let output = output.await.unwrap().unwrap();

    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    for list in ["users", "roles", "groups", "policies"] {
        let (rows, _) = all(&running, &token, &format!("/unified/iam/{list}")).await;
        let expected: Vec<&Value> = rows.iter().map(|row| &row["remote_id"]).collect();
        assert_eq!(found[list], json!(expected), "{list}");
    }
    assert_eq!(found["accounts"].as_array().unwrap().len(), 1);
    running.stop().await;
}

/// Each route needs the scope that names it; `admin` opens all. A token ends by itself.
#[tokio::test]
async fn a_token_opens_what_its_scopes_name_until_it_ends() {
    let world = crate::spaces::world(crate::spaces::clock(), 0).await;
    let running = world.start().await;
    let routes = [
        ("/unified/iam/users", "read"),
        ("/unified/iam/users/none/access", "read"),
        ("/accounts", "read"),
        ("/reports", "read"),
        ("/scim/v2/Users", "scim"),
        ("/scim/v2/Entitlements", "scim"),
        ("/events?from=now", "events"),
    ];
    let mut tokens = Vec::new();
    for scopes in [
        &["read"][..],
        &["scim"],
        &["events"],
        &["read", "scim"],
        &["admin"],
    ] {
        let named = scopes.iter().flat_map(|scope| ["--scope", scope]);
        let args: Vec<&str> = named.chain(["--days", "1"]).collect();
        let token = token(&world, &args).await;
        for (path, scope) in routes {
            let answered = get(&running, &token, "acme", path).await.status;
            let opens = scopes.contains(&scope) || scopes == ["admin"];
            let is_refused = answered == StatusCode::FORBIDDEN;
            assert_eq!(is_refused, !opens, "{scopes:?} {path}: {answered}");
        }
        tokens.push(token);
    }

    let day = Duration::from_secs(24 * 3_600 + 1);
    world.clock.set(world.clock.now().plus(day));

    // Not with all: an address with many wrong tokens has to wait.
    for token in &tokens[3..] {
        for (path, _) in routes {
            let answered = get(&running, token, "acme", path).await.status;
            assert_eq!(answered, StatusCode::UNAUTHORIZED, "{path}");
        }
    }
    running.stop().await;
}
