//! What is older than its keep time is deleted, the free disk space is shown, and disk space is
//! freed.

use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::query;
use qlik_roster::demo::Reply as Answer;
use qlik_roster::demo::tenant::{NewUser, RateLimits, TenantOptions, When};
use qlik_roster::model::{Seq, StoreUsage, Timestamp};
use serde_json::Value;

use crate::support::{Running, World, within};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A world whose clock the test moves, with the first load done.
async fn world() -> World {
    world_at(Clock::stopped_at(Clock::system().now())).await
}

async fn world_at(clock: Clock) -> World {
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    world.one_run().await;
    world
}

/// A user joins, one second later: the time tells the runs apart.
fn join(world: &World, name: &str) {
    later(world, Duration::from_secs(1));
    let directory = world.tenant.directory();
    directory.create_user(NewUser::named(name)).unwrap();
}

fn later(world: &World, by: Duration) {
    world.clock.set(world.clock.now().plus(by));
}

async fn space(running: &Running) -> StoreUsage {
    running.ask(query::Status::default()).await.space
}

async fn metric(running: &Running, name: &str) -> Option<f64> {
    let text = reqwest::get(running.url("/metrics")).await.unwrap();
    let text = text.text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(name))?.to_owned();
    line.rsplit_once(' ')?.1.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_is_cut_while_the_daemon_runs_and_commands_say_where_it_begins() {
    let world = world().await;
    join(&world, "Old");
    world.one_run().await;
    later(&world, DAY * 91);
    join(&world, "Young");
    world.one_run().await;
    // A clock that is this far ahead of the last run is trusted once it has run steadily for a day.
    later(&world, DAY);
    let last = {
        let store = world.store();
        let last = store.last_seq();
        store.close().unwrap();
        last
    };

    // The pass at the start.
    later(&world, Duration::from_secs(1));
    let running = world.start().await;

    // The mark of the first load, and the old event.
    within("the journal is cut", || async {
        space(&running).await.first == Seq(3)
    })
    .await;
    within("it is measured", || async {
        metric(&running, "qlik_roster_journal_entries ").await == Some((last.0 - 2) as f64)
    })
    .await;
    assert!(metric(&running, "qlik_roster_store_bytes ").await > Some(100_000.0));
    let series = "qlik_roster_journal_held_since_timestamp_seconds{endpoint=\"hr\"} ";
    assert_eq!(metric(&running, series).await, Some(0.0));

    let (code, out, err) = world.command(&["events", "--output", "jsonl"]).await;
    assert_eq!((code, out.lines().count() as u64), (0, last.0 - 2));
    assert!(err.contains("The journal begins with event 3"), "{err}");
    let (_, _, err) = world.command(&["events", "--after", "2"]).await;
    assert!(!err.contains("begins"), "{err}");
    let (code, _, err) = world.command(&["events", "show", "2"]).await;
    assert_eq!(code, 7);
    assert!(err.contains("event 2 was deleted"), "{err}");
    let (code, _, _) = world.command(&["events", "show", "3"]).await;
    assert_eq!(code, 0);

    // While it serves.
    assert!(metric(&running, "qlik_roster_store_live_bytes ").await > Some(1_000.0));
    assert_eq!(
        metric(&running, "qlik_roster_store_lacks_bytes ").await,
        Some(0.0)
    );
    let (code, out, err) = world
        .command(&["store", "compact", "--output", "json"])
        .await;
    assert_eq!(code, 0, "{err}");
    let compacted: Value = serde_json::from_str(&out).unwrap();
    assert!(compacted["after"].as_u64() > compacted["live"].as_u64());
    assert_eq!(space(&running).await.live, compacted["live"].as_u64());
    assert_eq!(space(&running).await.first, Seq(3));
    running.stop().await;
    let (code, out, err) = world
        .command(&["store", "compact", "--output", "json"])
        .await;
    assert_eq!(code, 0, "{err}");
    let compacted: Value = serde_json::from_str(&out).unwrap();
    assert!(compacted["after"].as_u64() > compacted["live"].as_u64());
    let running = world.start().await;
    assert_eq!(space(&running).await.first, Seq(3));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_behind_holds_the_journal_and_is_named() {
    let world = world().await;
    world
        .receiver
        .respond_with(Answer::Status(503), When::Always);
    // There are more events than can be under way at once: the row of a failed delivery keeps no
    // entries back.
    for n in 0..40 {
        join(&world, &format!("Old {n}"));
    }
    let running = world.start().await;
    within("it fails", || async { world.receiver.count() > 0 }).await;
    running.stop().await;
    later(&world, DAY * 91);
    world.start().await.stop().await;
    later(&world, DAY);

    let running = world.start().await;

    let kept_for = space(&running).await.kept_for.unwrap();
    assert_eq!(kept_for.endpoint.0, "hr");
    assert!((1..40).contains(&kept_for.settled.0), "{kept_for:?}");
    let series = "qlik_roster_journal_held_since_timestamp_seconds{endpoint=\"hr\"} ";
    within("it is measured", || async {
        metric(&running, series).await > Some(0.0)
    })
    .await;
    // Settled entries are deleted, up to the first that the endpoint still needs.
    within("the journal is cut", || async {
        space(&running).await.first > Seq(2)
    })
    .await;
    let now = space(&running).await;
    assert!(
        now.first <= now.kept_for.unwrap().settled.next(),
        "what is not settled is gone"
    );
    // An entry whose delivery failed is kept beside the journal, as long as it is to be sent again.
    let failed = running.store().entry(Seq(2)).unwrap();
    assert!(
        failed.is_some(),
        "an event that is to be sent again is gone"
    );
    let (_, out, _) = world.command(&["status"]).await;
    assert!(out.contains("kept for endpoint hr"), "{out}");
    let (code, out, _) = world.command(&["store", "show", "--output", "json"]).await;
    assert_eq!(code, 0);
    let shown: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(shown["store"]["held_by"], "hr");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_sync_does_a_pass_of_maintenance() {
    // The command uses the machine's clock. By that clock all of this happened two days ago, and a
    // later run has checked the clock.
    let now = Clock::system().now();
    let world = world_at(Clock::stopped_at(before(now, 2 * 86_400 + 7_200))).await;
    world.clock.set(before(now, 86_400 + 3_600));
    world.one_run().await;
    let config = world.standard_config();
    world.write_config(&config.replace("[server]", "keep = \"1h\"\n[server]"));

    let (code, _, err) = world.command(&["sync"]).await;

    assert_eq!(code, 0, "{err}");
    let store = world.store();
    assert_eq!(store.first_seq().unwrap(), Seq(2));
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn compacting_where_there_is_no_store_makes_none() {
    let world = World::new().await;

    let (code, _, err) = world.command(&["store", "compact"]).await;

    assert_eq!(code, 7, "{err}");
    assert!(err.contains("there is none; look at `path`"), "{err}");
    let (code, _, again) = world.command(&["store", "compact"]).await;
    assert_eq!((code, again), (7, err));
}

fn before(time: Timestamp, seconds: i64) -> Timestamp {
    Timestamp::from_millis(time.millis() - seconds * 1000)
}
