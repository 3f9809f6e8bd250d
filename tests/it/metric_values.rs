//! Each metric has the value that it should have.
//!
//! Each test provokes some of them and names them in a list; the last test compares all lists with
//! the catalogue, so a new metric needs a value here.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use qlik_roster::clock::Clock;
use qlik_roster::control::query;
use qlik_roster::demo::Reply;
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Generations, LogFault, NewUser, RateLimits, TenantOptions, When,
};
use qlik_roster::model::{StoreUsage, Timestamp};
use qlik_roster::telemetry::Metric;
use rcgen::{CertificateParams, KeyPair};
use reqwest::{Certificate, Client};
use serde_json::json;
use tokio::net::TcpStream;

use crate::support::{Running, World, within};
use crate::unified::token;
use crate::{audit, hooks};

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

/// The metrics of a daemon, and which of them a test has compared.
struct Shown<'a> {
    running: &'a Running,
    client: Client,
    scheme: &'static str,
    compared: BTreeSet<Metric>,
}

impl<'a> Shown<'a> {
    fn of(running: &'a Running) -> Self {
        Self {
            running,
            client: Client::new(),
            scheme: "http",
            compared: BTreeSet::new(),
        }
    }

    async fn text(&self) -> String {
        let url = self.running.url("/metrics");
        let url = url.replacen("http", self.scheme, 1);
        let answer = self.client.get(url).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// Returns the value of a series; `None` if there is none.
    async fn value(&mut self, metric: Metric, labels: &str) -> Option<f64> {
        self.compared.insert(metric);
        let series = match labels {
            "" => format!("{} ", metric.name()),
            _some => format!("{}{{{labels}}} ", metric.name()),
        };
        let text = self.text().await;
        let value = text.lines().find_map(|line| line.strip_prefix(&series));
        value.map(|value| value.parse().unwrap())
    }

    /// Waits until a series has a value.
    async fn is(&mut self, metric: Metric, labels: &str, expected: f64) {
        self.passes(
            metric,
            labels,
            |value| value == Some(expected),
            &format!("{expected}"),
        )
        .await;
    }

    /// Waits until a series has a value between these two, or one of them.
    async fn is_within(&mut self, metric: Metric, labels: &str, least: f64, most: f64) {
        let is_within = |value: Option<f64>| value.is_some_and(|it| (least..=most).contains(&it));
        self.passes(metric, labels, is_within, &format!("{least} to {most}"))
            .await;
    }

    async fn passes(
        &mut self,
        metric: Metric,
        labels: &str,
        is_right: impl Fn(Option<f64>) -> bool,
        expected: &str,
    ) {
        let until = Instant::now() + MINUTE;
        loop {
            let value = self.value(metric, labels).await;
            if is_right(value) {
                return;
            }
            let name = metric.name();
            assert!(
                Instant::now() < until,
                "{name}{{{labels}}} is {value:?}, not {expected}:\n{}",
                self.text().await
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Checks that all metrics of the list, and no others, have been compared.
    fn ends(self, list: &[Metric]) {
        assert_eq!(self.compared, list.iter().copied().collect());
    }
}

fn start() -> Timestamp {
    Timestamp::parse("2026-03-01T08:00:00Z").unwrap()
}

fn seconds(at: Timestamp) -> f64 {
    at.millis() as f64 / 1000.0
}

async fn world(users: usize) -> World {
    let options = TenantOptions {
        users,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    World::by(Clock::stopped_at(start()), options).await
}

fn pass(world: &World, time: Duration) {
    world.clock.set(world.clock.now().plus(time));
}

fn rename(world: &World, n: usize, name: &str) {
    let tenant = world.tenant.directory();
    let user = tenant.users()[n].id.clone();
    tenant
        .update_user(&user, Edit::Name(name.to_owned()))
        .unwrap();
}

async fn space(running: &Running) -> StoreUsage {
    running.ask(query::Status::default()).await.space
}

const OF_RUNS: &[Metric] = &[
    Metric::Runs,
    Metric::LastAttempt,
    Metric::LastSuccess,
    Metric::SinceSuccess,
    Metric::Unreadable,
    Metric::Changes,
    Metric::Records,
    Metric::HeldPlans,
];

#[tokio::test(flavor = "multi_thread")]
async fn runs_and_what_they_find_are_counted() {
    let world = world(60).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let mut shown = Shown::of(&running);
    let acme = |rest: &str| format!("tenant=\"acme\"{rest}");
    let n_first = tenant.n_users();

    // A record that cannot be read.
    pass(&world, 10 * MINUTE);
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::WrongType, When::Always);
    running.sync().await;
    shown
        .is(Metric::Unreadable, &acme(",kind=\"user\""), 1.0)
        .await;
    shown
        .is(Metric::Unreadable, &acme(",kind=\"role\""), 0.0)
        .await;
    faults.clear();

    // One user comes, two are renamed, and more are gone than the guard allows.
    pass(&world, 10 * MINUTE);
    tenant.create_user(NewUser::named("Nia")).unwrap();
    rename(&world, 3, "Third");
    rename(&world, 4, "Fourth");
    for user in tenant.users().iter().rev().take(20) {
        if user.client_id.is_none() && user.name != "Nia" {
            tenant.delete_user(&user.id).unwrap();
        }
    }
    let run = running.sync().await;
    assert_eq!(run.outcome.word(), "held");
    let success = world.clock.now();

    // A run that fails.
    pass(&world, 10 * MINUTE);
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    running.sync().await;
    pass(&world, 3 * MINUTE);

    for (trigger, outcome) in [
        ("start", "succeeded"),
        ("command", "degraded"),
        ("command", "held"),
        ("command", "failed"),
    ] {
        let labels = format!(",trigger=\"{trigger}\",outcome=\"{outcome}\"");
        shown.is(Metric::Runs, &acme(&labels), 1.0).await;
    }
    shown
        .is(
            Metric::LastAttempt,
            &acme(""),
            seconds(success.plus(10 * MINUTE)),
        )
        .await;
    shown
        .is(Metric::LastSuccess, &acme(""), seconds(success))
        .await;
    shown
        .is(Metric::SinceSuccess, &acme(""), (13 * MINUTE).as_secs_f64())
        .await;
    for (verb, expected) in [("created", n_first + 1), ("updated", 2)] {
        let labels = format!(",kind=\"user\",verb=\"{verb}\"");
        shown
            .is(Metric::Changes, &acme(&labels), expected as f64)
            .await;
    }
    let deleted = ",kind=\"user\",verb=\"deleted\"";
    shown.is(Metric::Changes, &acme(deleted), 0.0).await;
    shown.is(Metric::HeldPlans, &acme(""), 1.0).await;
    for (kind, expected) in [
        ("user", n_first + 1),
        ("role", tenant.roles().len()),
        // Of all users, too.
        ("group", tenant.groups().len() + 1),
    ] {
        let labels = format!(",kind=\"{kind}\"");
        shown
            .is(Metric::Records, &acme(&labels), expected as f64)
            .await;
    }
    shown.ends(OF_RUNS);
    running.stop().await;
}

const OF_REQUESTS: &[Metric] = &[
    Metric::Requests,
    Metric::Retries,
    Metric::QlikAnswers,
    Metric::Waited,
];

#[tokio::test(flavor = "multi_thread")]
async fn requests_to_qlik_are_counted() {
    let world = world(20).await;
    let running = world.start().await;
    let faults = world.tenant.faults();
    let refused = Fault::TooManyRequests { retry_after: 1 };
    faults.on(Endpoint::Users, refused, When::Next(1));
    faults.on(Endpoint::Roles, Fault::Unavailable, When::Next(1));
    running.sync().await;

    let mut shown = Shown::of(&running);
    let asked = world.tenant.requests();
    assert_eq!(asked.at(Endpoint::Token), 1);
    let total = asked.total() as f64;
    shown.is(Metric::Requests, "tenant=\"acme\"", total).await;
    shown.is(Metric::Retries, "tenant=\"acme\"", 2.0).await;
    for (tier, status, expected) in [
        (1, 200, total - 5.0),
        // Each run asks once who the tenant is, which is answered with a redirect.
        (1, 302, 2.0),
        (1, 429, 1.0),
        (1, 503, 1.0),
        (2, 200, 1.0),
    ] {
        let labels = format!("tenant=\"acme\",tier=\"{tier}\",status=\"{status}\"");
        shown.is(Metric::QlikAnswers, &labels, expected).await;
    }
    let runs = running.last_runs(10).await;
    let waited: f64 = runs
        .iter()
        .map(|run| run.traffic.waited.as_secs_f64())
        .sum();
    assert!(waited > 0.5, "{waited}");
    let least = waited - 0.001;
    shown
        .is_within(Metric::Waited, "tenant=\"acme\"", least, waited + 0.001)
        .await;
    shown.ends(OF_REQUESTS);
    running.stop().await;
}

const OF_THE_LOG: &[Metric] = &[Metric::Polls, Metric::SessionGaps];

#[tokio::test(flavor = "multi_thread")]
async fn polls_and_sessions_of_nobody_are_counted() {
    let world = audit::world(Generations::Core).await;
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\nsessions = true\n{config}"));
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let mut shown = Shown::of(&running);
    let polls = |outcome: &str| format!("tenant=\"acme\",outcome=\"{outcome}\"");
    shown
        .passes(
            Metric::Polls,
            &polls("quiet"),
            |it| it >= Some(1.0),
            "at least 1",
        )
        .await;
    let found = shown
        .value(Metric::Polls, &polls("found"))
        .await
        .unwrap_or(0.0);

    tenant.create_user(NewUser::named("Nia")).unwrap();
    shown.is(Metric::Polls, &polls("found"), found + 1.0).await;

    pass(&world, 2 * MINUTE);
    tenant.audit().on(LogFault::NamesNobody, When::Always);
    let person = tenant.users().into_iter().find(|it| it.client_id.is_none());
    tenant.log_in(&person.unwrap().id).unwrap();
    shown.is(Metric::SessionGaps, "tenant=\"acme\"", 1.0).await;
    tenant.audit().clear();

    shown.ends(OF_THE_LOG);
    running.stop().await;
}

const OF_SWEEPS: &[Metric] = &[Metric::AuditMissed];

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_misses_is_counted() {
    let world = audit::world(Generations::Core).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    pass(&world, MINUTE);
    tenant.audit().on(LogFault::Lost, When::Always);
    rename(&world, 3, "Renamed");
    tenant.create_user(NewUser::named("Unheard")).unwrap();
    pass(&world, 20 * MINUTE);
    let polls = || world.tenant.requests().at(Endpoint::Audits);
    let before = polls();
    within("it is polled", || async { polls() > before + 1 }).await;
    running.sync().await;

    let mut shown = Shown::of(&running);
    shown.is(Metric::AuditMissed, "tenant=\"acme\"", 2.0).await;
    shown.ends(OF_SWEEPS);
    running.stop().await;
}

const OF_THE_WEB: &[Metric] = &[
    Metric::HooksReceived,
    Metric::HooksRejected,
    Metric::HttpRequests,
    Metric::EventConsumers,
];

#[tokio::test(flavor = "multi_thread")]
async fn what_others_ask_is_counted() {
    let world = world(20).await;
    hooks::listen(&world);
    let running = world.start().await;
    let mut shown = Shown::of(&running);
    for (event, signed) in [
        (
            json!({"id": "A1", "type": "com.qlik.v1.user.created"}),
            true,
        ),
        (
            json!({"id": "A1", "type": "com.qlik.v1.user.created"}),
            true,
        ),
        (
            json!({"id": "A2", "type": "com.qlik.v1.user.created"}),
            true,
        ),
        (json!({"name": "x"}), true),
        (json!({"id": "A3"}), false),
    ] {
        let body = event.to_string();
        let signature = hooks::signature(hooks::SECRET, &body);
        let signature = signed.then_some(signature.as_str());
        hooks::post(&running, "acme", &body, signature).await;
    }
    for (result, expected) in [("new", 2.0), ("repeated", 1.0), ("unreadable", 1.0)] {
        let labels = format!("tenant=\"acme\",result=\"{result}\"");
        shown.is(Metric::HooksReceived, &labels, expected).await;
    }
    shown
        .is(Metric::HooksRejected, "reason=\"unsigned\"", 1.0)
        .await;
    for _ in 0..3 {
        reqwest::get(running.url("/livez")).await.unwrap();
    }
    shown
        .is(Metric::HttpRequests, "route=\"/livez\",status=\"200\"", 3.0)
        .await;
    let hook = "route=\"/qlik/webhooks/{tenant}\",status=\"202\"";
    shown.is(Metric::HttpRequests, hook, 4.0).await;

    let token = token(&world, &["--scope", "events"]).await;
    let request = Client::new()
        .get(running.url("/events"))
        .bearer_auth(&token);
    let stream = request.header("accept", "text/event-stream").send().await;
    shown.is(Metric::EventConsumers, "", 1.0).await;
    drop(stream);
    shown.is(Metric::EventConsumers, "", 0.0).await;

    shown.ends(OF_THE_WEB);
    running.stop().await;
}

/// Has nothing to do with other clients, whose connections may not be closed yet.
const OF_CONNECTIONS: &[Metric] = &[Metric::CrowdedOut];

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_crowded_out_are_counted() {
    let world = world(20).await;
    let running = world.start().await;
    let mut shown = Shown::of(&running);
    // More connections than there may be, all of which say nothing.
    let address = running.url("").replace("http://", "");
    let mut silent = Vec::new();
    for _ in 0..300 {
        silent.push(
            TcpStream::connect(address.trim_end_matches('/'))
                .await
                .unwrap(),
        );
    }
    shown
        .passes(Metric::CrowdedOut, "", |it| it > Some(0.0), "more than 0")
        .await;
    // 256 may be open, eight places are kept free, and the scraper has one or two.
    shown.is_within(Metric::CrowdedOut, "", 50.0, 54.0).await;
    drop(silent);
    shown.ends(OF_CONNECTIONS);
    running.stop().await;
}

const OF_TLS: &[Metric] = &[Metric::CertificateExpiry];

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_certificate_is_shown() {
    let world = world(5).await;
    let names = vec!["localhost".into(), "127.0.0.1".into()];
    let mut params = CertificateParams::new(names).unwrap();
    params.not_after = rcgen::date_time_ymd(2040, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    world.write("server.pem", &certificate.pem());
    world.write("server.key", &key.serialize_pem());
    let (pem, key) = (world.path("server.pem"), world.path("server.key"));
    let tls = format!("tls = {{ cert_file = {pem:?}, key_file = {key:?} }}\n[sync]");
    world.write_config(&world.standard_config().replace("[sync]", &tls));
    let running = world.start().await;
    let authority = Certificate::from_pem(certificate.pem().as_bytes()).unwrap();
    let client = Client::builder().tls_certs_only([authority]).build();
    let mut shown = Shown {
        client: client.unwrap(),
        scheme: "https",
        ..Shown::of(&running)
    };

    let end = Timestamp::parse("2040-01-01T00:00:00Z").unwrap();
    shown.is(Metric::CertificateExpiry, "", seconds(end)).await;
    shown.ends(OF_TLS);
    running.stop().await;
}

const OF_DELIVERIES: &[Metric] = &[
    Metric::Deliveries,
    Metric::Messages,
    Metric::DeliverySeconds,
    Metric::Parked,
    Metric::ParkedNow,
    Metric::OldestUndelivered,
    Metric::Behind,
    Metric::EndpointTakes,
];

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_and_what_is_left_of_them_are_counted() {
    let world = world(20).await;
    let config = world.standard_config();
    world.write_config(&format!("{config}retry_schedule = []\n"));
    let began = Instant::now();
    let running = world.start().await;
    let mut shown = Shown::of(&running);
    let hr = "endpoint=\"hr\"";
    for (n, reply) in [Reply::Status(200), Reply::Status(404), Reply::Status(410)]
        .into_iter()
        .enumerate()
    {
        if n == 2 {
            shown.is(Metric::EndpointTakes, hr, 1.0).await;
            shown.is(Metric::Behind, hr, 0.0).await;
        }
        world.receiver.respond_well();
        world.receiver.respond_with(reply, When::Always);
        rename(&world, n, &format!("Renamed {n}"));
        running.sync().await;
        within("it is sent", || async { world.receiver.count() > n as u64 }).await;
    }

    for outcome in ["delivered", "failed", "disabled"] {
        let labels = format!("{hr},outcome=\"{outcome}\"");
        shown.is(Metric::Deliveries, &labels, 1.0).await;
        shown.is(Metric::Messages, &labels, 1.0).await;
        let most = began.elapsed().as_secs_f64();
        shown
            .is_within(Metric::DeliverySeconds, &labels, 1e-6, most)
            .await;
    }
    shown.is(Metric::Parked, hr, 1.0).await;
    shown.is(Metric::EndpointTakes, hr, 0.0).await;
    // What disabled it, and nothing else, is left.
    shown.is(Metric::Behind, hr, 1.0).await;
    pass(&world, 100 * MINUTE);
    shown.is(Metric::OldestUndelivered, hr, 6_000.0).await;
    shown.is(Metric::ParkedNow, hr, 1.0).await;
    shown.ends(OF_DELIVERIES);
    running.stop().await;
}

const OF_EXPORTS: &[Metric] = &[Metric::Exports, Metric::ExportWritten];

#[tokio::test(flavor = "multi_thread")]
async fn exports_are_counted() {
    let world = world(20).await;
    let folder = world.path("exports");
    std::fs::create_dir(&folder).unwrap();
    let section = "[[exports]]\nname = \"bi\"\nschedule = \"7d\"\nreports = [\"roles\"]";
    let config = world.standard_config();
    world.write_config(&format!("{config}{section}\nfolder = {folder:?}\n"));
    world.one_run().await;
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    pass(&world, MINUTE);
    let running = world.launch().await;
    let mut shown = Shown::of(&running);
    let bi = "export=\"bi\"";

    shown
        .is(Metric::Exports, "export=\"bi\",outcome=\"written\"", 1.0)
        .await;
    shown
        .is(Metric::ExportWritten, bi, seconds(start().plus(MINUTE)))
        .await;
    std::fs::remove_dir_all(&folder).unwrap();
    pass(&world, 10 * MINUTE);
    let (exit, _, said) = world.command(&["export", "--name", "bi"]).await;
    assert_ne!(exit, 0, "{said}");
    shown
        .is(Metric::Exports, "export=\"bi\",outcome=\"failed\"", 1.0)
        .await;
    shown
        .is(Metric::ExportWritten, bi, seconds(start().plus(MINUTE)))
        .await;
    shown.ends(OF_EXPORTS);
    running.stop().await;
}

const OF_THE_STORE: &[Metric] = &[
    Metric::StoreBytes,
    Metric::StoreLive,
    Metric::StoreCompactions,
    Metric::StoreLosses,
    Metric::JournalEntries,
    Metric::JournalOldest,
    Metric::ClockJumps,
];

#[tokio::test(flavor = "multi_thread")]
async fn the_store_is_measured() {
    let world = world(40).await;
    world.one_run().await;
    pass(&world, MINUTE);
    for n in 3..6 {
        rename(&world, n, "Renamed");
    }
    world.one_run().await;
    // It is measured at the start.
    let running = world.start().await;
    let mut shown = Shown::of(&running);

    // The mark of the first load, and the three changes.
    shown.is(Metric::JournalEntries, "", 4.0).await;
    shown.is(Metric::JournalOldest, "", seconds(start())).await;
    shown.is(Metric::StoreLosses, "", 0.0).await;
    let StoreUsage { disk, live, .. } = space(&running).await;
    let (disk, live) = (disk as f64, live.unwrap() as f64);
    assert!(live > 10_000.0, "{live}");
    // Runs are written meanwhile.
    shown
        .is_within(Metric::StoreBytes, "", disk * 0.5, disk)
        .await;
    shown
        .is_within(Metric::StoreLive, "", live * 0.8, live * 1.2)
        .await;
    shown.value(Metric::StoreCompactions, "").await;
    let (exit, _, said) = world.command(&["store", "compact"]).await;
    assert_eq!(exit, 0, "{said}");
    shown.is(Metric::StoreCompactions, "", 1.0).await;
    world.clock.jump_to(world.clock.now().minus(60 * MINUTE));
    shown
        .is(Metric::ClockJumps, "direction=\"back\"", 1.0)
        .await;
    shown.ends(OF_THE_STORE);
    running.stop().await;

    std::fs::write(world.path("store").join("current/damaged"), "a test").unwrap();
    let running = world.start().await;
    Shown::of(&running).is(Metric::StoreLosses, "", 1.0).await;
    running.stop().await;
}

const OF_THE_JOURNAL: &[Metric] = &[Metric::JournalKept];

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_for_an_endpoint_is_shown() {
    let world = world(20).await;
    world.one_run().await;
    let reply = Reply::Status(503);
    world.receiver.respond_with(reply, When::Always);
    let tenant = world.tenant.directory();
    pass(&world, MINUTE);
    // More than may be under way at once: the row of a failed delivery keeps no entries back.
    for n in 0..40 {
        tenant
            .create_user(NewUser::named(&format!("Old {n}")))
            .unwrap();
    }
    let running = world.start().await;
    within("it fails", || async { world.receiver.count() > 0 }).await;
    running.stop().await;
    pass(&world, DAY * 91);
    world.start().await.stop().await;
    // A clock that is this far ahead of the last run is trusted after a day.
    pass(&world, DAY);
    let running = world.start().await;

    let mut shown = Shown::of(&running);
    let labels = "endpoint=\"hr\"";
    let since = seconds(start().plus(MINUTE));
    shown.is(Metric::JournalKept, labels, since).await;
    shown.ends(OF_THE_JOURNAL);
    running.stop().await;
}

/// What is compared elsewhere, since it takes a disk that is full, or a mistake in the program.
const ELSEWHERE: &[(Metric, &str, &str)] = &[
    (
        Metric::StoreLacks,
        "src/daemon/maintenance.rs",
        "what_is_measured_is_shown",
    ),
    (
        Metric::Crashes,
        "src/telemetry/crashes.rs",
        "a_part_that_crashes_is_started_again_at_ever_longer_times",
    ),
];

#[test]
fn every_metric_has_a_value_that_a_test_provokes() {
    let lists = [
        OF_RUNS,
        OF_REQUESTS,
        OF_THE_LOG,
        OF_SWEEPS,
        OF_THE_WEB,
        OF_CONNECTIONS,
        OF_TLS,
        OF_DELIVERIES,
        OF_EXPORTS,
        OF_THE_STORE,
        OF_THE_JOURNAL,
    ];
    let mut compared: BTreeSet<Metric> = lists.concat().into_iter().collect();
    for (metric, file, test) in ELSEWHERE {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let code = std::fs::read_to_string(path).unwrap();
        assert!(
            code.contains(&format!("fn {test}()")),
            "{file} lacks {test}"
        );
        compared.insert(*metric);
    }
    assert_eq!(compared, Metric::ALL.iter().copied().collect());
}
