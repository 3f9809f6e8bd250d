//! A reading of spaces, with a fault at one of its stages.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Assignee, Directory, Endpoint, Fault, NewSpace, RateLimits, Space, SpaceEdit, SpaceSort,
    TenantOptions, When,
};
use qlik_roster::model::{Fact, Outcome, Run, Seq, SpaceId, Timestamp, Trigger};

use super::{Stage, try_all};
use crate::spaces::DAY;
use crate::support::{Running, World, within};

/// The stages of a reading, in order, with the names that the manual gives them.
const STAGES: [Stage; 4] = [
    (Endpoint::Spaces, "spaces"),
    (Endpoint::Space, "a space by id"),
    (Endpoint::Assignments, "assignments"),
    (Endpoint::Shares, "shares"),
];

/// Members of each list, and of one list that takes several pages. The guard weighs the share of
/// members lost only if a list has twenty or more.
const FEW: usize = 24;
const MANY: usize = 106;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_stage_of_a_reading_of_spaces_is_right_or_loses_nothing() {
    try_all("faults of spaces", &STAGES, try_out).await;
}

/// Reads all spaces, makes one change of each sort, and reads all spaces again: first with the
/// fault, then without it. Returns the outcome of the reading with the fault, in one word.
async fn try_out(fault: Fault, at: Endpoint, what: String) -> &'static str {
    let world = world(at).await;
    let tenant = world.tenant.directory();
    let running = world.launch().await;
    assert_eq!(reading(&world, &running).await.outcome, Outcome::Succeeded);
    running.stop().await;
    let truth = play(tenant);

    world.clock.set(world.clock.now().plus(DAY));
    let strikes = world.tenant.faults().on(at, fault.clone(), When::Always);
    let running = world.launch().await;
    let run = reading(&world, &running).await;
    assert!(strikes.count() > 0, "{what}: the fault never struck");
    // If the tenant reports another type and other roles for a member, the earlier ones are lost.
    let is_other = fault == Fault::UnknownValues && at == Endpoint::Assignments;
    for claim in claims(&running) {
        assert!(
            is_other || truth.contains(&claim),
            "{what}: {claim:?} is told"
        );
    }
    let became = match run.outcome {
        Outcome::Succeeded => {
            let told = claims(&running);
            assert!(truth.is_subset(&told), "{what}: a success tells everything");
            "right"
        }
        Outcome::Degraded => "degraded",
        Outcome::Incomplete { .. } => "incomplete",
        Outcome::Failed { .. } => "failed",
        Outcome::Held | Outcome::Running | Outcome::Interrupted => panic!("{:?}", run.outcome),
    };
    running.stop().await;

    world.tenant.faults().clear();
    world.clock.set(world.clock.now().plus(DAY));
    let running = world.launch().await;
    let run = reading(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Succeeded, "{what}");
    assert_eq!(known(&running), real(tenant), "{what}");
    assert!(is_other || claims(&running) == truth, "{what}");
    running.stop().await;
    became
}

/// A world with lists of several pages where the fault strikes, and short ones elsewhere.
async fn world(at: Endpoint) -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: MANY + 10,
        groups: 3,
        spaces: if at == Endpoint::Spaces { MANY } else { 4 },
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    world.write_config(&format!("[access]\nspaces = true\n{config}"));
    let tenant = world.tenant.directory();
    for (n, space) in tenant.spaces().iter().take(4).enumerate() {
        let size = |list: Endpoint| if at == list && n == 0 { MANY } else { FEW };
        fill(
            tenant,
            space,
            size(Endpoint::Assignments),
            size(Endpoint::Shares),
        );
    }
    world
}

fn fill(tenant: &Directory, space: &Space, n_assigned: usize, n_shared: usize) {
    let users = tenant.users();
    let free = users
        .iter()
        .filter(|user| Some(&user.id) != space.owner.as_ref());
    for user in free.take(n_assigned) {
        let user = Assignee::User(user.id.clone());
        tenant.assign(&space.id, user, &["consumer"]).unwrap();
    }
    for user in users.iter().take(n_shared) {
        let user = Assignee::User(user.id.clone());
        tenant
            .share(&space.id, "app-1", user, &["consumer"])
            .unwrap();
    }
}

/// Changes the tenant. Returns what the journal may report as gone.
fn play(tenant: &Directory) -> BTreeSet<String> {
    let spaces = tenant.spaces();
    let people = tenant.users();
    let somebody = people.iter().rev().find(|user| user.client_id.is_none());
    let somebody = Assignee::User(somebody.unwrap().id.clone());
    let gone = spaces[0].assignments.values().next().unwrap();
    tenant.unassign(&spaces[0].id, &gone.assignee).unwrap();
    tenant
        .assign(&spaces[1].id, somebody.clone(), &["publisher"])
        .unwrap();
    tenant
        .share(&spaces[1].id, "app-2", somebody, &["consumer"])
        .unwrap();
    let share = spaces[2].shares.keys().next().unwrap();
    tenant.disable_share(&spaces[2].id, share).unwrap();
    let name = SpaceEdit::Name("Renamed".to_owned());
    tenant.update_space(&spaces[2].id, name).unwrap();
    tenant.delete_space(&spaces[3].id).unwrap();
    tenant.create_space(NewSpace {
        name: "Made today".to_owned(),
        sort: SpaceSort::Shared,
        owner: people[1].id.clone(),
    });
    let member = gone.assignee.id().unwrap();
    let (space, deleted) = (&spaces[0].id, &spaces[3].id);
    [format!("{member} of {space}"), deleted.to_string()].into()
}

/// Waits until a reading of all spaces that began now or later has ended, and returns it.
async fn reading(world: &World, running: &Running) -> Run {
    let now = world.clock.now();
    let ended = async || {
        let runs = running.last_runs(20).await.into_iter();
        let mut runs = runs.filter(|run| run.trigger == Trigger::Spaces && run.started_at >= now);
        runs.find(|run| run.outcome != Outcome::Running)
    };
    within("the reading has ended", || async {
        ended().await.is_some()
    })
    .await;
    ended().await.unwrap()
}

/// Returns what the journal reports as gone: spaces, and members that a space has lost.
fn claims(running: &Running) -> BTreeSet<String> {
    let mut claims = BTreeSet::new();
    for entry in running.store().entries(Seq::START, usize::MAX).unwrap() {
        let Fact::SpaceChanged(change) = entry.fact else {
            continue;
        };
        let space = &change.id;
        if change.after.is_none() {
            claims.insert(space.to_string());
            continue;
        }
        for (assignee, (before, after)) in &change.assignments.members {
            let roles = after.as_ref().map(|after| &after.roles);
            let is_lost =
                |before: &BTreeSet<String>| roles.is_none_or(|after| !before.is_subset(after));
            if before.as_ref().is_some_and(|before| is_lost(&before.roles)) {
                claims.insert(format!("{} of {space}", assignee.id));
            }
        }
        for (share, (before, after)) in &change.shares.members {
            if before.is_some() && after.is_none() {
                claims.insert(format!("share {share} of {space}"));
            }
        }
    }
    claims
}

/// Spaces in words: the name, the owner, who is assigned with which roles, and what is shared.
type Words = BTreeMap<SpaceId, (String, Option<String>, BTreeSet<String>, BTreeSet<String>)>;

fn known(running: &Running) -> Words {
    let store = running.store();
    let no = store.tenants().unwrap().remove(0).no;
    let mut words = Words::new();
    for kept in store.spaces(no, None, usize::MAX).unwrap() {
        let space = kept.space;
        let assigned = space.assignments.into_iter().flatten();
        let assigned = assigned.map(|(to, it)| format!("{} {:?}", to.id, it.roles));
        let shared = space.shares.into_iter().flatten();
        let shared = shared.map(|(id, it)| format!("{id} {:?} {}", it.roles, it.is_disabled));
        let owner = space.head.owner.map(|owner| owner.to_string());
        let of_space = (space.head.name, owner, assigned.collect(), shared.collect());
        words.insert(space.id, of_space);
    }
    words
}

fn real(tenant: &Directory) -> Words {
    let mut words = Words::new();
    for space in tenant.spaces() {
        let assigned = space.assignments.values();
        let assigned = assigned.map(|it| format!("{} {:?}", it.assignee.id().unwrap(), it.roles));
        let shared = space.shares.values();
        let shared = shared.map(|it| format!("{} {:?} {}", it.id, it.roles, it.is_disabled));
        let owner = space.owner.as_ref().map(ToString::to_string);
        let of_space = (
            space.name.clone(),
            owner,
            assigned.collect(),
            shared.collect(),
        );
        words.insert(space.id, of_space);
    }
    words
}
