//! Who gave somebody a role, and when: as the audit log reports it, and nothing where it does not.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::{AccessRow, Since, query};
use qlik_roster::demo::tenant::{Edit, GroupEdit, RateLimits, TenantOptions};
use qlik_roster::model::{TenantName, Timestamp, UserId};

use crate::support::{Running, World, within};

const MINUTE: Duration = Duration::from_secs(60);

/// A world whose clock the test moves, and whose audit log is polled every second.
async fn world() -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    world
}

/// Moves the clock, so that what follows has a time of its own.
fn pass(world: &World) -> Timestamp {
    world.clock.set(world.clock.now().plus(MINUTE));
    world.clock.now()
}

/// Returns the row of a user and a role; `None` if the user does not hold it.
async fn row(running: &Running, user: &UserId, role: &str) -> Option<AccessRow> {
    let answer = running.ask(query::UserAccess {
        tenant: TenantName("acme".to_owned()),
        user: user.clone(),
        role: Some(role.to_owned()),
        at: None,
        after: None,
        limit: 10,
    });
    answer.await.roles.into_iter().next()
}

/// Waits until a user holds a role, and returns the row.
async fn role_of(running: &Running, user: &UserId, role: &str) -> AccessRow {
    within("the user holds the role", || async {
        row(running, user, role).await.is_some()
    })
    .await;
    row(running, user, role).await.unwrap()
}

fn ids(row: &AccessRow) -> BTreeSet<UserId> {
    row.given_by.iter().map(|giver| giver.id.clone()).collect()
}

#[track_caller]
fn assert_reported(row: &AccessRow, first: Timestamp, last: Timestamp) {
    let Some(Since::Audit { reported, .. }) = &row.since else {
        panic!("{:?}", row.since);
    };
    assert_eq!((reported.first, reported.last), (first, last));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_a_role_is_whom_the_audit_log_names_for_the_record_that_changed() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let people: Vec<_> = tenant
        .users()
        .into_iter()
        .filter(|it| it.client_id.is_none())
        .collect();
    let [anna, bert, maria, jon] = [0, 1, 2, 3].map(|n| people[n].id.clone());
    let steward = tenant.create_role("Steward");
    let auditor = tenant.create_role("Auditor");
    let group = tenant.create_group("Platform");
    tenant
        .update_user(&jon, Edit::JoinGroup(group.clone()))
        .unwrap();
    let running = world.start().await;
    within("polls go on", || async {
        let store = running.store();
        let known = store.tenants().unwrap();
        store.bookmark(known[0].no).unwrap().is_some()
    })
    .await;

    // Directly.
    let at = pass(&world);
    tenant.audit().act_as(Some(anna.clone()));
    tenant
        .update_user(&maria, Edit::AssignRole(steward.clone()))
        .unwrap();
    let direct = role_of(&running, &maria, "Steward").await;
    assert_reported(&direct, at, at);
    assert_eq!(ids(&direct), BTreeSet::from([anna.clone()]));
    assert_eq!(direct.given_by[0].name.as_deref(), Some(&*people[0].name));

    // The user now holds the role through a group, to which somebody else gave it. Other changes of
    // the user do not say who gave the role.
    let at = pass(&world);
    tenant.audit().act_as(Some(bert.clone()));
    tenant
        .update_group(&group, GroupEdit::AssignRole(auditor.clone()))
        .unwrap();
    tenant.audit().act_as(Some(anna.clone()));
    tenant
        .update_user(&jon, Edit::Name("Jon D.".to_owned()))
        .unwrap();
    let by_group = role_of(&running, &jon, "Auditor").await;
    assert_reported(&by_group, at, at);
    assert_eq!(ids(&by_group), BTreeSet::from([bert.clone()]));

    // If two changed the record before it was looked at, it may have been either.
    running.stop().await;
    let first = pass(&world);
    tenant
        .update_user(&anna, Edit::AssignRole(steward.clone()))
        .unwrap();
    let last = pass(&world);
    tenant.audit().act_as(Some(bert.clone()));
    tenant
        .update_user(&anna, Edit::Name("Anna B.".to_owned()))
        .unwrap();
    let running = world.start().await;
    let either = role_of(&running, &anna, "Steward").await;
    match &either.since {
        Some(Since::Audit { .. }) => {
            assert_reported(&either, first, last);
            assert_eq!(ids(&either), BTreeSet::from([anna.clone(), bert.clone()]));
        }
        // The run at the daemon's start may find the role first; then nothing says who gave it.
        other => {
            assert!(matches!(other, Some(Since::Observed { .. })), "{other:?}");
            assert_eq!(ids(&either), BTreeSet::new());
        }
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_a_role_is_not_known_of_what_was_there_before_and_of_what_a_full_run_found() {
    let world = world().await;
    let config = world.standard_config();
    world.write_config(&config);
    let tenant = world.tenant.directory();
    let people: Vec<_> = tenant
        .users()
        .into_iter()
        .filter(|it| it.client_id.is_none())
        .collect();
    let [maria, jon] = [2, 3].map(|n| people[n].id.clone());
    let steward = tenant.create_role("Steward");
    tenant
        .update_user(&maria, Edit::AssignRole(steward.clone()))
        .unwrap();
    let running = world.start().await;

    let before = role_of(&running, &maria, "Steward").await;
    assert!(matches!(before.since, Some(Since::BeforeFirstLoad { .. })));
    assert_eq!(ids(&before), BTreeSet::new());

    pass(&world);
    tenant.update_user(&jon, Edit::AssignRole(steward)).unwrap();
    running.sync().await;
    let by_sweep = role_of(&running, &jon, "Steward").await;
    assert!(matches!(by_sweep.since, Some(Since::Observed { .. })));
    assert_eq!(ids(&by_sweep), BTreeSet::new());
    running.stop().await;
}
