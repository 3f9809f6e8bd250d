//! Receivers and operators are told how a run changed who holds which right.

use std::collections::BTreeSet;

use qlik_roster::demo::tenant::{Edit, GroupEdit, NewUser, TenantOptions};
use qlik_roster::model::{GroupId, Id, RoleId, UserId};
use serde_json::Value;

use crate::support::{World, within};

/// How many users get a role at once. A list has parts of 200.
const MANY: usize = 450;

/// A tenant with a group of many, one in ten of whom holds the role that the group is to give.
/// Returns the group and the role.
async fn world() -> (World, GroupId, RoleId) {
    let options = TenantOptions {
        users: 10,
        ..TenantOptions::default()
    };
    let world = World::with(options).await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Steward");
    let group = tenant.create_group("Platform");
    for number in 0..MANY {
        let roles = match number % 10 {
            0 => vec![role.clone()],
            _ => Vec::new(),
        };
        let user = NewUser {
            roles,
            groups: vec![group.clone()],
            ..NewUser::named(&format!("Member {number:03}"))
        };
        tenant.create_user(user).unwrap();
    }
    (world, group, role)
}

/// The events of a type that a receiver accepted, by id.
fn told(world: &World, event_type: &str) -> Vec<Value> {
    let mut seen = BTreeSet::new();
    let deliveries = world.receiver.deliveries();
    let events = deliveries
        .iter()
        .filter(|delivery| delivery.is_accepted())
        .map(|delivery| delivery.body.clone())
        .filter(|event| event["type"] == event_type);
    events
        .filter(|event| seen.insert(event["id"].as_str().unwrap().to_owned()))
        .collect()
}

/// How often events of a type were accepted, those that came again included.
fn n_delivered(world: &World, event_type: &str) -> usize {
    let deliveries = world.receiver.deliveries();
    let accepted = deliveries.iter().filter(|delivery| delivery.is_accepted());
    accepted
        .filter(|delivery| delivery.event_type.as_deref() == Some(event_type))
        .count()
}

fn all_events(world: &World) -> String {
    let config = world.standard_config();
    let all = config.replace("events = [\"user.*\", \"role.*\", \"group.*\"]\n", "");
    assert_ne!(all, config);
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn many_users_are_one_event_with_a_way_to_list_them() {
    let (world, group, role) = world().await;
    world.write_config(&all_events(&world));
    let running = world.start().await;
    let tenant = world.tenant.directory();
    tenant
        .update_group(&group, GroupEdit::AssignRole(role.clone()))
        .unwrap();

    running.sync().await;
    within("both are told", || async {
        told(&world, "access.granted").len() == 1 && told(&world, "access.path_changed").len() == 1
    })
    .await;

    let granted = told(&world, "access.granted").remove(0);
    let data = &granted["data"];
    assert_eq!(data["users"]["count"], 405);
    assert_eq!(data["right"]["name"], "Steward");
    assert_eq!(data["before"], serde_json::json!([]));
    assert_eq!(data["after"][0]["group"]["name"], "Platform");
    let changed = told(&world, "access.path_changed").remove(0);
    assert_eq!(changed["data"]["users"]["count"], 45);

    let command = data["users"]["command"].as_str().unwrap();
    let args: Vec<&str> = command.split(' ').skip(1).collect();
    let (code, out, err) = world
        .command(&[&args[..], &["--output", "jsonl"]].concat())
        .await;
    assert_eq!(code, 0, "{err}");
    let listed: Vec<Value> = out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(listed.len(), 405);
    let names: BTreeSet<&str> = listed
        .iter()
        .map(|row| row["user"]["name"].as_str().unwrap())
        .collect();
    let expected: Vec<String> = (0..MANY)
        .filter(|number| number % 10 > 0)
        .map(|number| format!("Member {number:03}"))
        .collect();
    assert!(
        names
            .iter()
            .copied()
            .eq(expected.iter().map(String::as_str))
    );

    // The list asks by the event's id: for all of its users, for one, and for the first few.
    let id = granted["id"].as_str().unwrap();
    let of_one = format!("{id}_3");
    for (more, n_rows) in [
        (&["--event", id][..], 405),
        (&["--event", id, "--user", "member 017"], 1),
        (&["--event", id, "--limit", "7"], 7),
        (&["--event", &of_one], 1),
        (&["--role", "steward", "--user", "Member 020"], 1),
        (&["--role", "TenantAdmin", "--event", id], 0),
    ] {
        let args = [&["access", "changes", "--output", "jsonl"][..], more].concat();
        let (code, out, err) = world.command(&args).await;
        assert_eq!((code, out.lines().count()), (0, n_rows), "{more:?} {err}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_may_get_an_event_for_each_user_of_a_list() {
    let (world, group, role) = world().await;
    let config = all_events(&world).replace(
        "name = \"hr\"",
        "name = \"hr\"\nexpand_lists = true\nmax_per_second = 200",
    );
    world.write_config(&config);
    let mut running = world.start().await;
    let tenant = world.tenant.directory();
    tenant
        .update_group(&group, GroupEdit::AssignRole(role.clone()))
        .unwrap();
    // The daemon is stopped in the middle.
    running.sync().await;
    within("a part is told", || async {
        told(&world, "access.granted").len() > 50
    })
    .await;
    running.stop().await;
    let before: BTreeSet<String> = ids(&told(&world, "access.granted"));
    running = world.start().await;

    within("each is told", || async {
        told(&world, "access.granted").len() == 405
            && told(&world, "access.path_changed").len() == 45
    })
    .await;
    let granted = told(&world, "access.granted");
    let users: BTreeSet<&str> = granted
        .iter()
        .map(|event| event["data"]["user"]["remote_id"].as_str().unwrap())
        .collect();
    assert_eq!(users.len(), 405, "each once, under an id that stays");
    assert!(ids(&granted).is_superset(&before));
    assert!(
        granted
            .iter()
            .all(|event| event["data"].get("users").is_none())
    );

    // The event of all of them is sent again as it was sent: to each.
    let n_before = n_delivered(&world, "access.granted");
    let seq = granted[0]["sequence"].to_string();
    let args = ["replay", "--endpoint", "hr", "--event", &seq];
    let (code, _, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    within("each is told again", || async {
        n_delivered(&world, "access.granted") == n_before + 405
    })
    .await;
    assert_eq!(ids(&told(&world, "access.granted")), ids(&granted));

    // A later change of one of these users is delivered after that.
    let one = UserId(Id::parse(users.iter().next().unwrap()).unwrap());
    tenant.update_user(&one, Edit::LeaveGroup(group)).unwrap();
    running.sync().await;
    within("the end is told", || async {
        told(&world, "access.revoked").len() == 1
    })
    .await;
    running.settled().await;
    for left in ["--waiting", "--parked"] {
        let args = ["deliveries", left, "--output", "jsonl"];
        let (code, out, err) = world.command(&args).await;
        assert_eq!((code, out.as_str()), (0, ""), "{err}");
    }
    running.stop().await;
}

fn ids(events: &[Value]) -> BTreeSet<String> {
    let ids = events.iter().map(|event| event["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_may_not_know_roles_learns_of_none() {
    let world = World::new().await;
    let config = all_events(&world).replace(
        "name = \"hr\"",
        "name = \"hr\"\nomit = [\"user.roles\", \"user.name\", \"group.name\"]",
    );
    world.write_config(&config);
    let running = world.start().await;
    let tenant = world.tenant.directory();
    let role = tenant.role_named("TenantAdmin").unwrap();
    let new = NewUser {
        roles: vec![role],
        ..NewUser::named("Nia Okafor")
    };
    tenant.create_user(new).unwrap();

    running.sync().await;
    running.settled().await;

    assert_eq!(told(&world, "user.created").len(), 1);
    assert_eq!(told(&world, "access.granted").len(), 0);
    running.stop().await;
}
