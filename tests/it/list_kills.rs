//! The daemon is killed again and again while it sends the events of a list: one for each of many
//! users who come to hold a role at once.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, GroupEdit, NewUser, RateLimits, TenantOptions,
};
use qlik_roster::model::{EventId, Fact, GroupId, Id, RightHolders, RoleId, Seq, UserId};
use serde_json::Value;

use crate::support::{World, within};

/// How many users get the role at once. A list has parts of 200.
const MANY: usize = 450;

/// One in ten of them holds it already.
const N_HOLDERS: usize = MANY / 10;

/// How many times to kill it in the run that finds the change, and again while the lists are sent.
const N_KILLS: usize = 6;

/// The most deliveries before a kill: there must be a few kills before all are sent.
const MAX_SENT: u64 = 60;

/// Creates a large group, some of whose members already hold the role that the group will give.
fn crowd(tenant: &Directory) -> (GroupId, RoleId) {
    let role = tenant.create_role("Steward");
    let group = tenant.create_group("Platform");
    for number in 0..MANY {
        let roles = match number < N_HOLDERS {
            true => vec![role.clone()],
            false => Vec::new(),
        };
        let user = NewUser {
            roles,
            groups: vec![group.clone()],
            ..NewUser::named(&format!("Member {number:03}"))
        };
        tenant.create_user(user).unwrap();
    }
    (group, role)
}

/// Makes the daemon send an event for each user of a list, one after the other.
fn configure(world: &World) {
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let all = config
        .replace("events = [\"user.*\", \"role.*\", \"group.*\"]\n", "")
        .replace(
            "name = \"hr\"",
            "name = \"hr\"\nexpand_lists = true\nmax_in_flight = 1",
        );
    world.write_config(&all);
}

/// Returns the events about what users hold, in the order in which each first came. Asserts that
/// each always had the same body.
fn told(world: &World) -> Vec<(EventId, Value)> {
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut told = Vec::new();
    for delivery in world.receiver.deliveries() {
        assert!(delivery.verified, "a signature did not verify");
        let kind = delivery.body["type"].as_str().unwrap();
        if !kind.starts_with("access.") {
            continue;
        }
        let id = delivery.body["id"].as_str().unwrap();
        assert_eq!(id, delivery.id);
        if let Some(first) = bodies.get(id) {
            assert_eq!(*first, delivery.raw, "an event changed between attempts");
        } else {
            bodies.insert(id.to_owned(), delivery.raw.to_vec());
            told.push((id.parse().unwrap(), delivery.body.clone()));
        }
    }
    told
}

/// Returns how many users each list in the store has, by entry.
fn lists(world: &World) -> BTreeMap<Seq, u64> {
    let store = world.store();
    let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
    let lists = entries.filter_map(|entry| match entry.fact {
        Fact::RightChanged(right) => match right.holders {
            RightHolders::Listed { count, .. } => Some((entry.seq, count)),
            RightHolders::One(_) | RightHolders::Everybody { .. } => None,
        },
        _ => None,
    });
    let lists = lists.collect();
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
    lists
}

/// Asserts that a list's users came in order and without a gap, from the first one. Returns how
/// many came.
#[track_caller]
fn assert_in_order(told: &[(EventId, Value)], entry: Seq) -> u64 {
    let numbers = told.iter().filter(|(id, _)| id.seq == entry);
    let numbers: Vec<u64> = numbers.map(|(id, _)| id.member.unwrap()).collect();
    let expected: Vec<u64> = (0..numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "of entry {entry}");
    numbers.len() as u64
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_a_list_is_sent_lose_no_user_and_keep_their_order() {
    let world = World::with(TenantOptions {
        users: 10,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let tenant = world.tenant.directory();
    let (group, role) = crowd(tenant);
    configure(&world);
    world.one_run().await;
    let mut dice = fastrand::Rng::with_seed(7);
    tenant
        .update_group(&group, GroupEdit::AssignRole(role))
        .unwrap();

    // Kills in the run that finds the change, before or while the lists are written.
    for _ in 0..N_KILLS {
        let users = || world.tenant.requests().at(Endpoint::Users);
        let target = users() + dice.u64(2..7);
        let mut daemon = world.serve();
        within("users are read", || async { users() >= target }).await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
    // Kills while the lists are sent.
    let mut n_between = 0;
    for _ in 0..N_KILLS {
        let target = world.receiver.count() + dice.u64(10..MAX_SENT);
        let mut daemon = world.serve();
        within("some are told", || async {
            world.receiver.count() >= target
        })
        .await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        let told = told(&world);
        for (entry, count) in lists(&world) {
            let n_told = assert_in_order(&told, entry);
            n_between += u64::from(0 < n_told && n_told < count);
        }
    }
    assert!(n_between > 2, "the kills missed their marks");
    // A later change of one of these users is sent after the lists.
    let one = told(&world)[0].1["data"]["user"]["remote_id"].clone();
    let one = UserId(Id::parse(one.as_str().unwrap()).unwrap());
    tenant.update_user(&one, Edit::LeaveGroup(group)).unwrap();
    let running = world.start().await;
    running.settled().await;
    running.stop().await;

    let lists = lists(&world);
    assert_eq!(lists.len(), 2, "who holds it now, and who holds it twice");
    let told = told(&world);
    for (entry, count) in &lists {
        assert_eq!(assert_in_order(&told, *entry), *count);
    }
    let users = |kind: &str| {
        let of_kind = told.iter().filter(|(_, event)| event["type"] == kind);
        let users = of_kind.map(|(_, event)| event["data"]["user"]["remote_id"].to_string());
        users.collect::<BTreeSet<String>>()
    };
    let n_granted = users("access.granted").len();
    assert_eq!(n_granted, MANY - N_HOLDERS, "each once");
    assert_eq!(users("access.path_changed").len(), N_HOLDERS);
    let (last, event) = told.last().unwrap();
    assert!(lists.keys().all(|entry| *entry < last.seq), "{event}");
}
