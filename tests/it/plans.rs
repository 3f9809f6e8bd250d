//! Plans that wait: what they cost while they do, what they show, and that nothing relies on an
//! outdated answer.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::{PlanRow, query};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Group, RateLimits, TenantOptions, User, When,
};
use qlik_roster::model::{GroupId, Kind, Outcome, PlanId, PlanState, RoleId, Run, Timestamp};
use serde_json::{Value, json};

use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};

/// Requests that may be under way at one time.
const AT_ONCE: u64 = 4;

/// The greatest age of an answer that a removal relies on, and of one that only makes removals
/// wait.
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// A tenant with a clock that stands still until it is set, and with tokens that last.
async fn world_of(users: usize) -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-03-01T03:00:00Z").unwrap());
    World::by(
        clock,
        TenantOptions {
            users,
            groups: 12,
            rate_limits: RateLimits::Off,
            token_lifetime: Duration::from_secs(30 * 24 * 60 * 60),
            ..TenantOptions::default()
        },
    )
    .await
}

fn pass(world: &World, time: Duration) {
    world.clock.set(world.clock.now().plus(time));
}

fn people(world: &World) -> Vec<User> {
    let people = world.tenant.directory().users().into_iter();
    people.filter(|user| user.client_id.is_none()).collect()
}

fn asked(world: &World, users: &[User]) -> Vec<u64> {
    let users = users.iter();
    users
        .map(|user| world.tenant.asked_for(&user.id.0))
        .collect()
}

fn n_asked(world: &World) -> u64 {
    world.tenant.requests().at(Endpoint::User)
}

async fn approve(running: &Running, id: PlanId) -> (PlanRow, Run) {
    running.approve(id).await.unwrap()
}

fn deleted(world: &World) -> usize {
    let deliveries = world.receiver.deliveries();
    let types = deliveries.iter().map(|delivery| &delivery.body["type"]);
    types.filter(|found| **found == "user.deleted").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_records_are_asked_for_several_at_once_and_never_more() {
    let world = world_of(120).await;
    world.let_all_go();
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let slow = Fault::Slow(Duration::from_millis(20));
    world.tenant.faults().on(Endpoint::User, slow, When::Always);

    let run = running.sync().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(run.counts[&Kind::User].deleted, 60);
    assert_eq!(world.tenant.most_at_once(Endpoint::User), AT_ONCE);
    assert_eq!(asked(&world, leavers), [1; 60]);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_request_does_not_repeat_the_others() {
    let world = world_of(120).await;
    world.let_all_go();
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let html = Fault::Html(404);
    world
        .tenant
        .faults()
        .on(Endpoint::User, html, When::Nth(31));

    let first = running.sync().await;
    let after_first = asked(&world, leavers);
    let second = running.sync().await;
    running.settled().await;

    assert!(
        matches!(first.outcome, Outcome::Failed { .. }),
        "{:?}",
        first.outcome
    );
    let n_first: u64 = after_first.iter().sum();
    assert!((31..60).contains(&n_first), "{n_first}");
    assert_eq!(second.outcome, Outcome::Succeeded);
    assert_eq!(second.counts[&Kind::User].deleted, 60);
    let mut times = asked(&world, leavers);
    times.sort_unstable();
    assert_eq!(times[..59], [1; 59], "all but the failed one once");
    assert_eq!(times[59], 2);
    assert_eq!(deleted(&world), 60);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_waits_is_asked_for_once_a_day_and_when_it_is_approved() {
    let world = world_of(120).await;
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }

    let first = running.sync().await;
    let once = n_asked(&world);
    for _ in 0..3 {
        pass(&world, KEPT / 4);
        assert_eq!(running.sync().await.outcome, Outcome::Held);
    }
    let while_it_waited = n_asked(&world);
    pass(&world, KEPT / 4 + Duration::from_secs(1));
    let next_day = running.sync().await;
    let a_day_later = n_asked(&world);
    let id = first.held.unwrap().plan.unwrap();
    let (plan, run) = approve(&running, id).await;
    running.settled().await;

    assert_eq!(once, 60);
    assert_eq!(while_it_waited, 60, "a waiting plan costs nothing");
    assert_eq!(a_day_later, 120);
    assert_eq!(next_day.held.unwrap().plan, Some(id), "the same plan");
    assert_eq!(n_asked(&world), 180, "what was approved is asked for");
    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(run.counts[&Kind::User].deleted, 60);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_waits_costs_nothing_though_the_listing_leaves_others_out() {
    let world = world_of(230).await;
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let id = running.sync().await.held.unwrap().plan;
    let left_out = Fault::PageLeftOut;
    world
        .tenant
        .faults()
        .on(Endpoint::Users, left_out, When::Nth(1));

    let run = running.sync().await;

    assert_eq!(run.counts[&Kind::User].rescued, 100);
    assert_eq!(run.held.unwrap().plan, id);
    assert_eq!(asked(&world, leavers), [1; 60]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_may_not_be_asked_for_is_not_refused_again_in_each_run() {
    let world = world_of(120).await;
    let running = world.start().await;
    for user in &people(&world)[..60] {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let forbidden = Fault::Forbidden;
    world
        .tenant
        .faults()
        .on(Endpoint::User, forbidden, When::Always);

    let first = running.sync().await;
    let second = running.sync().await;
    let held = n_asked(&world);
    let third = running.sync().await;

    assert_eq!(first.outcome, Outcome::Degraded, "absent from one sweep");
    assert_eq!(second.outcome, Outcome::Held);
    assert_eq!(held, 120);
    assert_eq!(third.held.unwrap().plan, second.held.unwrap().plan);
    assert_eq!(n_asked(&world), 120);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_a_failed_request_interrupts_goes_on_where_it_was() {
    let world = world_of(120).await;
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let id = running.sync().await.held.unwrap().plan.unwrap();
    let html = Fault::Html(404);
    world
        .tenant
        .faults()
        .on(Endpoint::User, html, When::Nth(31));

    let (plan, failed) = approve(&running, id).await;
    let run = running.sync().await;
    running.settled().await;

    assert!(matches!(failed.outcome, Outcome::Failed { .. }));
    assert!(matches!(plan.plan.state, PlanState::Approved { .. }));
    assert_eq!(run.counts[&Kind::User].deleted, 60);
    let mut times = asked(&world, leavers);
    times.sort_unstable();
    assert_eq!(times[..59], [2; 59], "when it was held, and when approved");
    assert_eq!(times[59], 3);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

/// Half of the users are hidden and reported as gone. The run that would remove them fails in the
/// middle, so its answers are kept.
async fn with_kept_answers(world: &World) -> Running {
    let running = world.start().await;
    let faults = world.tenant.faults();
    let foreign_404 = Fault::Html(404);
    faults.on(Endpoint::User, foreign_404, When::Nth(21));
    hide_half(world);
    let failed = running.sync().await;
    assert!(matches!(failed.outcome, Outcome::Failed { .. }));
    faults.clear();
    running
}

fn hide_half(world: &World) {
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);
    faults.on(Endpoint::User, Fault::NotFound, When::Always);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_answers_again_is_not_removed_by_a_kept_answer() {
    let world = world_of(90).await;
    world.let_all_go();
    let running = with_kept_answers(&world).await;
    // They are found only when they are asked for by id.
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);

    let run = running.sync().await;
    running.settled().await;

    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert!(run.counts[&Kind::User].rescued > 20);
    assert_eq!(deleted(&world), 0);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_shown_meanwhile_is_asked_for_again() {
    let world = world_of(150).await;
    world.let_all_go();
    let running = with_kept_answers(&world).await;
    // The first page shows those whose answers were kept; the run fails at the second.
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::Forbidden, When::Nth(2));
    let failed = running.sync().await;
    assert!(matches!(failed.outcome, Outcome::Failed { .. }));
    hide_half(&world);
    let before = n_asked(&world);

    let run = running.sync().await;

    let gone = run.counts[&Kind::User].deleted;
    assert!(gone > 20);
    assert_eq!(n_asked(&world) - before, gone, "none by a kept answer");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_the_audit_log_names_is_asked_for_again() {
    let world = World::with(TenantOptions {
        users: 90,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    let running = with_kept_answers(&world).await;
    let asked_once = |user: &&User| world.tenant.asked_for(&user.id.0) == 1;
    let people = people(&world);
    let kept: Vec<&User> = people.iter().filter(asked_once).collect();
    let named = kept[3];
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    let tenant = world.tenant.directory();
    tenant.update_user(&named.id, renamed).unwrap();
    within("the poll looks at who was named", || async {
        world.tenant.asked_for(&named.id.0) == 2
    })
    .await;
    hide_half(&world);

    let run = running.sync().await;

    assert!(run.counts[&Kind::User].deleted > 20);
    assert_eq!(world.tenant.asked_for(&named.id.0), 3);
    let once = kept.iter().filter(|user| asked_once(user)).count();
    assert!(once >= 18, "the others by their kept answers: {once}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_goes_by_answers_of_after_the_approval() {
    let world = world_of(90).await;
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);
    faults.on(Endpoint::User, Fault::NotFound, When::Always);
    let id = running.sync().await.held.unwrap().plan.unwrap();
    faults.clear();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);

    let (_, run) = approve(&running, id).await;
    running.settled().await;

    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(deleted(&world), 0);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_does_not_rest_on_an_old_answer() {
    let world = world_of(120).await;
    world.let_all_go();
    let running = world.start().await;
    let leavers = &people(&world)[..60];
    for user in leavers {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let html = Fault::Html(404);
    world
        .tenant
        .faults()
        .on(Endpoint::User, html, When::Nth(31));
    running.sync().await;
    let before = n_asked(&world);
    pass(&world, MAX_AGE + Duration::from_secs(1));

    let run = running.sync().await;

    assert_eq!(run.counts[&Kind::User].deleted, 60);
    assert_eq!(n_asked(&world) - before, 60);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn status_shows_how_far_the_asking_is_and_what_it_waits_for() {
    let world = world_of(120).await;
    world.let_all_go();
    let running = world.start().await;
    for user in &people(&world)[..60] {
        world.tenant.directory().delete_user(&user.id).unwrap();
    }
    let refused = Fault::TooManyRequests { retry_after: 30 };
    world
        .tenant
        .faults()
        .on(Endpoint::User, refused, When::From(41));

    let run = running.sync();
    let words = async {
        // The first request may be refused before the last one that is answered is counted.
        within("the status tells of the wait", || async {
            let status = running.ask(query::Status::default()).await;
            let progress = status.tenants[0].progress.as_ref();
            progress.is_some_and(|now| now.to_string().contains("40 of 60, waiting"))
        })
        .await;
        let asked = query::Progress {
            tenant: None,
            after: None,
            limit: 1,
        };
        let rows = running.ask(asked).await.rows;
        format!("{}: {}", rows[0].0, rows[0].1)
    };
    let words = tokio::select! {
        words = words => words,
        ended = run => panic!("it cannot end within the wait: {ended:?}"),
    };

    assert!(
        words.starts_with("acme: asking for missing records: 40 of 60, waiting "),
        "{words}"
    );
    assert!(words.ends_with(" s for the rate limit"), "{words}");
    running.stop().await;
}

/// A world whose guard holds every removal.
async fn world_that_holds(users: usize) -> World {
    let world = world_of(users).await;
    let config = world.standard_config();
    let never = "guard = { mode = \"never\" }\n[log]\n";
    world.write_config(&config.replace("[log]\n", never));
    world
}

/// Replaces a group by a new one of the same name, and moves its members there, except for the
/// given number.
fn move_group(world: &World, group: &GroupId, name: &str, left_behind: usize) -> (GroupId, usize) {
    let tenant = world.tenant.directory();
    let members = people(world).into_iter();
    let members: Vec<User> = members
        .filter(|user| user.groups.contains_key(group))
        .collect();
    tenant.delete_group(group).unwrap();
    let newer = tenant.create_group(name);
    for user in members.iter().skip(left_behind) {
        let join = Edit::JoinGroup(newer.clone());
        tenant.update_user(&user.id, join).unwrap();
    }
    (newer, members.len())
}

/// A plan with a mix of losses: users of two domains who leave, administrators among them, a user
/// who loses a role, and a group that was replaced.
struct Mixed {
    world: World,
    running: Running,
    id: String,
    n_admins: usize,
    old: Group,
    newer: GroupId,
    n_members: usize,
}

/// Returns whether a user has a role that administers, or is in a group that gives one.
fn administers(world: &World, user: &User) -> bool {
    let tenant = world.tenant.directory();
    let admins: BTreeSet<RoleId> = tenant
        .roles()
        .into_iter()
        .filter(|role| role.level == "admin")
        .map(|role| role.id)
        .collect();
    let of_groups = tenant.groups().into_iter();
    let of_groups = of_groups.filter(|group| group.roles.keys().any(|role| admins.contains(role)));
    let of_groups: BTreeSet<GroupId> = of_groups.map(|group| group.id).collect();
    let user = tenant.user(&user.id).unwrap();
    user.roles.keys().any(|role| admins.contains(role))
        || user.groups.keys().any(|group| of_groups.contains(group))
}

async fn mixed_plan() -> Mixed {
    let world = world_that_holds(120).await;
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let users = people(&world);
    let chief = &users[20];
    let (leavers, demoted) = (&users[30..40], &users[50]);
    for user in [&leavers[0], demoted] {
        let assign = Edit::AssignRole(admin.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let email = Edit::Email(Some("Chief@Elsewhere.Example".to_owned()));
    tenant.update_user(&chief.id, email).unwrap();
    let old = tenant.groups().remove(0);
    for user in &users[60..70] {
        let join = Edit::JoinGroup(old.id.clone());
        tenant.update_user(&user.id, join).unwrap();
    }
    let running = world.start().await;
    let leaving = leavers.iter().chain([chief]);
    let n_admins = leaving.filter(|user| administers(&world, user)).count();
    for user in leavers.iter().chain([chief]) {
        tenant.delete_user(&user.id).unwrap();
    }
    let unassign = Edit::UnassignRole(admin.clone());
    tenant.update_user(&demoted.id, unassign).unwrap();
    pass(&world, Duration::from_secs(60));
    let (newer, n_members) = move_group(&world, &old.id, &old.name, 2);
    let id = running.sync().await.held.unwrap().plan.unwrap();
    Mixed {
        running,
        id: id.to_string(),
        n_admins,
        old,
        newer,
        n_members,
        world,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_is_summed_up_and_its_lines_are_grouped() {
    let Mixed {
        world,
        running,
        id,
        n_admins,
        old,
        newer,
        n_members,
    } = mixed_plan().await;

    let (code, out, err) = world.command(&["plan", "show", &id]).await;
    running.stop().await;

    assert_eq!(code, 0, "{err}");
    for line in [
        "11 of 121 users (9.0 %): the guard of this tenant holds every removal",
        "         1  elsewhere.example",
    ] {
        assert!(out.contains(line), "{line}\n{out}");
    }
    let administrators = format!(
        "Administrators: {n_admins} of the users to be removed; 1 user loses administrator rights"
    );
    assert!(out.contains(&administrators), "{out}");
    let came_along = n_members - 2;
    let moved = format!(
        "  group {}: {} is now {newer}\n    {came_along} of {n_members} members moved with it, 2 did \
         not\n",
        old.name, old.id
    );
    assert!(out.contains(&moved), "{moved}\n{out}");
    let of_group = format!(
        "  {}  {}  moved to {newer}: {n_members}\n",
        old.name, old.id
    );
    let (_, memberships) = out.split_once("\nMemberships to be removed: ").unwrap();
    assert!(memberships.contains(&of_group), "{out}");
    let (_, users) = out.split_once("\nUsers to be removed: 11\n").unwrap();
    assert!(users.starts_with("  acme.example: 10\n"), "{out}");
    assert!(users.contains("\n  elsewhere.example: 1\n"), "{out}");
    assert!(err.contains("plan approve"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_the_same_summary_and_lines() {
    let Mixed {
        world,
        running,
        id,
        n_admins,
        old,
        newer,
        n_members,
    } = mixed_plan().await;

    let json = ["plan", "show", &id, "--output", "json"];
    let (_, json, _) = world.command(&json).await;
    let jsonl = ["plan", "show", &id, "--output", "jsonl"];
    let (_, jsonl, _) = world.command(&jsonl).await;
    running.stop().await;

    let json: Value = serde_json::from_str(&json).unwrap();
    let summary = &json["summary"];
    assert_eq!(json["plan"]["id"], id);
    assert_eq!(summary["counts"]["users"], 11);
    assert_eq!(summary["counts"]["groups"], 1);
    assert_eq!(summary["counts"]["memberships"], n_members);
    assert_eq!(summary["counts"]["role_assignments"], 1);
    assert_eq!(summary["administrators"]["gone"], n_admins);
    assert_eq!(summary["administrators"]["demoted"], 1);
    let moved = json!([{
        "kind": "group",
        "name": old.name,
        "remote_id": old.id.to_string(),
        "moved_to": newer.to_string(),
        "came_along": n_members - 2,
        "left_behind": 2,
    }]);
    assert_eq!(summary["moved"], moved);
    let domains = &summary["by_domain"]["top"];
    assert_eq!(
        domains[1],
        json!({ "name": "elsewhere.example", "count": 1 })
    );
    assert_eq!(summary["by_group"]["top"][0]["moved_to"], newer.to_string());
    let entries = json["entries"].as_array().unwrap();
    assert_eq!(json["plan"]["records"], entries.len());
    let gone = entries.iter().filter(|entry| entry["deleted"] == true);
    assert_eq!(gone.count(), 12);
    let lines: Vec<Value> = jsonl
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, *entries, "one a line, and nothing else");
}
