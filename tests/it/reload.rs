//! The configuration and the secrets are read again while the daemon runs.

use std::path::Path;
use std::time::Duration;

use qlik_roster::demo::tenant::{Endpoint, Fault, NewUser, RateLimits, TenantOptions, When};
use rustix::process::Signal;
use serde_json::Value;

use crate::hooks;
use crate::process::{Process, log_of};
use crate::support::{SECRET, World, assert_same_as_tenant, within};
use crate::systemd::{Socket, status_of};

/// Another secret for the receiver.
const OTHER: &str = "whsec_YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4";

async fn started(world: &World) -> Process {
    let daemon = Process::start(world, &[]);
    within("the daemon has started", || async {
        log_of(world).contains("Started")
    })
    .await;
    daemon
}

/// Lets the daemon read its configuration again. Returns the exit code and the answer.
async fn reload(world: &World) -> (i32, Value) {
    let (code, out, err) = world.command(&["reload", "--output", "json"]).await;
    let answer = serde_json::from_str(&out);
    (code, answer.unwrap_or_else(|_| panic!("{out}{err}")))
}

fn join(world: &World, name: &str) {
    let directory = world.tenant.directory();
    directory.create_user(NewUser::named(name)).unwrap();
}

async fn sync(world: &World) {
    let (code, _, err) = world.command(&["sync"]).await;
    assert_eq!(code, 0, "{err}\n{}", log_of(world));
}

/// Waits until the receiver has got this many events; returns whether each signature was right.
async fn verified(world: &World, n_events: usize) -> Vec<bool> {
    within("the events arrive", || async {
        world.receiver.deliveries().len() >= n_events
    })
    .await;
    let all = world.receiver.deliveries();
    all.iter().map(|delivery| delivery.verified).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn renewed_secrets_need_no_restart() {
    let world = World::new().await;
    let mut daemon = started(&world).await;
    sync(&world).await;
    join(&world, "Before");
    sync(&world).await;
    assert_eq!(verified(&world, 1).await, [true]);

    // The receiver accepts only the new secret, and the tenant only the new one of the client.
    world.receiver.set_secrets(vec![OTHER.to_owned()]);
    world.write("endpoint", OTHER);
    let client = world.tenant.rotate_secret();
    world.write("client", client.expose());
    let n_tokens = || world.tenant.requests().at(Endpoint::Token);
    let before = n_tokens();
    let (code, answer) = reload(&world).await;

    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["configuration"], "in force");
    let changed = [
        "connections.test.client_secret_file",
        "endpoints.hr.secret_file",
    ];
    assert_eq!(answer["changed"], serde_json::json!(changed));
    join(&world, "After");
    sync(&world).await;
    assert_eq!(verified(&world, 2).await, [true, true]);
    assert!(n_tokens() > before, "the new secret got a token");
    let log = log_of(&world);
    for secret in [SECRET, OTHER, client.expose()] {
        assert!(!log.contains(secret) && !answer.to_string().contains(secret));
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_valid_leaves_the_old_in_force_and_is_said() {
    let world = World::new().await;
    let _daemon = started(&world).await;
    sync(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let wrong = config.replace("events = [\"user.*\"", "events = [\"person.*\"");
    world.write_config(&wrong.replace("[sync]", "[sink]"));

    let (code, answer) = reload(&world).await;

    assert_eq!(code, 2, "{answer}");
    assert_eq!(answer["configuration"], "refused");
    let problems = answer["problems"].as_array().unwrap();
    assert_eq!(problems.len(), 2, "{answer}");
    assert!(
        answer.to_string().contains("endpoints[0].events"),
        "{answer}"
    );
    world.write_config(&config);
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 2, "{out}");
    assert!(
        out.contains("refused") && out.contains("config.refused"),
        "{out}"
    );
    join(&world, "Later");
    sync(&world).await;
    assert_eq!(verified(&world, 1).await, [true]);

    let (code, answer) = reload(&world).await;

    assert_eq!((code, answer["changed"].as_array().unwrap().len()), (0, 0));
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 0, "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_change_while_it_runs_is_named_until_the_restart() {
    let world = World::new().await;
    let _daemon = started(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let other = config
        .replace("schedule = \"7d\"", "schedule = \"6d\"")
        .replace("127.0.0.1:0", "127.0.0.1:1")
        .replace("events = [\"user.*\", ", "events = [");
    world.write_config(&format!(
        "{other}\n[[endpoints]]\nname = \"wiki\"\nurl = {:?}\nsecret_file = {:?}\n\
         allow_private = [\"127.0.0.0/8\"]\nallow_http = true\n",
        world.receiver.url(),
        world.path("endpoint"),
    ));

    for changed in [vec!["endpoints.hr.events"], vec![]] {
        let (code, answer) = reload(&world).await;

        assert_eq!(code, 0, "{answer}");
        assert_eq!(answer["configuration"], "needs a restart");
        assert_eq!(answer["changed"], serde_json::json!(changed));
        let stays = ["endpoints.wiki", "server.listen", "sync.schedule"];
        assert_eq!(answer["needs_restart"], serde_json::json!(stays));
    }
    let (code, out, _) = world.command(&["status"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("config.needs-restart"), "{out}");
    // The endpoint has its new settings: it is told of no user.
    join(&world, "Joiner");
    sync(&world).await;
    world.tenant.directory().create_role("Auditor");
    sync(&world).await;
    within("the event of the role arrives", || async {
        world.receiver.count() > 0
    })
    .await;
    let types = world.receiver.deliveries();
    let types: Vec<_> = types.iter().map(|it| it.body["type"].clone()).collect();
    assert_eq!(types, ["role.created"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_daemon_there_is_nothing_to_reload() {
    let world = World::new().await;

    let (code, _, err) = world.command(&["reload"]).await;

    assert_eq!(code, 1);
    assert!(err.contains("no daemon answers"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hangup_reloads_and_the_service_manager_is_told() {
    let world = World::new().await;
    let socket = Socket::bind(&world);
    let path = world.path("notify");
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap())];
    let daemon = Process::start(&world, &variables);
    socket.until("READY=1");
    std::fs::write(world.config_path(), "[[[").unwrap();

    let before = monotonic_usec(Path::new("/proc/uptime"));
    daemon.signal(Signal::HUP);

    let told = socket.until("RELOADING=1");
    let last = told.last().unwrap();
    let time = last
        .iter()
        .find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    let time: u128 = time.unwrap().parse().unwrap();
    assert!(time + 1_000_000 >= before, "{time} and {before}");
    let told = socket.until("READY=1");
    let said = status_of(told.last().unwrap());
    assert!(said.contains("not valid"), "{said}");
    assert!(
        log_of(&world).contains("config.refused"),
        "{}",
        log_of(&world)
    );
}

/// Returns the time since the machine has started, in microseconds.
fn monotonic_usec(uptime: &Path) -> u128 {
    let text = std::fs::read_to_string(uptime).unwrap();
    let seconds: f64 = text.split_whitespace().next().unwrap().parse().unwrap();
    Duration::from_secs_f64(seconds).as_micros()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_webhooks_that_is_gone_counts_until_the_restart() {
    let world = World::new().await;
    hooks::listen(&world);
    let _daemon = started(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let is_other = |line: &&str| !line.starts_with("webhook_secret_file");
    let without: Vec<&str> = config.lines().filter(is_other).collect();
    world.write_config(&without.join("\n"));

    let (code, answer) = reload(&world).await;

    assert_eq!(code, 0, "{answer}");
    assert_eq!(answer["changed"], serde_json::json!([]));
    let stays = ["tenants.acme.webhook_secret_file"];
    assert_eq!(answer["needs_restart"], serde_json::json!(stays));
}

/// The parser quotes the line, and `status` and the log would keep it.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_does_not_parse_is_not_shown() {
    let world = World::new().await;
    let daemon = started(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!(
        "{config}\n[[alerts]]\nurl = \"https://hooks.example/hunter2\n"
    ));

    daemon.signal(Signal::HUP);

    within("the daemon refuses it", || async {
        log_of(&world).contains("config.refused")
    })
    .await;
    world.write_config(&config);
    let (_, out, err) = world.command(&["status", "--output", "json"]).await;
    assert!(out.contains("config.syntax"), "{out}{err}");
    for said in [log_of(&world), out, err] {
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_drop_no_sweep_and_no_delivery() {
    let world = World::with(TenantOptions {
        users: 900,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.one_run().await;
    world
        .receiver
        .set_secrets(vec![SECRET.to_owned(), OTHER.to_owned()]);
    for n in 0..150 {
        join(&world, &format!("Joiner {n}"));
    }
    let slow = Fault::Slow(Duration::from_millis(50));
    world
        .tenant
        .faults()
        .on(Endpoint::Users, slow, When::Always);
    let mut daemon = started(&world).await;

    let mut n_reloads = 0;
    while world.receiver.count() < 150 {
        let secret = [SECRET, OTHER][n_reloads % 2];
        world.write("endpoint", secret);
        let (code, answer) = reload(&world).await;
        assert_eq!(code, 0, "{answer}");
        n_reloads += 1;
        assert!(n_reloads < 1_000, "the events never come");
    }

    assert!(n_reloads > 3, "{n_reloads}");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.end().await, Some(0));
    let all = world.receiver.deliveries();
    assert_eq!(all.len(), 150, "none is lost, and none came twice");
    assert!(all.iter().all(|delivery| delivery.verified));
    let store = world.store();
    assert_same_as_tenant(&store, world.tenant.directory());
    let runs = store.runs(None, 10).unwrap();
    assert!(runs.iter().all(|run| run.outcome.is_success()), "{runs:?}");
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_renewed_secret_of_qliks_webhooks_needs_no_restart() {
    let world = World::new().await;
    hooks::listen(&world);
    let _daemon = started(&world).await;
    let log = log_of(&world);
    let (_, rest) = log.split_once("listening on http://").unwrap();
    let address = rest.split_whitespace().next().unwrap().to_owned();
    let old = std::fs::read_to_string(world.path("hook")).unwrap();
    let new = "fedcba9876543210fedcba9876543210";
    let send = async |secret: &str, id: &str| {
        let body = format!(r#"{{"id":"{id}","type":"com.qlik.v1.user.created"}}"#);
        #[expect(clippy::disallowed_methods, reason = "a stranger's client")]
        let request = reqwest::Client::new()
            .post(format!("http://{address}/qlik/webhooks/acme"))
            .header("Qlik-Signature", hooks::signature(secret, &body))
            .body(body);
        request.send().await.unwrap().status().as_u16()
    };
    assert_eq!((send(&old, "A").await, send(new, "B").await), (202, 401));

    world.write("hook", new);
    let (code, answer) = reload(&world).await;

    assert_eq!(code, 0, "{answer}");
    let changed = ["tenants.acme.webhook_secret_file"];
    assert_eq!(answer["changed"], serde_json::json!(changed));
    assert_eq!((send(&old, "C").await, send(new, "D").await), (401, 202));
}
