//! The list of users beside an event is kept as long as the event, and no question takes its end for
//! an empty list.

use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Directory, GroupEdit, NewUser, RateLimits, TenantOptions};
use qlik_roster::model::Timestamp;
use qlik_roster::store::MaintenancePass;
use reqwest::StatusCode;
use serde_json::Value;

use crate::support::{Running, World};

/// How many users come to hold a role at once: more than get entries of their own.
const MANY: usize = 30;

/// A group whose members are to hold a role at once.
fn crowd(tenant: &Directory) {
    let role = tenant.create_role("Steward");
    let group = tenant.create_group("Platform");
    for number in 0..MANY {
        let user = NewUser {
            groups: vec![group.clone()],
            ..NewUser::named(&format!("Member {number:02}"))
        };
        tenant.create_user(user).unwrap();
    }
    let gives = GroupEdit::AssignRole(role);
    tenant.update_group(&group, gives).unwrap();
}

/// Deletes what is older than its keep time, as the daemon does.
fn maintain(world: &World, running: &Running) {
    let config = world.config();
    let endpoints = config.endpoints.iter().map(|it| it.name().clone());
    let store = running.store().clone();
    let now = world.clock.now();
    let pass = MaintenancePass::new(store, config.retention, endpoints.collect(), now);
    pass.finish().unwrap();
}

/// Requests the events after one. Returns the status, and how many events came.
async fn after(running: &Running, token: &str, event: &str) -> (StatusCode, Value) {
    let path = format!("/events?events=access.*&expand_lists=true&after={event}");
    let request = reqwest::Client::new().get(running.url(&path));
    let response = request.bearer_auth(token).send().await.unwrap();
    (response.status(), response.json().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_an_event_is_there_as_long_as_the_event_and_then_said_to_be_gone() {
    let start = Timestamp::parse("2026-03-01T08:00:00Z").unwrap();
    let options = TenantOptions {
        users: 10,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(Clock::stopped_at(start), options).await;
    let config = world.standard_config();
    let config = config.replace("events = [\"user.*\", \"role.*\", \"group.*\"]\n", "");
    world.write_config(&config.replace("[server]", "keep = \"1h\"\n[server]"));
    let running = world.start().await;
    let args = ["token", "create", "a consumer", "--scope", "events"];
    let (_, token, _) = world.command(&args).await;
    let token = token.trim();
    crowd(world.tenant.directory());
    running.sync().await;
    // Whoever is new holds it from the beginning: each has the same change, in one list.
    running.settled().await;
    let deliveries = world.receiver.deliveries();
    let mut bodies = deliveries.iter().map(|delivery| &delivery.body);
    let granted = bodies.find(|body| body["data"]["users"]["count"] == MANY);
    let event = granted.unwrap()["id"].as_str().unwrap().to_owned();
    let list = ["access", "changes", "--output", "jsonl", "--event", &event];
    let of_one = format!("{event}_3");

    // A moment before its time is over, all of it is there.
    world.clock.set(start.plus(Duration::from_secs(3_599)));
    maintain(&world, &running);
    let (code, out, err) = world.command(&list).await;
    assert_eq!((code, out.lines().count()), (0, MANY), "{err}");
    let (status, page) = after(&running, token, &of_one).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    assert_eq!(page["data"].as_array().unwrap().len(), MANY - 4);

    world.clock.set(start.plus(Duration::from_secs(3_601)));
    maintain(&world, &running);
    for (args, said) in [
        (&list[..], "no longer exists"),
        (
            &["access", "changes", "--event", &of_one],
            "no longer exists",
        ),
        (&["events", "show", &event], "was deleted"),
        (
            &["replay", "--endpoint", "hr", "--event", &event],
            "no longer exists",
        ),
    ] {
        let (code, out, err) = world.command(args).await;
        assert_eq!((code, out.as_str()), (7, ""), "{args:?}: {err}");
        assert!(err.contains(said), "{args:?}: {err}");
    }
    let (status, page) = after(&running, token, &of_one).await;
    assert_eq!(
        (status, &page["reason"]),
        (StatusCode::GONE, &Value::from("cut")),
        "{page}"
    );
    let check = running.store().check().unwrap();
    assert_eq!(check.faults, []);
    running.stop().await;
}
