//! What all users have is not given to them when the credentials come to see it.

use qlik_roster::demo::tenant::{Assignee, Directory, Endpoint, Fault, GroupEdit, NewUser, When};
use serde_json::Value;

use crate::spaces::{clock, read_again, read_once, world};
use crate::support::World;

/// The rights of which a receiver was told that all users gained or lost them.
fn told(world: &World) -> Vec<(String, String)> {
    let deliveries = world.receiver.deliveries().into_iter();
    let events = deliveries.filter(|delivery| delivery.is_accepted());
    let mut told: Vec<(String, String)> = events
        .map(|delivery| delivery.body.clone())
        .filter(|body| body["data"]["everybody"].is_object())
        .map(|body| {
            let right = &body["data"]["right"];
            let name = right["role"].as_str().or(right["name"].as_str()).unwrap();
            (body["type"].as_str().unwrap().to_owned(), name.to_owned())
        })
        .collect();
    told.sort();
    told
}

async fn json_of(world: &World, args: &[&str]) -> Value {
    let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_users_have_is_not_granted_to_them_when_groups_are_no_longer_refused() {
    let world = world(clock(), 2).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("\"group.*\"]", "\"access.*\"]"));
    let tenant = world.tenant.directory();
    let gives = |name: &str| {
        let edit = GroupEdit::AssignRole(tenant.create_role(name));
        tenant.update_group(&Directory::everyone(), edit).unwrap();
    };
    let everyone = || Assignee::Group(Directory::everyone());
    let spaces = tenant.spaces();
    gives("Old steward");
    for space in &spaces {
        drop(tenant.unassign(&space.id, &everyone()));
    }
    tenant
        .assign(&spaces[0].id, everyone(), &["consumer"])
        .unwrap();
    // Nothing of what this user has by own paths is hidden.
    let user = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::SystemGroups, Fault::Forbidden, When::Always);
    let running = world.start().await;
    read_once(&running).await;
    let before = world.clock.now().to_string();

    faults.clear();
    read_again(&world, &running).await;
    running.settled().await;

    assert_eq!(told(&world), []);
    let diff = json_of(&world, &["access", "diff", "--from", &before]).await;
    let changed = &diff["answers"][0]["everybody_changed"];
    assert_eq!(changed, &Value::from(Vec::<Value>::new()), "{diff}");
    let rows = json_of(&world, &["access", "--user", &user.to_string()]).await;
    let rows = rows["roles"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["right"]["name"] == "Old steward");
    assert_eq!(row.unwrap()["since"]["basis"], "before");

    // From now on it is known what all users have.
    gives("New steward");
    tenant
        .assign(&spaces[1].id, everyone(), &["consumer"])
        .unwrap();
    read_again(&world, &running).await;
    running.sync().await;
    running.settled().await;
    let granted = |name: &str| ("access.granted".to_owned(), name.to_owned());
    assert_eq!(told(&world), [granted("New steward"), granted("consumer")]);
    running.stop().await;
}
