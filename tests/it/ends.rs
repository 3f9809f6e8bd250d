//! Every plan ends, whatever a run cannot see; what comes later is told or held by name; and a plan
//! that is decided asks the operator for nothing more.

use std::collections::BTreeMap;
use std::time::Duration;

use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Generations, GroupEdit, NewUser, User, When,
};
use qlik_roster::model::{Loss, Mode, Outcome, PlanState, RoleId, Trigger};
use serde_json::Value;

use crate::guard::{approve, people, plans, removals, told, world_of};
use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};
use crate::{audit, hooks};

/// Three hundred users have a role. Two hundred and forty of them lose it, and a group as well.
async fn with_a_lost_role() -> (World, Running, Vec<User>, RoleId) {
    let world = world_of(300, "").await;
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let people = people(tenant);
    for user in &people {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let group = tenant.groups()[0].id.clone();
    let assign = GroupEdit::AssignRole(developer.clone());
    tenant.update_group(&group, assign).unwrap();
    let running = world.start().await;
    let unassign = GroupEdit::UnassignRole(developer.clone());
    tenant.update_group(&group, unassign).unwrap();
    for user in &people[..240] {
        let unassign = Edit::UnassignRole(developer.clone());
        tenant.update_user(&user.id, unassign).unwrap();
    }
    (world, running, people, developer)
}

fn state(plan: &qlik_roster::control::PlanRow) -> &'static str {
    plan.plan.state.word()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_plan_ends_though_groups_hide_their_roles_for_ever() {
    let (world, running, people, _) = with_a_lost_role().await;
    let tenant = world.tenant.directory();
    let id = running.sync().await.held.unwrap().plan.unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Groups, Fault::MissingRoles, When::Always);

    let (plan, run) = approve(&running, id).await.unwrap();
    for user in &people[..60] {
        tenant.delete_user(&user.id).unwrap();
    }
    let later = running.sync().await;
    running.settled().await;

    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(run.lost[&Loss::RoleAssignments], 240);
    let next = later.held.unwrap().plan.unwrap();
    let listed = plans(&running).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0].plan.id, next);
    assert_eq!(listed[0].plan.entries, 60);
    assert_eq!(told(&world, "sync.held"), 2);
    let (plan, _) = approve(&running, next).await.unwrap();
    running.settled().await;
    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(told(&world, "user.deleted"), 60);
    faults.clear();
    running.sync().await;
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_waits_hides_no_later_removal_and_loses_nothing_that_is_hidden() {
    let (world, running, people, _) = with_a_lost_role().await;
    let tenant = world.tenant.directory();
    let first = running.sync().await.held.unwrap().plan.unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::MissingRoles, When::Always);
    let hidden = running.sync().await;
    for user in &people[200..260] {
        tenant.delete_user(&user.id).unwrap();
    }

    let later = running.sync().await;
    running.settled().await;

    assert_eq!(hidden.held, None, "nothing is seen to be lost");
    let next = later.held.unwrap().plan.unwrap();
    assert_ne!(next, first);
    assert_eq!(told(&world, "sync.held"), 2);
    let entries = removals(&running, next).await;
    assert_eq!(
        entries.len(),
        60 + 200,
        "those who are gone, and the others"
    );
    faults.clear();
    let seen = running.sync().await;
    assert_eq!(seen.held.unwrap().plan, Some(next), "all that is missing");
    let states: Vec<_> = plans(&running).await.iter().map(state).collect();
    assert_eq!(states, ["held", "superseded"]);
    let (plan, _) = approve(&running, next).await.unwrap();
    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_in_part_and_goes_in_part_has_not_recovered() {
    let (world, running, people, developer) = with_a_lost_role().await;
    let tenant = world.tenant.directory();
    running.sync().await;
    for user in &people[20..240] {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(run.held, None);
    assert_eq!(run.lost[&Loss::RoleAssignments], 21, "within the limits");
    assert_eq!(state(&plans(&running).await[0]), "applied");
    assert_eq!(told(&world, "sync.recovered"), 0);
    running.stop().await;
}

/// A world in which a first sync was done by the command, and fifteen have left since.
async fn with_leavers() -> World {
    let world = World::new().await;
    let tenant = world.tenant.directory();
    world.command(&["sync"]).await;
    for user in &people(tenant)[..15] {
        tenant.delete_user(&user.id).unwrap();
    }
    world
}

fn first(json: &str) -> Value {
    let mut rows: Vec<Value> = serde_json::from_str(json).unwrap();
    rows.remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_plan_asks_for_nothing_more() {
    let world = with_leavers().await;
    let (held, ..) = world.command(&["sync"]).await;
    let (rejected, ..) = world.command(&["plan", "reject", "plan-2"]).await;
    assert_eq!((held, rejected), (8, 0));

    for when in ["before the next run", "after it"] {
        let (code, out, _) = world.command(&["status"]).await;
        assert_eq!(code, 0, "{when}: {out}");
        let acme = out.lines().find(|line| line.contains("acme")).unwrap();
        assert!(acme.contains(" rejected "), "{when}: {out}");
        assert!(acme.contains("plan-2 rejected: 15 of 61 users"), "{out}");
        assert!(!acme.contains("wait for an operator"), "{out}");
        let (code, _, err) = world.command(&["sync"]).await;
        assert_eq!(code, 0, "{when}: {err}");
        let said = "acme: plan-2 was rejected, none of it is applied: 15 of 61 users";
        assert!(err.contains(said), "{when}: {err}");
    }
    let (code, out, _) = world.command(&["sync", "--dry-run"]).await;
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("acme: plan-2 was rejected"), "{out}");
    let (code, out, _) = world.command(&["sync", "--output", "json"]).await;
    let run = first(&out);
    assert_eq!((code, run["outcome"].as_str()), (0, Some("succeeded")));
    assert_eq!(run["held"]["plan"], "plan-2");
    assert_eq!(run["held"]["state"], "rejected");

    let tenant = world.tenant.directory();
    tenant.delete_user(&people(tenant)[0].id).unwrap();
    let (code, out, _) = world.command(&["sync", "--dry-run"]).await;
    assert_eq!(code, 8, "one more than was rejected: {out}");
    assert!(out.contains("acme: would hold: 16 of 61 users"), "{out}");
    let (code, ..) = world.command(&["sync"]).await;
    assert_eq!(code, 8);
    let (code, out, _) = world.command(&["sync", "--dry-run"]).await;
    assert_eq!(code, 8);
    assert!(out.contains("acme: would hold, as plan-"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_would_be_told_and_what_would_be_held() {
    let world = with_leavers().await;
    let tenant = world.tenant.directory();
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();

    let (code, out, err) = world.command(&["sync", "--dry-run"]).await;
    let (_, json, _) = world
        .command(&["sync", "--dry-run", "--output", "json"])
        .await;
    world.command(&["sync"]).await;

    assert_eq!(code, 8, "{err}");
    let told: Vec<_> = out
        .lines()
        .filter(|line| line.contains("would report"))
        .collect();
    assert_eq!(told.len(), 1, "{out}");
    assert!(told[0].contains("Nia Okafor"), "{out}");
    assert!(out.contains("acme: would hold: 15 of 61 users"), "{out}");
    assert_eq!(first(&json)["would_change"].as_array().unwrap().len(), 1);
    assert_eq!(world.receiver.deliveries().len(), told.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_goes_by_no_plan_that_nobody_has_approved() {
    let world = with_leavers().await;
    let running = world.start().await;
    let held = running.sync().await.held.unwrap();
    let plan = held.plan.unwrap();

    let before = running.run(Mode::DryRun).await;
    assert_eq!(before.outcome, Outcome::Held);
    assert_eq!(before.held.map(|held| held.losses), Some(held.losses));
    assert!(before.lost.is_empty(), "{:?}", before.lost);

    let (_, run) = approve(&running, plan).await.unwrap();
    assert_eq!(run.lost[&Loss::Users], 15);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_holds_no_poll_back() {
    let world = audit::world(Generations::Core).await;
    hooks::listen(&world);
    let running = world.start().await;
    let later = world.clock.now().plus(Duration::from_secs(600));
    world.clock.set(later);
    let tenant = world.tenant.directory();
    let leaver = people(tenant)[3].clone();
    let faults = world.tenant.faults();
    // Only the listing of the dry run is slow; the poll gets its answers at once.
    let slow = Fault::Slow(Duration::from_secs(10));
    faults.on(Endpoint::Users, slow, When::Nth(1));
    tenant.delete_user(&leaver.id).unwrap();
    tenant.create_role("Auditor");
    let n_told = || world.receiver.deliveries().len();

    let mut dry = Box::pin(running.run(Mode::DryRun));
    let polled = async {
        within("the users are read", || async {
            world.tenant.requests().at(Endpoint::Users) > 1
        })
        .await;
        hooks::wake(&running, "A1").await;
        within("a poll tells", || async { n_told() > 0 }).await;
    };
    tokio::select! {
        run = &mut dry => panic!("it was there first: {:?}", run.outcome),
        () = polled => {}
    }
    let run = dry.await;

    assert_eq!(run.outcome, Outcome::Succeeded, "{:?}", run.findings);
    running.sync().await;
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_does_not_go_by_an_approved_plan() {
    let world = audit::world(Generations::Core).await;
    hooks::listen(&world);
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let people = people(tenant);
    let holders = &people[..40];
    for user in holders {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let running = world.start().await;
    for user in holders {
        let unassign = Edit::UnassignRole(developer.clone());
        tenant.update_user(&user.id, unassign).unwrap();
    }
    let id = running.sync().await.held.unwrap().plan.unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Roles, Fault::NotFound, When::Always);
    let (plan, run) = approve(&running, id).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Failed { .. }), "{run:?}");
    assert!(matches!(plan.plan.state, PlanState::Approved { .. }));

    world
        .clock
        .set(world.clock.now().plus(Duration::from_secs(600)));
    for user in holders {
        let name = Edit::Name(format!("Renamed {}", user.id));
        tenant.update_user(&user.id, name).unwrap();
    }
    hooks::wake(&running, "A1").await;
    within("the new names are told", || async {
        told(&world, "user.updated") == holders.len()
    })
    .await;

    let poll = running.last_run().await;
    assert_eq!(poll.trigger, Trigger::Audit);
    assert_eq!(poll.lost, BTreeMap::new());
    faults.clear();
    let run = running.sync().await;
    assert_eq!(run.lost[&Loss::RoleAssignments], 40);
    running.settled().await;
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}
