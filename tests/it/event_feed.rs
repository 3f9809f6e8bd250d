//! Programs pull events over HTTP: page by page, with long polls, and as a stream.

use std::time::Duration;

use qlik_roster::demo::tenant::{Edit, GroupEdit, NewUser};
use qlik_roster::model::UserId;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Running, World};

/// Longer than any answer takes.
const DEADLINE: Duration = Duration::from_secs(30);

/// Makes a token with the command line.
async fn token(world: &World, args: &[&str]) -> String {
    let args = [
        &["token", "create", "a consumer", "--scope", "events"],
        args,
    ]
    .concat();
    let (exit, out, said) = world.command(&args).await;
    assert_eq!(exit, 0, "{said}");
    out.trim().to_owned()
}

fn request(running: &Running, token: &str, query: &str) -> reqwest::RequestBuilder {
    let client = reqwest::Client::new();
    let request = client.get(running.url(&format!("/events?{query}")));
    request.bearer_auth(token).timeout(DEADLINE)
}

/// Requests a page. Returns the status and the body.
async fn get(running: &Running, token: &str, query: &str) -> (StatusCode, Value) {
    let response = request(running, token, query).send().await.unwrap();
    let status = response.status();
    (status, response.json().await.unwrap_or_default())
}

/// Reads all pages. Returns the events, and where the next page begins.
async fn all(running: &Running, token: &str, query: &str) -> (Vec<Value>, String) {
    let (mut events, mut position) = (Vec::new(), String::new());
    loop {
        let (status, page) = get(running, token, &format!("{query}&after={position}")).await;
        assert_eq!(status, StatusCode::OK, "{page}");
        events.extend(page["data"].as_array().unwrap().iter().cloned());
        page["next"].as_str().unwrap().clone_into(&mut position);
        if page["has_more"] == false {
            return (events, position);
        }
    }
}

fn ids(events: &[Value]) -> Vec<&str> {
    let ids = events.iter().map(|event| event["id"].as_str().unwrap());
    ids.collect()
}

/// A stream of events, as a client of the standard reads it.
struct Stream {
    response: reqwest::Response,
    text: String,
}

/// An event of a stream.
#[derive(Debug, Default)]
struct Streamed {
    id: String,
    event: String,
    data: String,
}

impl Stream {
    async fn open(running: &Running, token: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = request(running, token, query).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            response,
            text: String::new(),
        }
    }

    /// Returns the next event, or `None` at a clean end of the stream.
    async fn next(&mut self) -> Option<Streamed> {
        loop {
            if let Some((block, _rest)) = self.text.split_once("\n\n") {
                let end = block.len() + 2;
                let mut event = Streamed::default();
                for line in block.lines() {
                    let (field, value) = line.split_once(": ").unwrap_or((line, ""));
                    match field {
                        "id" => value.clone_into(&mut event.id),
                        "event" => value.clone_into(&mut event.event),
                        "data" => value.clone_into(&mut event.data),
                        _other => {}
                    }
                }
                self.text.drain(..end);
                if !event.data.is_empty() {
                    return Some(event);
                }
                continue;
            }
            let chunk = self.response.chunk().await.unwrap()?;
            self.text.push_str(str::from_utf8(&chunk).unwrap());
        }
    }
}

fn rename(world: &World, number: usize, name: &str) -> UserId {
    let user = world.tenant.directory().users()[number].id.clone();
    let edit = Edit::Name(name.to_owned());
    world.tenant.directory().update_user(&user, edit).unwrap();
    user
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_pulled_is_what_webhooks_get() {
    let world = World::new().await;
    let config = world.standard_config().replace(
        r#"events = ["user.*", "role.*", "group.*"]"#,
        "events = [\"user.*\", \"group.*\", \"access.*\"]\nexpand_lists = true\nomit = [\"avatar\"]",
    );
    world.write_config(&config);
    let running = world.start().await;
    let token = token(&world, &[]).await;
    let directory = world.tenant.directory();
    for number in 0..5 {
        rename(&world, number, &format!("Renamed {number}"));
        let new = NewUser::named(&format!("Newcomer {number}"));
        directory.create_user(new).unwrap();
    }
    let group = directory.create_group("Fifteen");
    for user in &directory.users()[20..35] {
        let edit = Edit::JoinGroup(group.clone());
        directory.update_user(&user.id, edit).unwrap();
    }
    running.sync().await;
    // The group gains a role, so its users do: one entry with a list.
    let steward = directory.create_role("Feed steward");
    let edit = GroupEdit::AssignRole(steward);
    directory.update_group(&group, edit).unwrap();
    directory.delete_user(&directory.users()[9].id).unwrap();
    running.sync().await;
    running.settled().await;

    let query = "events=user.*,group.*&events=access.*&expand_lists=true&omit=avatar";
    for limit in [1, 7, 500] {
        let (events, _) = all(&running, &token, &format!("{query}&limit={limit}")).await;
        let deliveries = world.receiver.deliveries();
        let mut delivered: Vec<_> = deliveries.iter().map(|delivery| &delivery.body).collect();
        delivered.sort_by_key(|body| place(body));
        assert!(delivered.len() > 20, "{}", delivered.len());
        assert!(
            events
                .iter()
                .any(|event| event["id"].as_str().unwrap().ends_with("_11"))
        );
        assert_eq!(
            events.iter().collect::<Vec<_>>(),
            delivered,
            "{limit} a page"
        );
    }

    // A stream has the same, and begins again after the last event that arrived.
    let (events, _) = all(&running, &token, query).await;
    let mut stream = Stream::open(&running, &token, query, None).await;
    for event in &events[..12] {
        let streamed = stream.next().await.unwrap();
        assert_eq!(streamed.id, event["id"].as_str().unwrap());
        assert_eq!(streamed.event, event["type"].as_str().unwrap());
        assert_eq!(
            serde_json::from_str::<Value>(&streamed.data).unwrap(),
            *event
        );
    }
    drop(stream);
    let last = events[11]["id"].as_str().unwrap();
    let query = format!("{query}&from=oldest");
    let mut stream = Stream::open(&running, &token, &query, Some(last)).await;
    for event in &events[12..] {
        assert_eq!(
            stream.next().await.unwrap().id,
            event["id"].as_str().unwrap()
        );
    }
    drop(stream);
    running.stop().await;
}

/// The order of events: by position, then by the number of the user in a list.
fn place(body: &Value) -> (u64, u64) {
    let id = body["id"].as_str().unwrap();
    let member = id
        .split('_')
        .nth(4)
        .map_or(0, |number| number.parse().unwrap());
    (body["sequence"].as_u64().unwrap(), member)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_answered_when_something_happens() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &[]).await;
    let (_, now) = get(&running, &token, "from=now").await;
    assert_eq!(now["data"].as_array().unwrap().len(), 0);
    let next = now["next"].as_str().unwrap().to_owned();

    // It waits although groups change, since it wants users.
    let query = format!("wait=60s&events=user.updated&after={next}");
    let waiting = tokio::spawn(request(&running, &token, &query).send());
    let mut stream = Stream::open(&running, &token, "from=now&events=user.*", None).await;
    world.tenant.directory().create_group("Nobody waits for it");
    running.sync().await;
    assert!(!waiting.is_finished());
    rename(&world, 3, "Waited for");
    running.sync().await;

    let page: Value = waiting.await.unwrap().unwrap().json().await.unwrap();
    let events = page["data"].as_array().unwrap();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["data"]["record"]["name"], "Waited for");
    let streamed = stream.next().await.unwrap();
    assert_eq!(streamed.id, ids(events)[0]);
    // Without anything new, the answer comes when the time is over, and says where to continue.
    let query = format!("wait=1s&after={}", streamed.id);
    let (status, page) = get(&running, &token, &query).await;
    assert_eq!(
        (status, &page["has_more"]),
        (StatusCode::OK, &Value::Bool(false))
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_daemon_ends_streams_and_waits_cleanly() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &[]).await;
    let mut stream = Stream::open(&running, &token, "from=now", None).await;
    let query = "from=now&wait=60s";
    let waiting = tokio::spawn(request(&running, &token, query).send());
    rename(&world, 3, "Last words");
    running.sync().await;
    assert_eq!(stream.next().await.unwrap().event, "user.updated");

    running.stop().await;

    assert!(
        stream.next().await.is_none(),
        "the stream ends, it does not break off"
    );
    let answer = waiting.await.unwrap().unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_ends_its_streams() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &[]).await;
    let mut stream = Stream::open(&running, &token, "from=now", None).await;
    let waiting = tokio::spawn(request(&running, &token, "from=now&wait=60s").send());
    let (_, listed, _) = world.command(&["token", "list", "--output", "json"]).await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let mut rows = listed.as_array().unwrap().iter();
    let row = rows.find(|row| row["name"] == "a consumer").unwrap();
    let (exit, _, said) = world
        .command(&["token", "revoke", row["id"].as_str().unwrap()])
        .await;
    assert_eq!(exit, 0, "{said}");

    rename(&world, 3, "Not for everybody");
    running.sync().await;

    assert!(stream.next().await.is_none());
    let waited = waiting.await.unwrap().unwrap();
    assert_eq!(waited.status(), StatusCode::UNAUTHORIZED);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_pulled_is_refused_with_the_reason() {
    let world = World::new().await;
    let running = world.start().await;
    let events = token(&world, &[]).await;
    let limited = token(&world, &["--tenant", "acme"]).await;
    let (exit, read, said) = world
        .command(&["token", "create", "a reader", "--scope", "read"])
        .await;
    assert_eq!(exit, 0, "{said}");
    let read = read.trim().to_owned();
    rename(&world, 1, "One");
    rename(&world, 2, "Two");
    running.sync().await;
    let (pulled, _) = all(&running, &events, "events=user.*").await;
    let first = ids(&pulled)[0].to_owned();
    let other_store = format!("evt_00{}", &first[6..]);
    let mut replaced = first.clone();
    let digit = if replaced.pop() == Some('0') {
        '1'
    } else {
        '0'
    };
    replaced.push(digit);

    for (token, query, status, said) in [
        ("qlr_none", "", 401, "does not exist"),
        (&*read, "", 403, "scope `events`"),
        (&events, "after=nowhere", 400, "`nowhere`"),
        (&events, "event=user.*", 400, "`event`"),
        (&events, "events=users.*", 400, "`users.*`"),
        (&events, "omit=shoe_size", 400, "`shoe_size`"),
        (&events, "format=scim-set", 400, "`scim-set`"),
        (&events, "format=cloudevents&source=a%20b", 400, "`source`"),
        (&events, "tenants=nobody", 404, "`nobody`"),
        (
            &events,
            &format!("after={other_store}"),
            410,
            "another store",
        ),
        (&events, "after=999999", 410, "does not reach"),
        (&events, &format!("after={replaced}"), 410, "another event"),
    ] {
        for accept in ["application/json", "text/event-stream"] {
            let request = request(&running, token, query).header("accept", accept);
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{query}");
            let body: Value = answer.json().await.unwrap();
            let message = body["message"].as_str().unwrap();
            assert!(message.contains(said), "{query}: {message}");
            if status == 410 {
                let oldest = body["oldest"].as_str().unwrap();
                let (again, _) = all_after(&running, &events, "events=user.*", oldest).await;
                assert_eq!(again, pulled);
                assert!(body["reason"].is_string());
            }
        }
    }
    let tenant = world.tenant.url();
    assert!(!tenant.is_empty());
    let (of_acme, _) = all(&running, &limited, "tenants=acme").await;
    assert_eq!(of_acme, all(&running, &events, "").await.0);
    // A number is a position as well, and so is a time.
    let sequence = pulled[0]["sequence"].as_u64().unwrap();
    let (rest, _) = get(
        &running,
        &events,
        &format!("after={sequence}&events=user.*"),
    )
    .await;
    assert_eq!(rest, StatusCode::OK);
    let since = pulled[0]["timestamp"].as_str().unwrap();
    let (status, page) = get(&running, &events, &format!("since={since}&events=user.*")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["data"].as_array().unwrap(), &pulled);
    let post = reqwest::Client::new().post(running.url("/events"));
    let answer = post.bearer_auth(&events).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    running.stop().await;
}

async fn all_after(
    running: &Running,
    token: &str,
    query: &str,
    after: &str,
) -> (Vec<Value>, String) {
    let (status, page) = get(running, token, &format!("{query}&after={after}")).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let events = page["data"].as_array().unwrap().clone();
    (events, page["next"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_written_as_cloud_events_if_that_is_wanted() {
    let world = World::new().await;
    let running = world.start().await;
    let token = token(&world, &[]).await;
    rename(&world, 1, "In the cloud");
    running.sync().await;
    let (plain, _) = all(&running, &token, "events=user.*").await;

    let query = "events=user.*&format=cloudevents&source=https://roster.example.com";
    let (events, _) = all(&running, &token, query).await;

    assert_eq!(ids(&events), ids(&plain));
    assert_eq!(events[0]["specversion"], "1.0");
    assert_eq!(events[0]["data"]["record"], plain[0]["data"]["record"]);
    let source = events[0]["source"].as_str().unwrap();
    assert!(
        source.starts_with("https://roster.example.com/tenants/"),
        "{source}"
    );
    running.stop().await;
}

/// A program that asks for many pages at one time waits, or is told to come back; others and those
/// that wait for events are answered meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn one_program_cannot_read_many_pages_at_one_time() {
    let world = World::new().await;
    let running = world.start().await;
    let [greedy, other] = [token(&world, &[]).await, token(&world, &[]).await];
    for number in 0..20 {
        rename(&world, number, &format!("Renamed {number}"));
    }
    running.sync().await;

    let asked = (0..100).map(|_| {
        let request = request(&running, &greedy, "from=oldest&limit=500");
        tokio::spawn(request.send())
    });
    let asked: Vec<_> = asked.collect();
    let (status, page) = get(&running, &other, "from=oldest").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let mut answered = 0;
    for answer in asked {
        let answer = answer.await.unwrap().unwrap();
        match answer.status() {
            StatusCode::OK => answered += 1,
            StatusCode::TOO_MANY_REQUESTS => {
                assert_eq!(answer.headers()["retry-after"], "1");
                let body: Value = answer.json().await.unwrap();
                assert_eq!(body["errorCode"], "TooManyRequestsError");
            }
            other => panic!("{other}"),
        }
    }
    assert!(answered >= 8, "{answered}");
    // Page after page, nobody is refused.
    let (events, _) = all(&running, &greedy, "limit=1").await;
    assert!(events.len() >= 20);
    running.stop().await;
}
