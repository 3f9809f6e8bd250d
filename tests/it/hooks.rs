//! Qlik's own webhooks wake the poll, and nobody else does.

use std::time::{Duration, Instant};

use hmac::{Hmac, Mac};
use qlik_roster::demo::tenant::{Endpoint, Generations, NewUser};
use qlik_roster::model::Trigger;
use reqwest::Client;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::audit;
use crate::support::{Running, World, within};

/// The shortest time from a wake to the second look.
const ECHO: Duration = Duration::from_secs(5);

/// The metric of the webhooks that were accepted, up to the result.
const TAKEN: &str = r#"qlik_roster_qlik_webhooks_total{tenant="acme",result="#;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// A world that is polled once an hour, unless it is woken.
async fn world() -> World {
    let world = audit::world(Generations::Both).await;
    listen(&world);
    world
}

/// Has the audit log polled once an hour, and when [`wake`] says so.
pub fn listen(world: &World) {
    world.write("hook", SECRET);
    let secret = world.path("hook");
    let config = world
        .standard_config()
        .replace("poll = \"off\"", "poll = \"1h\"")
        .replace(
            "connection = \"test\"",
            &format!("connection = \"test\"\nwebhook_secret_file = {secret:?}"),
        );
    world.write_config(&config);
}

/// Wakes the poll, as Qlik would with an event of this id.
pub async fn wake(running: &Running, id: &str) {
    assert_eq!(
        send(
            running,
            &json!({"id": id, "type": "com.qlik.v1.user.created"})
        )
        .await,
        202
    );
}

/// A poll that was woken, and looks again some seconds later if nothing wakes it before.
struct Woken {
    polled: u64,
    at: Instant,
}

impl Woken {
    /// The event that woke it.
    const BY: &str = "first of all";

    async fn once(world: &World, running: &Running) -> Self {
        let polled = || world.tenant.requests().at(Endpoint::Audits);
        let (before, at) = (polled(), Instant::now());
        wake(running, Self::BY).await;
        within("the poll was woken", || async { polled() > before }).await;
        let polled = before + 1;
        Self { polled, at }
    }

    /// Asserts that nothing has woken it since: the next poll is the one that looks again.
    async fn assert_not_again(self, world: &World) {
        let polled = || world.tenant.requests().at(Endpoint::Audits);
        within("it is looked again", || async { polled() > self.polled }).await;
        assert!(self.at.elapsed() >= ECHO, "something else made a poll");
    }
}

pub fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    let digits = mac.finalize().into_bytes();
    let digits: Vec<_> = digits.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.concat()
}

async fn post(running: &Running, tenant: &str, body: &str, signature: Option<&str>) -> u16 {
    let signature = signature.map(|signature| ("Qlik-Signature", signature));
    post_with(running, tenant, body, signature.as_slice()).await
}

async fn post_with(running: &Running, tenant: &str, body: &str, headers: &[(&str, &str)]) -> u16 {
    let url = running.url(&format!("/qlik/webhooks/{tenant}"));
    #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
    let mut request = Client::new().post(url).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

async fn send(running: &Running, event: &Value) -> u16 {
    let body = event.to_string();
    post(running, "acme", &body, Some(&signature(SECRET, &body))).await
}

pub async fn metrics(running: &Running) -> String {
    let answer = reqwest::get(running.url("/metrics")).await.unwrap();
    let kind = answer.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"));
    answer.text().await.unwrap()
}

/// Returns how many webhooks were accepted, without repeated ones.
fn n_taken(metrics: &str) -> usize {
    let series = metrics.lines().filter_map(|line| line.strip_prefix(TAKEN));
    let counts = series.filter_map(|rest| rest.split_once("} "));
    let new = counts.filter(|(result, _)| *result != "\"repeated\"");
    new.map(|(_, count)| count.parse::<usize>().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_of_either_generation_wakes_the_poll() {
    let world = world().await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    for (n, event) in [
        json!({"specversion": "1.0", "id": "A1", "type": "com.qlik.v1.user.created",
               "source": "com.qlik/users", "data": {"id": "somebody else"}}),
        json!({"cloudEventsVersion": "0.1", "eventId": "A2",
               "eventType": "com.qlik.v1.user.created", "data": {}}),
        json!("signed, and nothing that we know"),
        // The binary form of CloudEvents has only the data. This sends it twice, about the same
        // user.
        json!({"id": "60d5ca1b2f8a4c0000000001", "name": "Zoe"}),
        json!({"id": "60d5ca1b2f8a4c0000000001", "name": "Zoe"}),
    ]
    .iter()
    .enumerate()
    {
        let polled = world.tenant.requests().at(Endpoint::Audits);
        directory
            .create_user(NewUser::named(&format!("Guest {n}")))
            .unwrap();

        assert_eq!(send(&running, event).await, 202);

        within("the change is told", || async {
            world.receiver.deliveries().len() == n + 1
        })
        .await;
        assert!(world.tenant.requests().at(Endpoint::Audits) > polled);
        assert_eq!(running.last_run().await.trigger, Trigger::Audit);
        // The poll that this webhook woke found it, not the second look after an earlier wake.
        assert_eq!(n_taken(&metrics(&running).await), n + 1);
    }
    running.stop().await;
}

/// In the binary form of `CloudEvents` the body is only the event's data, and the id in it is that
/// of a user.
#[tokio::test(flavor = "multi_thread")]
async fn each_event_in_the_binary_form_wakes_the_poll_once() {
    let world = world().await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let body = json!({"id": "60d5ca1b2f8a4c0000000001", "name": "Zoe"}).to_string();
    let signature = signature(SECRET, &body);
    let result = async |result: &str| {
        let line =
            format!(r#"qlik_roster_qlik_webhooks_total{{tenant="acme",result="{result}"}} "#);
        let text = metrics(&running).await;
        let count = text.lines().find_map(|it| it.strip_prefix(&line));
        count.map_or(0, |count| count.parse().unwrap())
    };

    for (n, (id, source)) in [
        ("A1", "com.qlik/users"),
        ("A2", "com.qlik/users"),
        ("A2", "com.qlik/identities"),
    ]
    .iter()
    .enumerate()
    {
        let headers = [
            ("Qlik-Signature", signature.as_str()),
            ("Content-Type", "application/json"),
            ("CE-SpecVersion", "1.0"),
            ("CE-Type", "com.qlik.v1.user.created"),
            ("CE-Source", source),
            ("CE-Id", id),
        ];
        directory
            .create_user(NewUser::named(&format!("Guest {n}")))
            .unwrap();

        assert_eq!(post_with(&running, "acme", &body, &headers).await, 202);
        within("the change is told", || async {
            world.receiver.deliveries().len() == n + 1
        })
        .await;
        assert_eq!(post_with(&running, "acme", &body, &headers).await, 202);
        assert_eq!(result("new").await, n + 1);
        assert_eq!(result("repeated").await, n + 1);
    }
    assert_eq!(result("unreadable").await, 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_signed_or_too_large_or_for_nobody_is_refused_and_counted() {
    let world = world().await;
    let running = world.start().await;
    let woken = Woken::once(&world, &running).await;
    let body = r#"{"id":"A1"}"#;
    let good = signature(SECRET, body);
    let other = signature("another secret of thirty-two bytes", body);
    let large = "x".repeat(300 * 1024);

    assert_eq!(post(&running, "acme", body, None).await, 401);
    assert_eq!(post(&running, "acme", body, Some(&other)).await, 401);
    assert_eq!(post(&running, "acme", "{}", Some(&good)).await, 401);
    assert_eq!(post(&running, "nobody", body, Some(&good)).await, 404);
    let signed = signature(SECRET, &large);
    assert_eq!(post(&running, "acme", &large, Some(&signed)).await, 413);
    let got = reqwest::get(running.url("/qlik/webhooks/acme")).await;
    assert_eq!(got.unwrap().status().as_u16(), 405);

    woken.assert_not_again(&world).await;
    let text = metrics(&running).await;
    for line in [
        r#"qlik_roster_qlik_webhooks_rejected_total{reason="unsigned"} 1"#,
        r#"qlik_roster_qlik_webhooks_rejected_total{reason="bad-signature"} 2"#,
        r#"qlik_roster_qlik_webhooks_rejected_total{reason="unknown-tenant"} 1"#,
        r#"qlik_roster_qlik_webhooks_rejected_total{reason="too-large"} 1"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("nobody"), "a stranger's word is no label");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_webhooks_make_few_polls() {
    let world = world().await;
    let running = world.start().await;
    let polled = || world.tenant.requests().at(Endpoint::Audits);
    let (before, began) = (polled(), Instant::now());

    for n in 0..100 {
        let event = json!({"id": format!("A{n}"), "type": "com.qlik.v1.user.created"});
        assert_eq!(send(&running, &event).await, 202);
    }

    // The second poll comes a second later: all polls that the first webhooks could cause have come
    // by then.
    within("the poll was woken twice", || async {
        polled() >= before + 2
    })
    .await;
    // One at once and one a second, however long the hundred took.
    let (n_polls, seconds) = (polled() - before, began.elapsed().as_secs());
    assert!(n_polls <= 2 + seconds, "{n_polls} polls in {seconds} s");
    let text = metrics(&running).await;
    assert!(text.contains(&format!("{TAKEN}\"new\"}} 100\n")), "{text}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_is_repeated_makes_no_poll() {
    let world = world().await;
    let running = world.start().await;
    let woken = Woken::once(&world, &running).await;

    for _ in 0..20 {
        wake(&running, Woken::BY).await;
    }

    woken.assert_not_again(&world).await;
    let text = metrics(&running).await;
    assert!(
        text.contains(&format!("{TAKEN}\"repeated\"}} 20\n")),
        "{text}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_tell_of_runs_and_remember_the_last_success() {
    let world = world().await;
    let running = world.start().await;
    world.tenant.directory().create_role("Auditor");
    running.sync().await;
    let success = world.clock.now().millis() / 1000;
    let text = metrics(&running).await;
    for line in [
        r#"qlik_roster_runs_total{tenant="acme",trigger="start",outcome="succeeded"} 1"#,
        r#"qlik_roster_runs_total{tenant="acme",trigger="command",outcome="succeeded"} 1"#,
        r#"qlik_roster_changes_total{tenant="acme",kind="role",verb="created"} 21"#,
        r#"qlik_roster_unreadable_records{tenant="acme",kind="user"} 0"#,
        &format!(r#"qlik_roster_last_success_timestamp_seconds{{tenant="acme"}} {success}"#),
        r#"qlik_roster_audit_missed{tenant="acme"} 0"#,
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    running.stop().await;

    world.tenant.rotate_secret();
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(600)));
    let running = world.start().await;
    let text = metrics(&running).await;
    let attempt = success + 600;
    for line in [
        format!(r#"qlik_roster_last_success_timestamp_seconds{{tenant="acme"}} {success}"#),
        format!(r#"qlik_roster_last_attempt_timestamp_seconds{{tenant="acme"}} {attempt}"#),
    ] {
        assert!(text.contains(&line), "{line} is not in\n{text}");
    }
    running.stop().await;
}
