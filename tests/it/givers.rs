//! Who gave somebody a role, and when: as the audit log reports it, and nothing where it does not.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::{AccessRow, Since, query};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, GroupEdit, LogFault, RateLimits, TenantOptions, When,
};
use qlik_roster::model::{RoleId, TenantName, Timestamp, UserId};

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

/// A daemon that polls, a role, and people who do not have it.
struct Scene {
    world: World,
    running: Running,
    role: RoleId,
    people: Vec<UserId>,
}

impl Scene {
    async fn begin() -> Self {
        let world = world().await;
        let tenant = world.tenant.directory();
        let people = tenant.users().into_iter();
        let people = people.filter(|user| user.client_id.is_none());
        let people = people.map(|user| user.id).collect();
        let role = tenant.create_role("Steward");
        let running = world.start().await;
        within("polls go on", || async {
            let store = running.store();
            let known = store.tenants().unwrap();
            store.bookmark(known[0].no).unwrap().is_some()
        })
        .await;
        Self {
            world,
            running,
            role,
            people,
        }
    }

    /// Lets a minute pass, then changes a user in the name of another. Returns the time of the
    /// change.
    fn act(&self, actor: &UserId, user: &UserId, edit: Edit) -> Timestamp {
        let tenant = self.world.tenant.directory();
        let at = pass(&self.world);
        tenant.audit().act_as(Some(actor.clone()));
        tenant.update_user(user, edit).unwrap();
        at
    }

    fn assign(&self) -> Edit {
        Edit::AssignRole(self.role.clone())
    }

    /// Makes polls fail until the faults are cleared.
    fn stop_polls(&self) {
        let faults = self.world.tenant.faults();
        faults.on(Endpoint::Audits, Fault::Internal, When::Always);
    }

    fn go_on(&self) {
        self.world.tenant.faults().clear();
    }

    /// Waits until exactly these users are known as possible givers of the role.
    async fn given_by(&self, user: &UserId, givers: &[&UserId]) {
        let expected: BTreeSet<UserId> = givers.iter().copied().cloned().collect();
        within("the givers are known", || async {
            let row = row(&self.running, user, "Steward").await;
            row.is_some_and(|row| ids(&row) == expected)
        })
        .await;
    }

    /// Waits until the role of a user is found, and returns the row.
    async fn found(&self, user: &UserId) -> AccessRow {
        let found = || async {
            let row = row(&self.running, user, "Steward").await?;
            let is_found = matches!(
                row.since,
                Some(Since::Audit { .. } | Since::Observed { .. })
            );
            is_found.then_some(row)
        };
        within("the role is found", || async { found().await.is_some() }).await;
        found().await.unwrap()
    }

    /// Waits until polls have read the audit log up to now.
    async fn polled(&self) {
        let now = self.world.clock.now();
        within("a poll reads up to now", || async {
            let store = self.running.store();
            let no = store.tenants().unwrap()[0].no;
            store.bookmark(no).unwrap().unwrap().until >= now
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn if_several_changed_the_record_between_two_polls_it_may_have_been_each() {
    let scene = Scene::begin().await;
    let [anna, bert, maria] = [0, 1, 2].map(|n| &scene.people[n]);
    scene.stop_polls();
    let first = scene.act(anna, maria, scene.assign());
    let last = scene.act(bert, maria, Edit::Name("Maria B.".to_owned()));
    scene.go_on();

    let either = scene.found(maria).await;

    assert_reported(&either, first, last);
    assert_eq!(ids(&either), BTreeSet::from([anna.clone(), bert.clone()]));
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_more_than_eight_changed_the_record_or_one_is_not_named_nobody_is_named() {
    let scene = Scene::begin().await;
    let [maria, jon] = [10, 11].map(|n| &scene.people[n]);
    scene.stop_polls();
    let first = scene.act(&scene.people[0], maria, scene.assign());
    let mut last = first;
    for actor in &scene.people[1..9] {
        last = scene.act(actor, maria, Edit::Touch);
    }
    scene.act(&scene.people[0], jon, scene.assign());
    let log = scene.world.tenant.directory().audit();
    log.on(LogFault::Anonymous, When::Always);
    scene.act(&scene.people[1], jon, Edit::Touch);
    scene.go_on();

    let of_many = scene.found(maria).await;
    let of_one_unknown = scene.found(jon).await;

    assert_reported(&of_many, first, last);
    for row in [of_many, of_one_unknown] {
        assert!(matches!(row.since, Some(Since::Audit { .. })), "{row:?}");
        assert_eq!(ids(&row), BTreeSet::new());
    }
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_the_record_is_added_if_the_event_is_late() {
    let scene = Scene::begin().await;
    let [anna, bert, maria] = [0, 1, 2].map(|n| &scene.people[n]);
    let log = scene.world.tenant.directory().audit();
    log.on(LogFault::Late(3 * MINUTE), When::Always);
    let first = scene.act(anna, maria, scene.assign());
    log.clear();
    let last = scene.act(bert, maria, Edit::Name("Maria B.".to_owned()));
    scene.given_by(maria, &[bert]).await;

    scene
        .world
        .clock
        .set(scene.world.clock.now().plus(3 * MINUTE));
    scene.given_by(maria, &[anna, bert]).await;

    let either = scene.found(maria).await;
    assert_reported(&either, first, last);
    // Later changes of the record did not give the role.
    scene.act(&scene.people[4], maria, Edit::Name("Maria C.".to_owned()));
    scene.polled().await;
    scene.given_by(maria, &[anna, bert]).await;
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_if_the_record_was_changed_after_the_last_event() {
    let scene = Scene::begin().await;
    let [anna, bert, jon] = [0, 1, 3].map(|n| &scene.people[n]);
    let log = scene.world.tenant.directory().audit();
    scene.stop_polls();
    scene.act(anna, jon, Edit::Name("Jon D.".to_owned()));
    log.on(LogFault::Late(3 * MINUTE), When::Always);
    scene.act(bert, jon, scene.assign());
    log.clear();
    scene.go_on();

    let unknown = scene.found(jon).await;
    assert!(matches!(unknown.since, Some(Since::Observed { .. })));
    assert_eq!(ids(&unknown), BTreeSet::new());

    scene
        .world
        .clock
        .set(scene.world.clock.now().plus(3 * MINUTE));
    scene.polled().await;
    scene.given_by(jon, &[]).await;
    scene.running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_a_role_to_a_group_gave_it_to_its_members_only() {
    let scene = Scene::begin().await;
    let [anna, carl, maria] = [0, 1, 2].map(|n| &scene.people[n]);
    let tenant = scene.world.tenant.directory();
    let group = tenant.create_group("Platform");
    scene.polled().await;
    scene.stop_polls();
    scene.act(anna, maria, scene.assign());
    tenant.audit().act_as(Some(carl.clone()));
    tenant
        .update_group(&group, GroupEdit::AssignRole(scene.role.clone()))
        .unwrap();
    scene.go_on();

    scene.given_by(maria, &[anna]).await;
    scene.running.stop().await;
}
