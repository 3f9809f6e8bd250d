//! Removals above a limit are held, everything else goes on, and nothing is lost by mistake.

use qlik_roster::control::query::PlanChoice;
use qlik_roster::control::{ControlError, PlanRow, RemovalChoice, command, query};
use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, NewUser, RateLimits, TenantOptions, User, When,
};
use qlik_roster::model::{
    Kind, Loss, Outcome, PlanId, PlanState, Reason, Removal, Run, Taken, TenantName, Timestamp,
};

use crate::support::{Running, World, assert_journal_leads_to_state, assert_same_as_tenant};

pub async fn world_of(users: u32, settings: &str) -> World {
    let world = World::with(TenantOptions {
        users: users as usize,
        groups: 12,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let config = world
        .standard_config()
        .replace(
            "events = [\"user.*\", \"role.*\", \"group.*\"]\n",
            "events = [\"user.*\", \"role.*\", \"group.*\", \"sync.*\"]\n",
        )
        .replace("[log]\n", &format!("{settings}\n[log]\n"));
    world.write_config(&config);
    world
}

pub fn people(tenant: &Directory) -> Vec<User> {
    let people = tenant.users().into_iter();
    people.filter(|user| user.client_id.is_none()).collect()
}

pub async fn plans(running: &Running) -> Vec<PlanRow> {
    let tenant = Some(TenantName("acme".to_owned()));
    let all = query::Plans {
        tenant,
        which: PlanChoice::All,
        before: None,
        limit: 99,
    };
    running.ask(all).await.rows
}

pub async fn removals(running: &Running, id: PlanId) -> Vec<Removal> {
    let all = query::Removals {
        id,
        choice: RemovalChoice::default(),
        after: None,
        limit: 500,
    };
    let rows = running.ask(all).await.rows.into_iter();
    rows.map(|row| row.removal).collect()
}

pub async fn approve(running: &Running, id: PlanId) -> Result<(PlanRow, Run), ControlError> {
    running.approve(id).await
}

/// Returns how many events of a type the receiver accepted.
pub fn told(world: &World, wanted: &str) -> usize {
    let deliveries = world.receiver.deliveries();
    let types = deliveries
        .iter()
        .filter_map(|delivery| delivery.body["type"].as_str());
    types.filter(|found| *found == wanted).count()
}

pub fn held(run: &Run) -> Vec<(Loss, u64)> {
    let held = run.held.iter().flat_map(|held| &held.losses);
    held.map(|(loss, held)| (*loss, held.weight.lost)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_deletion_waits_for_approval_and_everything_else_goes_on() {
    let world = world_of(60, "").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = people(tenant);
    for user in &people[..12] {
        tenant.delete_user(&user.id).unwrap();
    }
    let renamed = Edit::Name("Zoë Ångström".to_owned());
    tenant.update_user(&people[20].id, renamed).unwrap();
    tenant.create_user(NewUser::named("Nia Okafor")).unwrap();

    let first = running.sync().await;
    let second = running.sync().await;
    running.settled().await;

    assert_eq!(first.outcome, Outcome::Held);
    assert_eq!(held(&first), [(Loss::Users, 12)]);
    let counts = first.counts[&Kind::User];
    assert_eq!((counts.created, counts.updated, counts.deleted), (1, 1, 0));
    let id = first.held.unwrap().plan.unwrap();
    assert_eq!(second.held.unwrap().plan, Some(id), "the same removals");
    assert_eq!(told(&world, "user.deleted"), 0);
    assert_eq!(told(&world, "user.created"), 1);
    assert_eq!(told(&world, "sync.held"), 1, "once, not with each run");
    let listed = plans(&running).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].plan.entries, 12);
    let entries = removals(&running, id).await;
    let mut gone: Vec<_> = people[..12].iter().map(|user| &user.id.0).collect();
    gone.sort();
    assert_eq!(
        entries.iter().map(|e| &e.record.id).collect::<Vec<_>>(),
        gone
    );

    let (plan, run) = approve(&running, id).await.unwrap();
    running.settled().await;

    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(run.counts[&Kind::User].deleted, 12);
    assert_eq!(told(&world, "user.deleted"), 12);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    let again = approve(&running, id).await.unwrap_err();
    assert_eq!(again.code(), "control.closed-plan");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn losses_of_access_wait_and_gains_of_the_same_people_do_not() {
    let world = world_of(300, "").await;
    let tenant = world.tenant.directory();
    let developer = tenant.create_role("Developer");
    let auditor = tenant.create_role("Auditor");
    let people = people(tenant);
    for user in &people {
        let assign = Edit::AssignRole(developer.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }
    let running = world.start().await;
    // These losses take more than one commit, so the run stores the changes before it splits them
    // into gains and losses.
    for user in &people[..240] {
        let unassign = Edit::UnassignRole(developer.clone());
        tenant.update_user(&user.id, unassign).unwrap();
    }
    for user in &people[..60] {
        let assign = Edit::AssignRole(auditor.clone());
        tenant.update_user(&user.id, assign).unwrap();
    }

    let run = running.sync().await;
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Held);
    assert_eq!(held(&run), [(Loss::RoleAssignments, 240)]);
    assert_eq!(run.counts[&Kind::User].updated, 60, "those who gained");
    assert_eq!(told(&world, "user.updated"), 60);
    for delivery in world.receiver.deliveries() {
        let removed = &delivery.body["data"]["changes"]["roles"]["removed"];
        assert!(removed.as_array().is_none_or(Vec::is_empty));
    }
    let id = run.held.unwrap().plan.unwrap();
    let entries = removals(&running, id).await;
    assert_eq!(entries.len(), 240);
    for entry in &entries {
        let Taken::Access { roles, groups } = &entry.what else {
            panic!("nobody is gone")
        };
        assert_eq!(roles.keys().collect::<Vec<_>>(), [&developer]);
        assert!(groups.is_empty());
    }

    let (_, run) = approve(&running, id).await.unwrap();
    running.settled().await;

    assert_eq!(run.lost[&Loss::RoleAssignments], 240);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_source_loses_nothing_and_the_plan_closes_by_itself() {
    for (at, fault, also, loss) in [
        // Half of all users disappear, and nothing gives the fault away: each answers 404, and the
        // total agrees.
        (
            Endpoint::Users,
            Fault::HalfShown,
            Some(Endpoint::User),
            Loss::Users,
        ),
        // Nobody at all.
        (
            Endpoint::Users,
            Fault::EmptyCollection,
            Some(Endpoint::User),
            Loss::Users,
        ),
        (
            Endpoint::Groups,
            Fault::EmptyCollection,
            Some(Endpoint::Group),
            Loss::Groups,
        ),
        (
            Endpoint::Roles,
            Fault::EmptyCollection,
            Some(Endpoint::Role),
            Loss::Roles,
        ),
        // Everybody, but without any role or group.
        (Endpoint::Users, Fault::EmptyAccess, None, Loss::Memberships),
    ] {
        let world = world_of(90, "").await;
        let running = world.start().await;
        let faults = world.tenant.faults();
        faults.on(at, fault.clone(), When::Always);
        if let Some(also) = also {
            faults.on(also, Fault::NotFound, When::Always);
        }

        let run = running.sync().await;

        assert_eq!(run.outcome, Outcome::Held, "{fault:?}: {:?}", run.findings);
        assert!(
            held(&run).iter().any(|(found, _)| *found == loss),
            "{fault:?}"
        );
        world.tenant.faults().clear();
        let after = running.sync().await;
        running.settled().await;

        assert_eq!(after.outcome, Outcome::Succeeded);
        let plans = plans(&running).await;
        assert!(matches!(plans[0].plan.state, PlanState::Recovered { .. }));
        assert_eq!(told(&world, "sync.held"), 1);
        assert_eq!(told(&world, "sync.recovered"), 1);
        assert_eq!(
            world.receiver.deliveries().len(),
            2,
            "nobody else was told of"
        );
        assert_same_as_tenant(running.store(), world.tenant.directory());
        let late = approve(&running, plans[0].plan.id).await.unwrap_err();
        assert_eq!(late.code(), "control.closed-plan");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_plan_is_refused_with_the_name_of_the_new_one() {
    let world = world_of(60, "").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = people(tenant);
    for user in &people[..12] {
        tenant.delete_user(&user.id).unwrap();
    }
    let old = running.sync().await.held.unwrap().plan.unwrap();
    tenant.delete_user(&people[12].id).unwrap();
    let new = running.sync().await.held.unwrap().plan.unwrap();

    let refused = approve(&running, old).await.unwrap_err();

    assert_eq!(refused.code(), "control.superseded-plan");
    assert!(refused.to_string().contains(&new.to_string()), "{refused}");
    let (plan, _) = approve(&running, new).await.unwrap();
    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_same_as_tenant(running.store(), tenant);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_plan_stays_out_until_other_removals_come() {
    let world = world_of(60, "").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = people(tenant);
    for user in &people[..12] {
        tenant.delete_user(&user.id).unwrap();
    }
    let id = running.sync().await.held.unwrap().plan.unwrap();
    running.order(command::Reject { id }).await.unwrap();

    let same = running.sync().await;
    let n_told = told(&world, "sync.held");
    tenant.delete_user(&people[12].id).unwrap();
    let other = running.sync().await;
    running.settled().await;

    assert_eq!(same.held.unwrap().plan, Some(id));
    assert_eq!(n_told, 1);
    assert_ne!(other.held.unwrap().plan, Some(id));
    assert_eq!(told(&world, "sync.held"), 2);
    assert_eq!(told(&world, "user.deleted"), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_survives_the_end_of_the_process() {
    let world = world_of(120, "").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = people(tenant);
    for user in &people[..60] {
        tenant.delete_user(&user.id).unwrap();
    }
    let run = running.sync().await;
    let id = run.held.unwrap().plan.unwrap();
    running.stop().await;
    // This leaves the store as if the process had ended between the approval and its run.
    let store = world.store();
    let no = store.tenants().unwrap()[0].no;
    let now = qlik_roster::clock::Clock::system().now();
    store
        .decide(no, id, qlik_roster::store::Decision::Approve, now)
        .unwrap();
    store.close().unwrap();

    let running = world.start().await;
    running.settled().await;

    let plans = plans(&running).await;
    assert!(matches!(plans[0].plan.state, PlanState::Applied { .. }));
    assert_eq!(told(&world, "user.deleted"), 60);
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_come_back_does_not_go_with_an_approved_plan() {
    let world = world_of(90, "").await;
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);
    faults.on(Endpoint::User, Fault::NotFound, When::Always);
    let run = running.sync().await;
    let id = run.held.unwrap().plan.unwrap();
    world.tenant.faults().clear();

    let (plan, run) = approve(&running, id).await.unwrap();
    running.settled().await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert!(run.lost.is_empty());
    assert!(matches!(plan.plan.state, PlanState::Applied { .. }));
    assert_eq!(told(&world, "user.deleted"), 0);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_under_the_same_id_is_told_as_gone_and_as_come() {
    let world = world_of(90, "").await;
    world.let_all_go();
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Users, Fault::HalfShown, When::Always);
    faults.on(Endpoint::User, Fault::NotFound, When::Always);
    let gone = running.sync().await.counts[&Kind::User].deleted;
    faults.clear();

    let run = running.sync().await;
    running.settled().await;

    assert!(gone > 20);
    assert_eq!(run.counts[&Kind::User].created, gone);
    assert_eq!(told(&world, "user.deleted") as u64, gone);
    assert_eq!(told(&world, "user.created") as u64, gone);
    assert_same_as_tenant(running.store(), world.tenant.directory());
    assert_journal_leads_to_state(running.store());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_whose_guard_says_never_lets_nobody_go_by_itself() {
    let world = world_of(60, "guard = { mode = \"never\" }").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let leaver = people(tenant).remove(7);
    let again = tenant.recreate_user(&leaver.id).unwrap();

    let run = running.sync().await;
    running.settled().await;

    let reason = run.held.unwrap().losses[&Loss::Users].reason;
    assert_eq!(reason, Reason::Never);
    let deliveries = world.receiver.deliveries();
    let created = deliveries
        .iter()
        .find(|delivery| delivery.body["type"] == "user.created")
        .unwrap();
    let data = &created.body["data"];
    assert_eq!(data["record"]["remote_id"], again.to_string());
    assert!(data["replaces"].is_null(), "the old one is still there");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_be_asked_for_goes_after_enough_complete_sweeps() {
    let world = world_of(60, "absent_sweeps = 3").await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    let people = people(tenant);
    let faults = world.tenant.faults();
    faults.on(Endpoint::User, Fault::Forbidden, When::Always);
    tenant.delete_user(&people[3].id).unwrap();

    let first = running.sync().await;
    // A sweep that shows fewer users than it counts proves nothing about the missing one, and
    // forgets nothing either.
    faults.on(Endpoint::Users, Fault::InflatedTotal(1), When::Always);
    let short = running.sync().await;
    faults.clear();
    faults.on(Endpoint::User, Fault::Forbidden, When::Always);
    let second = running.sync().await;
    running.settled().await;
    let before = told(&world, "user.deleted");
    let third = running.sync().await;
    running.settled().await;

    for run in [&first, &second] {
        assert_eq!(run.outcome, Outcome::Degraded);
        assert_eq!(run.findings[0].code.code(), "finding.unconfirmed");
    }
    assert_eq!(short.outcome, Outcome::Degraded);
    let mut codes: Vec<_> = short.findings.iter().map(|it| it.code.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["finding.count-differs", "finding.unconfirmed"]);
    assert_eq!(before, 0);
    assert_eq!(third.counts[&Kind::User].deleted, 1);
    assert_eq!(told(&world, "user.deleted"), 1);
    assert_same_as_tenant(running.store(), tenant);
    let no = running.store().tenants().unwrap()[0].no;
    running.sync().await;
    assert!(running.store().absences(no).unwrap().is_empty());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_costs_a_request_a_page_however_many_people_are_in_however_many_groups() {
    let world = world_of(950, "").await;
    let running = world.start().await;

    let run = running.sync().await;

    let users = people(world.tenant.directory()).len() as u64 + 1;
    // One for the tenant and its redirect, two for roles, groups and system groups each.
    let most = users.div_ceil(100) + 8;
    assert!(
        run.traffic.requests <= most,
        "{} requests",
        run.traffic.requests
    );
    running.stop().await;
}

async fn last_success(running: &Running) -> Option<Timestamp> {
    running.ask(query::Status::default()).await.tenants[0].last_success
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_is_told_once_and_so_is_the_recovery() {
    let world = world_of(30, "").await;
    let running = world.start().await;
    let faults = world.tenant.faults();

    let before = last_success(&running).await;
    faults.on(Endpoint::Users, Fault::Forbidden, When::Always);
    running.sync().await;
    running.sync().await;
    let meanwhile = last_success(&running).await;
    faults.clear();
    running.sync().await;
    running.sync().await;
    running.settled().await;

    assert!(before.is_some());
    assert_eq!(meanwhile, before, "a failure is an attempt, no success");
    assert!(last_success(&running).await > before);
    assert_eq!(told(&world, "sync.failed"), 1);
    assert_eq!(told(&world, "sync.recovered"), 1);
    let deliveries = world.receiver.deliveries();
    assert_eq!(deliveries[0].body["data"]["code"], "qlik.forbidden");
    running.stop().await;
}
