//! If the wall clock is set, tenants are still read, receivers are still told, and trouble is still
//! noticed.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::Timestamp;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use qlik_roster::daemon::Maintenance;
use qlik_roster::demo::tenant::NewUser;
use qlik_roster::store::Store;
use qlik_roster::telemetry::Metrics;

use crate::hooks::metrics;
use crate::support::{Running, World, within};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world whose clock the test sets.
async fn world() -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T03:00:00Z").unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        token_lifetime: DAY * 1_000,
        ..TenantOptions::default()
    };
    World::by(clock, options).await
}

async fn ready(running: &Running) -> (u16, String) {
    let answer = reqwest::get(running.url("/readyz")).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn since_success(running: &Running) -> f64 {
    let text = metrics(running).await;
    let series = "qlik_roster_since_success_seconds{tenant=\"acme\"} ";
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_is_not_read_in_time_is_said_to_be_so_whatever_the_clock_says() {
    let world = world().await;
    let running = world.start().await;
    assert_eq!(ready(&running).await, (200, "ok\n".to_owned()));
    assert!(since_success(&running).await < 3_600.0);
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Unavailable, When::Always);

    // Three runs become due in three weeks, although the wall clock is behind all that time.
    world.clock.set(world.clock.now().plus(DAY * 22));
    world.clock.jump_to(world.clock.now().minus(DAY * 30));

    let (status, said) = ready(&running).await;
    assert_eq!(status, 200, "{said}");
    assert!(said.starts_with("degraded\n"), "{said}");
    assert!(said.contains("1 of the tenants had no run"), "{said}");
    assert!(since_success(&running).await > (DAY * 21).as_secs_f64());
    let (code, out, err) = world.command(&["status", "--output", "json"]).await;
    assert_eq!(code, 4, "{err}");
    let rows: Value = serde_json::from_str(&out).unwrap();
    assert!(
        rows[0]["overdue_seconds"].as_u64() > Some((DAY * 21).as_secs()),
        "{out}"
    );
    let (_, out, _) = world.command(&["status", "--wide"]).await;
    assert!(
        out.contains("no run has succeeded for 22 d 0 h") && out.contains("[tenant.overdue]"),
        "{out}"
    );

    faults.clear();
    running.sync().await;
    assert_eq!(ready(&running).await, (200, "ok\n".to_owned()));
    assert!(since_success(&running).await < 3_600.0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_set_is_said_to_be() {
    let world = world().await;
    let running = world.start().await;
    let counted = async |direction: &str| {
        let text = metrics(&running).await;
        let series = format!("qlik_roster_clock_jumps_total{{direction=\"{direction}\"}} 1");
        text.contains(&series)
    };

    world
        .clock
        .jump_to(world.clock.now().minus(Duration::from_secs(7_200)));
    within("it is counted", || counted("back")).await;
    let (code, out, _) = world.command(&["status", "--wide"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("the clock was set back by 2 h 0 min [clock.set-back]"),
        "{out}"
    );

    world.clock.jump_to(world.clock.now().plus(DAY * 400));
    within("it is counted", || counted("ahead")).await;
    let (_, out, _) = world.command(&["status", "--output", "json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    let mut rows = rows.as_array().unwrap().iter();
    let row = rows.find(|row| row["clock"].is_string()).unwrap();
    assert_eq!(row["clock"], "set ahead", "{row}");
    assert_eq!(row["by_seconds"], (DAY * 400).as_secs(), "{row}");
    running.stop().await;
}

/// A maintenance pass of a process that has the store open. Returns where the journal begins.
async fn maintenance(world: &World, store: &Store) -> u64 {
    let config = world.config();
    let maintenance = Maintenance::new(
        &config,
        store.clone(),
        world.clock.clone(),
        Metrics::default(),
    );
    maintenance.once(Duration::from_secs(600)).await.unwrap();
    store.first_seq().unwrap().0
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_for_its_age_by_a_clock_that_has_not_stood_for_a_day() {
    let world = world().await;
    world.one_run().await;
    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(60)));
    let directory = world.tenant.directory();
    directory.create_user(NewUser::named("Young")).unwrap();
    world.one_run().await;
    let right = world.clock.now();

    // This also applies if the daemon starts with a wrong clock, and if the clock is wrong for the
    // first time.
    for jump in [DAY * 400, DAY * 89 + DAY * 2, DAY * 400] {
        let store = world.store();
        world.clock.jump_to(right.plus(jump));
        assert_eq!(maintenance(&world, &store).await, 1, "{jump:?}");
        for _ in 0..3 {
            world
                .clock
                .set(world.clock.now().plus(Duration::from_secs(3_600)));
            assert_eq!(maintenance(&world, &store).await, 1, "{jump:?}");
        }
        store.close().unwrap();
        let store = world.store();
        assert_eq!(
            maintenance(&world, &store).await,
            1,
            "{jump:?}, and started again"
        );
        world.clock.jump_to(Timestamp::from_millis(0));
        assert_eq!(maintenance(&world, &store).await, 1, "in 1970");
        world.clock.jump_to(right);
        assert_eq!(maintenance(&world, &store).await, 1, "{jump:?}, and back");
        store.close().unwrap();
    }

    // Entries grow old when time really passes, and also when a clock that was set has run steadily
    // for a day.
    let store = world.store();
    world.clock.jump_to(right.plus(DAY * 400));
    assert_eq!(maintenance(&world, &store).await, 1);
    world.clock.set(world.clock.now().plus(DAY * 2));
    assert!(maintenance(&world, &store).await > 2);
    store.close().unwrap();
}

/// Returns the library by which a test sets the clock of another process, from Debian's package
/// `libfaketime`. If it is missing, says that the test is skipped, or fails if `CI` is set.
fn faketime() -> Option<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut paths = folders.map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    let found = paths.find(|path| path.exists());
    let required = std::env::var_os("CI").is_some_and(|value| !value.is_empty());
    assert!(found.is_some() || !required, "there is no libfaketime here");
    if found.is_none() {
        // This bypasses the test harness, which hides what a passing test prints.
        let line =
            "skipped: a_process_goes_on_in_time_when_its_clock_is_set: no libfaketime here\n";
        std::io::stderr().write_all(line.as_bytes()).unwrap();
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_goes_on_in_time_when_its_clock_is_set() {
    let Some(library) = faketime() else { return };
    let world = World::new().await;
    let config = world
        .standard_config()
        .replace("schedule = \"7d\"", "schedule = \"10s\"")
        .replace("level = \"off\"", "level = \"info\"");
    world.write_config(&config);
    let set = |offset: &str| {
        // The file changes in one step; otherwise the other process might read half of it.
        world.write("clock.new", offset);
        std::fs::rename(world.path("clock.new"), world.path("clock")).unwrap();
    };
    set("+0");
    let log = std::fs::File::create(world.path("log")).unwrap();
    let mut daemon = Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(world.config_path())
        .arg("serve")
        .env_clear()
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", world.path("clock"))
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .env("NO_FAKE_STAT", "1")
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let log = || std::fs::read_to_string(world.path("log")).unwrap();
    let n_runs = || log().matches("Sync of `acme` succeeded").count();
    within("the first run ends", || async { n_runs() > 0 }).await;

    for (offset, said) in [
        ("-7530", "the clock was set back by 2 h 5 min"),
        ("+34570000", "the clock jumped ahead by 400 d 4 h"),
        ("+0", "the clock was set back by 400 d 2 h"),
    ] {
        let before = n_runs();
        set(offset);
        within(said, || async {
            log().contains(said) && n_runs() > before + 1
        })
        .await;
    }

    kill_process(Pid::from_child(&daemon), Signal::TERM).unwrap();
    let ended = tokio::task::spawn_blocking(move || daemon.wait().unwrap());
    assert!(ended.await.unwrap().success(), "{}", log());
}
