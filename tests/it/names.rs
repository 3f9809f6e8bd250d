//! A role or group that is renamed is one event, and whoever mentions it shows the new name.

use std::collections::BTreeMap;

use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Generations, GroupEdit, NewUser, RoleEdit, When,
};
use qlik_roster::model::{Outcome, UserId};
use serde_json::Value;

use crate::audit;
use crate::support::{Running, World, within};

/// Returns the names of what a record mentions: its roles, then its groups.
fn mentioned(record: &Value) -> Vec<String> {
    let lists = ["roles", "groups"].iter().flat_map(|list| {
        let list = record[*list].as_array().cloned().unwrap_or_default();
        list.into_iter()
            .map(|one| one["name"].as_str().unwrap().to_owned())
    });
    lists.collect()
}

/// The records of all events so far, with their types.
fn told(world: &World) -> Vec<(String, Value)> {
    let deliveries = world.receiver.deliveries();
    let told = deliveries.iter().map(|it| {
        let kind = it.body["type"].as_str().unwrap().to_owned();
        (kind, it.body["data"]["record"].clone())
    });
    told.collect()
}

async fn n_told(world: &World, running: &Running, n: usize) -> Vec<(String, Value)> {
    within("the events are told", || async {
        world.receiver.deliveries().len() >= n
    })
    .await;
    running.settled().await;
    let told = told(world);
    assert_eq!(told.len(), n, "{told:#?}");
    told
}

async fn shown(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(args).await;
    assert_eq!(code, 0, "{err}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_mentions_a_renamed_role_or_group_shows_the_new_name() {
    for polls in ["off", "1s"] {
        let world = audit::world(Generations::Core).await;
        audit::poll_every(&world, polls);
        let directory = world.tenant.directory();
        let (role, group) = (
            directory.create_role("Auditor"),
            directory.create_group("Team"),
        );
        let member = |name: &str| {
            let new = NewUser {
                roles: vec![role.clone()],
                groups: vec![group.clone()],
                ..NewUser::named(name)
            };
            directory.create_user(new).unwrap()
        };
        let members: Vec<UserId> = ["Ann", "Bob", "Cid"].map(member).into();
        let assign = GroupEdit::AssignRole(role.clone());
        directory.update_group(&group, assign).unwrap();
        let running = world.start().await;
        if polls == "off" {
            running.sync().await;
        }
        let [ann, bob, cid] = &members[..] else {
            panic!()
        };
        let before = directory.update_user(ann, Edit::Name("Anna".to_owned()));
        before.unwrap();
        running.sync().await;
        let told = n_told(&world, &running, 1).await;
        assert_eq!(mentioned(&told[0].1), ["Auditor", "Team"]);

        let name = RoleEdit::Name("Senior Auditor".to_owned());
        directory.update_role(&role, name).unwrap();
        let name = GroupEdit::Name("Crew".to_owned());
        directory.update_group(&group, name).unwrap();
        running.sync().await;

        // Each rename is one event; users and groups that mention the name get none.
        let told = n_told(&world, &running, 3).await;
        let renames: BTreeMap<_, _> = told[1..].iter().cloned().collect();
        assert_eq!(mentioned(&renames["group.updated"]), ["Senior Auditor"]);
        assert_eq!(renames["role.updated"]["name"], "Senior Auditor");
        let new = ["Senior Auditor", "Crew"];
        let show = ["users", "show", &bob.to_string(), "--output", "json"];
        assert!(
            shown(&world, &show)
                .await
                .to_string()
                .contains("Senior Auditor")
        );
        for args in [&show[..], &["users", "--output", "json"]] {
            let text = shown(&world, args).await.to_string();
            assert!(
                !text.contains("\"Auditor\"") && !text.contains("\"Team\""),
                "{args:?}"
            );
            assert!(
                text.contains("\"Senior Auditor\"") && text.contains("\"Crew\""),
                "{args:?}"
            );
        }

        // Later commits have the new names, even if the source shows none.
        world
            .tenant
            .faults()
            .on(Endpoint::Users, Fault::MissingRoles, When::Always);
        world
            .tenant
            .faults()
            .on(Endpoint::User, Fault::MissingRoles, When::Always);
        directory
            .update_user(bob, Edit::Name("Bobby".to_owned()))
            .unwrap();
        directory.delete_user(cid).unwrap();
        let run = running.sync().await;
        assert_eq!(run.outcome, Outcome::Degraded);
        let told = n_told(&world, &running, 5).await;
        let later: BTreeMap<_, _> = told[3..].iter().cloned().collect();
        assert_eq!(mentioned(&later["user.updated"]), new);
        assert_eq!(mentioned(&later["user.deleted"]), new);

        tells_again(&world, &running, ann, &new).await;
        running.stop().await;
    }
}

/// A backfill sends the new names too; a replay sends events as they were sent before.
async fn tells_again(world: &World, running: &Running, ann: &UserId, new: &[&str]) {
    // The backfill sends everybody's record.
    let (code, _, err) = world.command(&["endpoints", "backfill", "hr"]).await;
    assert_eq!(code, 0, "{err}");
    let is_ann = |record: &Value| record["remote_id"] == ann.to_string().as_str();
    within("the backfill is over", || async {
        let told = told(world);
        told.iter()
            .any(|(kind, record)| kind == "user.snapshot" && is_ann(record))
    })
    .await;
    running.settled().await;
    let snapshots = told(world).into_iter();
    let mut snapshots =
        snapshots.filter(|(kind, record)| kind == "user.snapshot" && is_ann(record));
    assert_eq!(mentioned(&snapshots.next().unwrap().1), new);

    // What was told before is told again as it was.
    let (code, _, err) = world
        .command(&[
            "replay",
            "--endpoint",
            "hr",
            "--since",
            "2026-05-01T00:00:00Z",
        ])
        .await;
    assert_eq!(code, 0, "{err}");
    let first = world.receiver.deliveries()[0].clone();
    within("the first is told again", || async {
        let all = world.receiver.deliveries();
        all.iter()
            .filter(|it| it.body["id"] == first.body["id"])
            .count()
            == 2
    })
    .await;
    let mut bodies: BTreeMap<String, Value> = BTreeMap::new();
    for delivery in world.receiver.deliveries() {
        let id = delivery.body["id"].as_str().unwrap().to_owned();
        let body = bodies.entry(id).or_insert_with(|| delivery.body.clone());
        assert_eq!(*body, delivery.body);
    }
}
