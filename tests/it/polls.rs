//! What polls of the audit log must not do: skip what was not read, forget what they cannot
//! remember or what no plan lists yet, promise what is still to come, and remove anything if
//! answers contradict each other.

use std::cell::Cell;
use std::time::Duration;

use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, Generations, LogFault, RoleEdit, When};
use qlik_roster::model::{
    AuditEventId, Change, Fact, FindingCode, GroupId, Kind, Loss, Outcome, PlanState, Reason, Seq,
    Timestamp, Trigger, UserId,
};
use qlik_roster::store::{MAX_SEEN_EVENTS, SeenEvent};

use crate::guard::{approve, people, plans, removals};
use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};
use crate::{audit, hooks};

/// A world that is polled when the test says so.
async fn world() -> World {
    let world = audit::world(Generations::Core).await;
    hooks::listen(&world);
    world
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(60 * n)
}

/// Returns how many polls have ended.
async fn n_polls(running: &Running) -> u64 {
    let metrics = hooks::metrics(running).await;
    let polls = metrics
        .lines()
        .filter(|line| line.starts_with("qlik_roster_polls_total{"));
    let counts = polls.filter_map(|line| line.rsplit_once(' '));
    counts.map(|(_, n)| n.parse::<u64>().unwrap()).sum()
}

fn told(world: &World) -> Vec<String> {
    let deliveries = world.receiver.deliveries();
    let types = deliveries.iter().map(|delivery| &delivery.body["type"]);
    types.map(|it| it.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_slice_does_not_reach_is_read_by_the_next_poll() {
    let world = world().await;
    let running = world.start().await;
    let tenant = world.tenant.directory();
    let began = world.clock.now();
    let after = |n| began.plus(minutes(n));
    tenant.audit().write_others(6_000, after(10));
    tenant.audit().write_others(6_000, after(20));
    // Well before the time of the poll, but after its first slice.
    world.clock.set(after(25));
    tenant.create_role("Auditor");
    tenant.audit().write_others(6_000, after(30));
    world.clock.set(after(60));

    let woken = Cell::new(0);
    within("the role is told of", || async {
        let ended = n_polls(&running).await;
        if woken.get() <= ended {
            woken.set(ended + 1);
            hooks::wake(&running, &format!("A{ended}")).await;
        }
        !told(&world).is_empty()
    })
    .await;

    assert_eq!(told(&world), ["role.created"]);
    let runs = running.last_runs(100).await;
    assert!(runs.iter().all(|run| run.trigger != Trigger::Gap));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_events_than_can_be_remembered_are_left_to_a_sweep() {
    let world = world().await;
    world.one_run().await;
    let store = world.store();
    let no = store.tenants().unwrap()[0].no;
    let bookmark = store.bookmark(no).unwrap().unwrap();
    let seen = (0..MAX_SEEN_EVENTS as u128).map(|n| SeenEvent {
        at: bookmark.until,
        id: AuditEventId(n.to_be_bytes()),
    });
    let (seen, never) = (seen.collect::<Vec<_>>(), Timestamp::from_millis(0));
    store.set_bookmark(no, &bookmark, &seen, never).unwrap();
    store.close().unwrap();
    let running = world.start().await;

    world.tenant.directory().create_role("Auditor");
    hooks::wake(&running, "A1").await;

    within("a sweep makes up for it", || async {
        let run = running.last_run().await;
        run.trigger == Trigger::Gap && run.outcome == Outcome::Succeeded
    })
    .await;
    running.settled().await;
    assert_eq!(told(&world), ["role.created"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_went_back_promises_nothing_that_is_still_to_come() {
    let world = world().await;
    let running = world.start().await;
    let began = world.clock.now();
    world.clock.set(began.plus(minutes(24 * 60)));
    hooks::wake(&running, "A1").await;
    within("the log is read", || async { n_polls(&running).await > 0 }).await;

    world.clock.set(began.plus(minutes(60)));
    world.tenant.directory().create_role("Auditor");
    let run = running.sync().await;

    assert!(run.outcome.is_success(), "{:?}", run.outcome);
    assert_eq!(run.audit_missed, Some(0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_answer_is_contradicted_nobody_goes_by_the_others() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let role = tenant.create_role("Auditor");
    let running = world.start().await;
    world.clock.set(world.clock.now().plus(minutes(10)));
    let faults = world.tenant.faults();
    faults.on(Endpoint::Role, Fault::NotFound, When::Always);
    let renamed = RoleEdit::Name("Senior Auditor".to_owned());
    tenant.update_role(&role, renamed).unwrap();
    let leaver = tenant.users()[30].id.clone();
    tenant.delete_user(&leaver).unwrap();

    hooks::wake(&running, "A1").await;
    within("a poll does not accept it", || async {
        let run = running.last_run().await;
        matches!(run.outcome, Outcome::Incomplete { .. })
    })
    .await;

    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let is_gone = |fact: &Fact| matches!(fact, Fact::Changed(Change::Deleted { .. }));
    assert!(!entries.iter().any(|entry| is_gone(&entry.fact)));
    faults.clear();
    running.sync().await;
    running.settled().await;
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// Leaves only one group of the tenant with members. Returns it, and the users who were in none.
fn empty_groups(world: &World) -> (GroupId, Vec<UserId>) {
    let tenant = world.tenant.directory();
    for user in tenant.users() {
        for group in user.groups.into_keys() {
            let leave = Edit::LeaveGroup(group);
            tenant.update_user_quietly(&user.id, leave).unwrap();
        }
    }
    let users = tenant.users().into_iter().skip(20);
    let group = tenant.create_group("Sales");
    (group, users.map(|user| user.id).take(4).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_does_not_take_the_last_memberships_there_are() {
    let world = world().await;
    let (group, users) = empty_groups(&world);
    let tenant = world.tenant.directory();
    for user in &users[..2] {
        let join = Edit::JoinGroup(group.clone());
        tenant.update_user_quietly(user, join).unwrap();
    }
    let running = world.start().await;

    for user in &users[..2] {
        let leave = Edit::LeaveGroup(group.clone());
        tenant.update_user(user, leave).unwrap();
    }
    world.clock.set(world.clock.now().plus(minutes(1)));
    hooks::wake(&running, "A1").await;
    within("they are held", || async {
        running.last_run().await.held.is_some()
    })
    .await;

    let run = running.last_run().await;
    assert_eq!(run.trigger, Trigger::Audit);
    let losses = run.held.unwrap().losses;
    assert_eq!(losses[&Loss::Memberships].reason, Reason::NothingLeft);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memberships_that_came_since_the_sweep_are_left_as_well() {
    let world = world().await;
    let (group, users) = empty_groups(&world);
    let tenant = world.tenant.directory();
    let join = Edit::JoinGroup(group.clone());
    tenant.update_user_quietly(&users[0], join.clone()).unwrap();
    let running = world.start().await;

    let leave = Edit::LeaveGroup(group);
    let steps = [(1, &join), (2, &join), (0, &leave), (1, &leave)];
    for (n, (user, edit)) in steps.into_iter().enumerate() {
        tenant.update_user(&users[user], edit.clone()).unwrap();
        world.clock.set(world.clock.now().plus(minutes(1)));
        hooks::wake(&running, &format!("A{n}")).await;
        within("it is told", || async { told(&world).len() == n + 1 }).await;
    }

    assert_eq!(running.last_run().await.held, None);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_takes_nobody_away_who_may_not_be_asked_for() {
    let world = world().await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    world.clock.set(world.clock.now().plus(minutes(10)));
    let faults = world.tenant.faults();
    faults.on(Endpoint::User, Fault::Forbidden, When::Always);
    let leaver = tenant.users()[30].id.clone();
    tenant.delete_user(&leaver).unwrap();

    hooks::wake(&running, "A1").await;
    within("a poll asks", || async {
        let run = running.last_run().await;
        run.trigger == Trigger::Audit && run.outcome != Outcome::Running
    })
    .await;

    let run = running.last_run().await;
    assert_eq!(run.outcome, Outcome::Degraded);
    let codes: Vec<_> = run.findings.iter().map(|it| it.code.code()).collect();
    let is_refusal = |code: &&str| *code == "finding.forbidden-collection";
    assert!(
        !codes.is_empty() && codes.iter().all(is_refusal),
        "{codes:?}"
    );
    assert!(run.lost.is_empty(), "{:?}", run.lost);
    assert_eq!(told(&world), Vec::<String>::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_did_not_get_to_the_next_one_reads_however_long_ago_it_was() {
    let world = audit::world_of(600, Generations::Core).await;
    hooks::listen(&world);
    let tenant = world.tenant.directory();
    let running = world.start().await;
    world.clock.set(world.clock.now().plus(minutes(10)));
    let people = tenant
        .users()
        .into_iter()
        .filter(|it| it.client_id.is_none());
    // More than are asked for in one run.
    let renamed: Vec<_> = people.take(520).collect();
    for user in &renamed {
        let name = Edit::Name(format!("Renamed {}", user.id));
        tenant.update_user(&user.id, name).unwrap();
    }
    // No later poll reads back this far.
    world.clock.set(world.clock.now().plus(minutes(60)));
    let faults = world.tenant.faults();
    faults.on(Endpoint::User, Fault::Html(404), When::Nth(510));

    hooks::wake(&running, "A1").await;
    within("the second portion fails", || async {
        let run = running.last_run().await;
        matches!(run.outcome, Outcome::Failed { .. })
    })
    .await;
    faults.clear();
    hooks::wake(&running, "A2").await;

    within("all of them are told", || async {
        told(&world).len() == renamed.len()
    })
    .await;
    running.stop().await;
}

/// The same, with a listing of users that takes several pages, which the test can keep back.
async fn world_of_pages() -> World {
    let world = audit::world_of(350, Generations::Core).await;
    hooks::listen(&world);
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("outlast = \"0s\"", "outlast = \"10m\""));
    world
}

fn pass(world: &World, n_minutes: u64) {
    world.clock.set(world.clock.now().plus(minutes(n_minutes)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_during_a_long_first_sweep_the_next_poll_tells() {
    let world = world_of_pages().await;
    let tenant = world.tenant.directory();
    world.tenant.hold_pages(Endpoint::Users);
    let running = world.launch().await;
    within("the second page is asked for", || async {
        world.tenant.requests().at(Endpoint::Users) >= 2
    })
    .await;

    // The user is on the page that was already read, and the change is further back from the
    // sweep's end than polls read.
    pass(&world, 1);
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    tenant.update_user(&tenant.users()[3].id, renamed).unwrap();
    pass(&world, 60);
    world.tenant.send_pages();
    within("the first sweep ends", || async {
        running.last_run().await.outcome == Outcome::Succeeded
    })
    .await;
    hooks::wake(&running, "A1").await;

    within("the new name is told", || async {
        !told(&world).is_empty()
    })
    .await;
    assert_eq!(told(&world), ["user.updated"]);
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// Beside a sweep, the plan of a poll must fit into one commit: what is staged belongs to the
/// sweep.
#[tokio::test(flavor = "multi_thread")]
async fn a_poll_beside_a_sweep_asks_for_no_more_holders_than_it_can_commit() {
    let world = world_of_pages().await;
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let people = people(tenant);
    let (holders, renamed) = (&people[..5], &people[10..55]);
    for user in holders {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    // Polls do not read back this far before the first load.
    pass(&world, 60);
    let running = world.start().await;

    let sweep = audit::beside_a_sweep(&world, &running, async || {
        pass(&world, 60);
        for user in holders {
            let unassign = Edit::UnassignRole(developer.clone());
            tenant.update_user_quietly(&user.id, unassign).unwrap();
        }
        // The log reports the role first. Together with it, these are as many records as a poll
        // asks for at once.
        tenant.delete_role(&developer).unwrap();
        pass(&world, 1);
        for user in renamed {
            let name = Edit::Name(format!("Renamed {}", user.id));
            tenant.update_user(&user.id, name).unwrap();
        }
        hooks::wake(&running, "A1").await;
        within("the new names are told", || async {
            told(&world).len() == renamed.len()
        })
        .await;
    })
    .await;

    assert_eq!(sweep.outcome, Outcome::Succeeded);
    let runs = running.last_runs(100).await;
    let mut polls = runs.iter().filter(|run| run.trigger == Trigger::Audit);
    let poll = polls.find(|run| run.counts.contains_key(&Kind::Role));
    let poll = poll.unwrap();
    let findings = poll.findings.iter().map(|it| (it.code, it.kind));
    assert_eq!(
        findings.collect::<Vec<_>>(),
        [(FindingCode::Unconfirmed, Kind::Role)]
    );
    assert!(poll.lost.is_empty(), "{:?}", poll.lost);
    let n_changes = renamed.len() + holders.len() + 1;
    within("a sweep tells of the role and its holders", || async {
        told(&world).len() == n_changes
    })
    .await;
    assert!(told(&world).contains(&"role.deleted".to_owned()));
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_poll_holds_beside_the_run_of_an_approved_plan_the_next_one_puts_into_a_plan() {
    let world = world_of_pages().await;
    let tenant = world.tenant.directory();
    let people = people(tenant);
    let running = world.start().await;
    let (first, leavers) = (&people[250..310], &people[10..55]);
    // The log does not report these, and no poll asks for them.
    tenant.audit().on(LogFault::Lost, When::Always);
    for user in first {
        tenant.delete_user(&user.id).unwrap();
    }
    tenant.audit().clear();
    let approved = running.sync().await.held.unwrap().plan.unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Roles, Fault::NotFound, When::Always);
    let (plan, _) = approve(&running, approved).await.unwrap();
    assert!(matches!(plan.plan.state, PlanState::Approved { .. }));
    faults.clear();

    let sweep = audit::beside_a_sweep(&world, &running, async || {
        pass(&world, 60);
        // All of these users are on the page that was compared.
        for user in leavers {
            tenant.delete_user(&user.id).unwrap();
        }
        hooks::wake(&running, "A1").await;
        within("a poll holds them", || async {
            let runs = running.last_runs(100).await;
            let mut polls = runs.iter().filter(|run| run.trigger == Trigger::Audit);
            polls.any(|run| run.outcome == Outcome::Held)
        })
        .await;
    })
    .await;
    assert_eq!(sweep.lost[&Loss::Users], first.len() as u64);
    hooks::wake(&running, "A2").await;

    within("a poll puts them into a plan", || async {
        plans(&running).await[0].plan.id != approved
    })
    .await;
    let plan = plans(&running).await[0].plan.clone();
    assert_eq!(plan.state, PlanState::Held);
    let listed = removals(&running, plan.id).await;
    assert_eq!(listed.len(), leavers.len());
    approve(&running, plan.id).await.unwrap();
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

/// A poll does not act on approvals: it would ask the operator again about what is already
/// approved.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_approved_goes_though_polls_beside_its_run_ask_for_it() {
    let world = world_of_pages().await;
    let tenant = world.tenant.directory();
    let people = people(tenant);
    let running = world.start().await;
    let leavers = &people[250..290];
    pass(&world, 10);
    for user in leavers {
        tenant.delete_user(&user.id).unwrap();
    }
    let approved = running.sync().await.held.unwrap().plan.unwrap();
    let faults = world.tenant.faults();
    faults.on(Endpoint::Roles, Fault::NotFound, When::Always);
    approve(&running, approved).await.unwrap();
    faults.clear();

    let sweep = audit::beside_a_sweep(&world, &running, async || {
        hooks::wake(&running, "A1").await;
        within("a poll holds them", || async {
            let runs = running.last_runs(100).await;
            let mut polls = runs.iter().filter(|run| run.trigger == Trigger::Audit);
            polls.any(|run| run.outcome == Outcome::Held)
        })
        .await;
    })
    .await;

    assert_eq!(sweep.lost.get(&Loss::Users), Some(&(leavers.len() as u64)));
    assert!(sweep.held.is_none(), "{:?}", sweep.held);
    let plan = plans(&running).await[0].plan.clone();
    assert_eq!(plan.id, approved, "nobody has to approve twice");
    assert!(matches!(plan.state, PlanState::Applied { .. }), "{plan:?}");
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}
