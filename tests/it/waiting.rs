//! Removals that belong together wait together: a role is deleted after its assignments, a group
//! after its memberships.

use std::time::Duration;

use qlik_roster::control::command;
use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, Generations, GroupEdit, User, When};
use qlik_roster::model::{
    Change, Fact, FindingCode, Id, Kind, Loss, PlanState, Record, RecordRef, RoleId, Seq, Taken,
    Trigger,
};

use crate::guard::{approve, held, people, plans, removals, told, world_of};
use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};
use crate::{audit, hooks};

/// A role that six hundred have, before it is deleted.
async fn with_a_role() -> (World, Running, Vec<User>, RoleId) {
    let world = world_of(650, "").await;
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let mut people = people(tenant);
    people.truncate(600);
    for user in &people {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let running = world.start().await;
    (world, running, people, developer)
}

fn knows(running: &Running, kind: Kind, id: &Id) -> bool {
    let no = running.store().tenants().unwrap()[0].no;
    let id = id.clone();
    let kept = running.store().get(no, &RecordRef { kind, id });
    kept.unwrap().is_some()
}

/// Checks for every record that what it refers to is there.
fn assert_refers_to_what_is_there(running: &Running) {
    let no = running.store().tenants().unwrap()[0].no;
    for kind in [Kind::Group, Kind::User] {
        let records = running.store().list(no, kind, None, 9_999).unwrap();
        for kept in records {
            let (roles, groups) = match kept.record {
                Record::User(user) => (user.roles, user.groups),
                Record::Group(group) => (group.roles, None),
                Record::Role(_) => (None, None),
            };
            for RoleId(id) in roles.iter().flat_map(|roles| roles.keys()) {
                assert!(knows(running, Kind::Role, id), "a holder of {id}");
            }
            for group in groups.iter().flat_map(|groups| groups.keys()) {
                assert!(knows(running, Kind::Group, &group.0), "a member of {group}");
            }
        }
    }
}

/// Returns the positions in the journal of changes of a sort, in their order.
fn places(running: &Running, is_it: impl Fn(&Change) -> bool) -> Vec<Seq> {
    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let found = entries.iter().filter(|entry| match &entry.fact {
        Fact::Changed(change) => is_it(change),
        _ => false,
    });
    found.map(|entry| entry.seq).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_goes_after_its_assignments() {
    let (world, running, people, developer) = with_a_role().await;
    let tenant = world.tenant.directory();
    tenant.delete_role(&developer).unwrap();

    let run = running.sync().await;
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    tenant.update_user(&people[7].id, renamed).unwrap();
    let again = running.sync().await;
    running.settled().await;

    assert_eq!(held(&run), [(Loss::RoleAssignments, 600)]);
    assert_eq!(run.counts[&Kind::Role].deleted, 0);
    assert_eq!(run.lost.get(&Loss::Roles), None);
    assert_eq!(
        again.held.as_ref().unwrap().plan,
        run.held.as_ref().unwrap().plan
    );
    assert_eq!(told(&world, "role.deleted"), 0);
    assert_eq!(told(&world, "user.updated"), 1, "the new name");
    assert!(knows(&running, Kind::Role, &developer.0));
    assert_refers_to_what_is_there(&running);
    let id = run.held.unwrap().plan.unwrap();
    let (_, shown, _) = world.command(&["plan", "show", &id.to_string()]).await;
    let waits = "1 roles, needed by what is held: they wait with it";
    assert!(shown.contains(waits), "{shown}");

    let (plan, run) = approve(&running, id).await.unwrap();
    running.settled().await;

    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(run.lost[&Loss::RoleAssignments], 600);
    assert_eq!(run.counts[&Kind::Role].deleted, 1);
    let updated = places(&running, |change| matches!(change, Change::Updated { .. }));
    let deleted = places(&running, |change| matches!(change, Change::Deleted { .. }));
    assert_eq!((updated.len(), deleted.len()), (601, 1));
    assert!(updated.last() < deleted.first(), "the role last");
    assert_eq!(told(&world, "role.deleted"), 1);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_whose_plan_is_rejected_stays_also_while_its_holders_hide_their_roles() {
    let (world, running, _, developer) = with_a_role().await;
    let tenant = world.tenant.directory();
    tenant.delete_role(&developer).unwrap();
    let id = running.sync().await.held.unwrap().plan.unwrap();
    running.order(command::Reject { id }).await.unwrap();
    let faults = world.tenant.faults();

    running.sync().await;
    faults.on(Endpoint::Users, Fault::MissingRoles, When::Always);
    let (_, dry, _) = world.command(&["sync", "--dry-run"]).await;
    let hidden = running.sync().await;
    faults.clear();
    let seen = running.sync().await;
    running.settled().await;

    assert!(!dry.contains("would report"), "{dry}");
    assert_eq!(hidden.counts[&Kind::Role].deleted, 0);
    for run in [hidden, seen] {
        assert_eq!(run.held.unwrap().plan, Some(id));
    }
    let n_told = world.receiver.deliveries().len();
    assert_eq!(n_told, told(&world, "sync.held"), "of nothing but the plan");
    assert_refers_to_what_is_there(&running);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_waits_for_its_members_and_its_role_for_the_group() {
    let (world, running, people, _) = with_a_role().await;
    let tenant = world.tenant.directory();
    let (reader, squad) = (tenant.create_role("Reader"), tenant.create_group("Squad"));
    let give = GroupEdit::AssignRole(reader.clone());
    tenant.update_group(&squad, give).unwrap();
    for user in &people {
        let join = Edit::JoinGroup(squad.clone());
        tenant.update_user(&user.id, join).unwrap();
    }
    running.sync().await;
    tenant.delete_group(&squad).unwrap();
    tenant.delete_role(&reader).unwrap();

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(held(&run), [(Loss::Memberships, 600)]);
    assert_eq!(
        told(&world, "group.deleted") + told(&world, "role.deleted"),
        0
    );
    assert_refers_to_what_is_there(&running);
    let id = run.held.unwrap().plan.unwrap();
    let entries = removals(&running, id).await;
    let whole = entries
        .iter()
        .filter(|it| matches!(it.what, Taken::Record { .. }));
    let whole: Vec<_> = whole.map(|it| it.record.id.clone()).collect();
    assert_eq!(whole, [reader.0.clone(), squad.0.clone()]);

    let (plan, _) = approve(&running, id).await.unwrap();
    running.settled().await;

    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(told(&world, "group.deleted"), 1);
    assert_eq!(told(&world, "role.deleted"), 1);
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_waits_for_holders_who_are_held_themselves() {
    let world = world_of(60, "").await;
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let people = people(tenant);
    for user in &people[..12] {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let running = world.start().await;
    for user in &people[..12] {
        tenant.delete_user(&user.id).unwrap();
    }
    tenant.delete_role(&developer).unwrap();

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(held(&run), [(Loss::Users, 12)]);
    assert_eq!(told(&world, "role.deleted"), 0);
    assert_refers_to_what_is_there(&running);
    let id = run.held.unwrap().plan.unwrap();
    approve(&running, id).await.unwrap();
    running.settled().await;
    assert_eq!(told(&world, "user.deleted"), 12);
    assert_eq!(told(&world, "role.deleted"), 1);
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_does_not_tell_of_a_role_whose_assignments_wait() {
    let world = audit::world(Generations::Core).await;
    hooks::listen(&world);
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let people = people(tenant);
    for user in &people {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let running = world.start().await;
    for user in &people {
        let unassign = Edit::UnassignRole(developer.clone());
        tenant.update_user_quietly(&user.id, unassign).unwrap();
    }
    let first = running.sync().await.held.unwrap().plan.unwrap();
    let later = Duration::from_secs(600);
    world.clock.set(world.clock.now().plus(later));
    tenant.delete_role(&developer).unwrap();

    hooks::wake(&running, "A1").await;
    within("a poll has looked at the role", || async {
        plans(&running).await[0].plan.id != first
    })
    .await;
    running.settled().await;

    assert_eq!(told(&world, "role.deleted"), 0);
    assert_refers_to_what_is_there(&running);
    let plan = plans(&running).await[0].plan.clone();
    assert_eq!(plan.entries, people.len() as u64 + 1);
    let run = running.sync().await;
    assert_eq!(
        run.held.unwrap().plan,
        Some(plan.id),
        "a sweep sees the same"
    );
    approve(&running, plan.id).await.unwrap();
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// A tenant whose audit log is read when [`hooks::wake`] says so, with a role that some users have
/// and a group that they are in. Both are deleted, and the log says nothing about these users.
async fn with_a_quiet_end(n_users: usize, n_holders: usize) -> (World, Running) {
    let world = audit::world_of(n_users, Generations::Core).await;
    hooks::listen(&world);
    let tenant = world.tenant.directory();
    let (developer, squad) = (
        tenant.create_role("Developer"),
        tenant.create_group("Squad"),
    );
    let mut people = people(tenant);
    people.truncate(n_holders);
    for user in &people {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
        let join = Edit::JoinGroup(squad.clone());
        tenant.update_user(&user.id, join).unwrap();
    }
    // Polls do not read back this far before the first load.
    let later = Duration::from_secs(3600);
    world.clock.set(world.clock.now().plus(later));
    let running = world.start().await;
    world.clock.set(world.clock.now().plus(later));
    for user in &people {
        let unassign = Edit::UnassignRole(developer.clone());
        tenant.update_user_quietly(&user.id, unassign).unwrap();
        let leave = Edit::LeaveGroup(squad.clone());
        tenant.update_user_quietly(&user.id, leave).unwrap();
    }
    tenant.delete_role(&developer).unwrap();
    tenant.delete_group(&squad).unwrap();
    hooks::wake(&running, "A1").await;
    (world, running)
}

fn sweeps(running: &Running) -> usize {
    let runs = running.store().runs(None, 100).unwrap();
    let sweeps = runs.iter().filter(|run| run.trigger != Trigger::Audit);
    sweeps.count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_asks_those_who_held_what_is_gone() {
    let (world, running) = with_a_quiet_end(60, 5).await;

    within("the role has gone", || async {
        told(&world, "role.deleted") == 1
    })
    .await;
    running.settled().await;

    assert_eq!(told(&world, "user.updated"), 5);
    assert_eq!(told(&world, "group.deleted"), 1);
    assert_refers_to_what_is_there(&running);
    let updated = places(&running, |change| matches!(change, Change::Updated { .. }));
    let deleted = places(&running, |change| matches!(change, Change::Deleted { .. }));
    assert!(updated.last() < deleted.first(), "{updated:?} {deleted:?}");
    assert_eq!(sweeps(&running), 1, "the first load alone");
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_holds_the_end_of_a_role_with_that_of_its_assignments() {
    let (world, running) = with_a_quiet_end(60, 50).await;

    within("a plan opens", || async {
        !plans(&running).await.is_empty()
    })
    .await;
    running.settled().await;

    assert_eq!(told(&world, "role.deleted"), 0);
    assert_eq!(told(&world, "group.deleted"), 0);
    assert_eq!(told(&world, "user.updated"), 0);
    assert_refers_to_what_is_there(&running);
    assert_eq!(sweeps(&running), 1, "the first load alone");
    let plan = plans(&running).await[0].plan.clone();
    assert_eq!(plan.entries, 52);
    approve(&running, plan.id).await.unwrap();
    running.settled().await;
    assert_eq!(told(&world, "role.deleted"), 1);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_too_many_hold_what_is_gone_a_poll_leaves_it_to_a_sweep() {
    let (world, running) = with_a_quiet_end(150, 120).await;

    within("a sweep opens a plan", || async {
        !plans(&running).await.is_empty() && sweeps(&running) == 2
    })
    .await;
    running.settled().await;

    assert_eq!(told(&world, "role.deleted"), 0);
    assert_refers_to_what_is_there(&running);
    let runs = running.store().runs(None, 100).unwrap();
    let poll = runs.iter().find(|run| run.trigger == Trigger::Audit);
    let codes = poll.unwrap().findings.iter().map(|it| (it.code, it.kind));
    let unconfirmed = |kind| (FindingCode::Unconfirmed, kind);
    assert_eq!(
        codes.collect::<Vec<_>>(),
        [unconfirmed(Kind::Role), unconfirmed(Kind::Group)]
    );
    assert!(poll.unwrap().held.is_none());
    let plan = plans(&running).await[0].plan.clone();
    assert_eq!(plan.entries, 122);
    approve(&running, plan.id).await.unwrap();
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}
