//! A poll of the audit log and the reading of what it names, with a fault at one of its stages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, GroupEdit, NewUser, RateLimits, RoleEdit, TenantOptions,
    User, When,
};
use qlik_roster::model::{GroupId, Outcome, RoleId, Timestamp, Trigger};

use super::claims::{Claim, Claims, assert_only_truth, changes, claims};
use super::{Stage, try_all};
use crate::hooks;
use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};

/// The stages of a poll, in their order, with what the manual calls them.
const STAGES: [Stage; 11] = [
    (Endpoint::Token, "token"),
    (Endpoint::Audits, "audit log"),
    (Endpoint::TenantMe, "who am I"),
    (Endpoint::Tenant, "tenant"),
    (Endpoint::Role, "a role by id"),
    (Endpoint::Group, "a group by id"),
    (Endpoint::User, "a user by id"),
    (Endpoint::Users, "users, for one"),
    (Endpoint::Roles, "roles"),
    (Endpoint::SystemGroups, "system groups"),
    (Endpoint::Groups, "groups"),
];

/// Longer than a poll reads back before the end of the previous one.
const AGES: Duration = Duration::from_secs(10 * 60);

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_stage_of_a_poll_is_right_or_loses_nothing() {
    try_all("faults of polls", &STAGES, try_out).await;
}

/// Loads the tenant, changes something of each sort, switches the fault on for a poll, and off for
/// another and for a sweep. Returns the outcome of the first, in one word.
async fn try_out(fault: Fault, at: Endpoint, what: String) -> &'static str {
    let world = world().await;
    let tenant = world.tenant.directory();
    let cast = Cast::of(tenant);
    pass(&world);
    let running = world.start().await;
    pass(&world);
    let (touched, truth) = cast.play(&world);
    // To read what was hidden, a poll must go back further than it would by itself.
    pass(&world);
    // A fault at the token only strikes if there is no token yet.
    world.tenant.revoke_tokens();

    let strikes = world.tenant.faults().on(at, fault, When::Always);
    poll(&running, "A1").await;
    assert!(strikes.count() > 0, "{what}: the fault never struck");
    let became = in_a_word(&running, &touched).await;
    assert_only_truth(running.store(), &truth, &what);
    world.tenant.faults().clear();

    pass(&world);
    // A poll that was already under way may have met the fault.
    poll(&running, "A2").await;
    poll(&running, "A3").await;
    assert_only_truth(running.store(), &truth, &what);
    if became == "failed" || became == "incomplete" {
        assert_same_as_tenant(running.store(), tenant);
    }
    let mut missed = 0;
    // What is gone has no date: only the second sweep can say that the log did not tell of it.
    for id in ["A4", "A5"] {
        let run = running.sync().await;
        assert_eq!(
            run.outcome,
            Outcome::Succeeded,
            "{what}: {:?}",
            run.findings
        );
        missed += run.audit_missed.unwrap_or_default();
        assert_eq!(claims(running.store()), truth, "{what}");
        assert_same_as_tenant(running.store(), tenant);
        assert_journal_leads_to_state(running.store());
        pass(&world);
        poll(&running, id).await;
    }
    match became {
        "right" | "failed" | "incomplete" => assert_eq!(missed, 0, "{what}"),
        "missed" => assert!(missed > 0, "{what}"),
        _ => {}
    }
    running.stop().await;
    became
}

async fn world() -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 230,
        groups: 24,
        custom_roles: 24,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    hooks::listen(&world);
    world
}

fn pass(world: &World) {
    world.clock.set(world.clock.now().plus(AGES));
}

/// The records that the test changes.
struct Cast {
    people: Vec<User>,
    team: GroupId,
    granted: RoleId,
    revoked: RoleId,
    doomed_role: RoleId,
    doomed_group: GroupId,
}

impl Cast {
    /// Sets up the records that may be lost.
    fn of(tenant: &Directory) -> Self {
        let (granted, revoked) = ("Steward", "DataAdmin");
        let cast = Self {
            people: tenant
                .users()
                .into_iter()
                .filter(|user| user.client_id.is_none())
                .collect(),
            team: tenant.create_group("Team"),
            granted: tenant.role_named(granted).unwrap(),
            revoked: tenant.role_named(revoked).unwrap(),
            doomed_role: tenant.create_role("Doomed Role"),
            doomed_group: tenant.create_group("Doomed Group"),
        };
        let role = cast.revoked.clone();
        let edit = GroupEdit::AssignRole(role.clone());
        tenant.update_group(&cast.team, edit).unwrap();
        for user in &cast.people[150..170] {
            let join = Edit::JoinGroup(cast.team.clone());
            tenant.update_user(&user.id, join).unwrap();
            let assign = Edit::AssignRole(role.clone());
            tenant.update_user(&user.id, assign).unwrap();
        }
        cast
    }

    /// Makes it happen. Returns the ids of everybody who is affected, and what is gone and lost.
    fn play(&self, world: &World) -> (BTreeSet<String>, Claims) {
        let tenant = world.tenant.directory();
        let user = |n: usize| &self.people[n].id;
        let renamed = Edit::Name("Zoë Ångström".to_owned());
        tenant.update_user(user(150), renamed).unwrap();
        let joiner = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
        let revoke = Edit::UnassignRole(self.revoked.clone());
        tenant.update_user(user(151), revoke).unwrap();
        tenant.delete_user(user(120)).unwrap();
        // The other events are on another page.
        tenant.audit().write_others(150, world.clock.now());
        let grant = Edit::AssignRole(self.granted.clone());
        tenant.update_user(user(152), grant).unwrap();
        tenant.delete_role(&self.doomed_role).unwrap();
        tenant.delete_group(&self.doomed_group).unwrap();
        let role = tenant.roles().pop().unwrap().id;
        let name = RoleEdit::Name("Other Name".to_owned());
        tenant.update_role(&role, name).unwrap();
        // This names the members, too, to whom nothing has happened.
        let grant = || GroupEdit::AssignRole(self.granted.clone());
        tenant.update_group(&self.team, grant()).unwrap();
        tenant
            .update_group(&Directory::everyone(), grant())
            .unwrap();

        let gone = [
            user(120).to_string(),
            self.doomed_role.to_string(),
            self.doomed_group.to_string(),
        ];
        let touched = [150, 151, 152].map(|n| user(n).to_string());
        let others = [
            joiner.to_string(),
            role.to_string(),
            self.team.to_string(),
            Directory::everyone().to_string(),
        ];
        let lost = Claim::Lost(user(151).to_string(), self.revoked.to_string());
        let truth = gone.clone().map(Claim::Gone).into_iter().chain([lost]);
        let touched = touched.into_iter().chain(others).chain(gone);
        (touched.collect(), truth.collect())
    }
}

/// Wakes the poll, and waits until one has ended since.
async fn poll(running: &Running, id: &str) {
    let n_polls = || async { polls(running).await.values().sum::<u64>() };
    let before = n_polls().await;
    hooks::wake(running, id).await;
    within("a poll ends", || async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        n_polls().await > before
    })
    .await;
}

/// Returns how many polls have ended in which way.
async fn polls(running: &Running) -> BTreeMap<String, u64> {
    let text = hooks::metrics(running).await;
    let head = r#"qlik_roster_polls_total{tenant="acme",outcome=""#;
    let rows = text.lines().filter_map(|line| line.strip_prefix(head));
    rows.map(|row| {
        let (outcome, count) = row.split_once("\"} ").unwrap();
        (outcome.to_owned(), count.parse().unwrap())
    })
    .collect()
}

/// Returns the outcome of the first poll.
async fn in_a_word(running: &Running, touched: &BTreeSet<String>) -> &'static str {
    let mut polls = polls(running).await;
    // A second poll may have followed, and have ended like the first, found nothing more, or
    // rested.
    for second in ["quiet", "asleep"] {
        if polls.len() > 1 {
            polls.remove(second);
        }
    }
    let [outcome] = polls.keys().collect::<Vec<_>>()[..] else {
        panic!("one outcome: {polls:?}");
    };
    match outcome.as_str() {
        "silent" | "failed" => return first_of(running, Trigger::Audit).await.unwrap_or("failed"),
        "forbidden" => return "refused",
        "gap" => {
            within("a sweep makes up for it", || async {
                first_of(running, Trigger::Gap).await.is_some()
            })
            .await;
            assert_eq!(first_of(running, Trigger::Gap).await, Some("right"));
            return "swept";
        }
        "quiet" | "found" => {}
        other => panic!("{other}"),
    }
    let told: BTreeSet<String> = changes(running.store())
        .map(|change| change.id().to_string())
        .collect();
    match first_of(running, Trigger::Audit).await {
        Some("right") | None if !told.is_superset(touched) => "missed",
        Some(word) => word,
        None => panic!("nothing was read, and yet it is told"),
    }
}

/// Returns how the first run of a sort has ended, if one has.
async fn first_of(running: &Running, trigger: Trigger) -> Option<&'static str> {
    let mut runs = running.last_runs(100).await.into_iter();
    // The newest come first.
    let ended = runs.rfind(|run| run.trigger == trigger && run.ended_at.is_some());
    ended.map(|run| match run.outcome {
        Outcome::Succeeded => "right",
        Outcome::Degraded => "degraded",
        Outcome::Held => "held",
        Outcome::Incomplete { .. } => "incomplete",
        Outcome::Failed { .. } => "failed",
        Outcome::Running | Outcome::Interrupted => panic!("{:?}", run.outcome),
    })
}
