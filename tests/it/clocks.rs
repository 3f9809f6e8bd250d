//! A clock on the wall that is set keeps nobody from being read, told, or noticed.

use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::Timestamp;
use serde_json::Value;

use crate::hooks::metrics;
use crate::support::{Running, World, within};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A tenant by a clock that the test sets.
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

    // Three runs are due in three weeks, and the clock stays behind that all the while.
    world.clock.set(world.clock.now().plus(DAY * 22));
    world.clock.turn(world.clock.now().minus(DAY * 30));

    let (status, said) = ready(&running).await;
    assert_eq!(status, 503, "{said}");
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
        .turn(world.clock.now().minus(Duration::from_secs(7_200)));
    within("it is counted", || counted("back")).await;
    let (code, out, _) = world.command(&["status", "--wide"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(
        out.contains("the clock was set back by 2 h 0 min [clock.set-back]"),
        "{out}"
    );

    world.clock.turn(world.clock.now().plus(DAY * 400));
    within("it is counted", || counted("ahead")).await;
    let (_, out, _) = world.command(&["status", "--output", "json"]).await;
    let rows: Value = serde_json::from_str(&out).unwrap();
    let mut rows = rows.as_array().unwrap().iter();
    let row = rows.find(|row| row["clock"].is_string()).unwrap();
    assert_eq!(row["clock"], "set ahead", "{row}");
    assert_eq!(row["by_seconds"], (DAY * 400).as_secs(), "{row}");
    running.stop().await;
}
