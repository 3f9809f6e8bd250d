//! A reading of the licence, with a fault at one of its stages.

use std::collections::BTreeSet;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Directory, Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::{Fact, Outcome, Run, Seq, Timestamp, Trigger};

use super::{Stage, try_all};
use crate::licences::DAY;
use crate::support::{Running, World, within};

/// The stages of a reading, in their order, with what the manual calls them.
const STAGES: [Stage; 2] = [
    (Endpoint::Licence, "licence"),
    (Endpoint::Licences, "its assignments"),
];

/// The subject whose assignment is taken away.
const GONE: &str = "auth0|somebody 0007";

/// How many assignments there are: more than a page.
const MANY: usize = 130;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_stage_of_a_reading_of_licences_is_right_or_loses_nothing() {
    try_all("faults of licences", &STAGES, try_out).await;
}

/// Reads the licence, changes its assignments, switches the fault on for a reading, and off for
/// others. Returns the outcome of the first, in one word.
async fn try_out(fault: Fault, at: Endpoint, what: String) -> &'static str {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    world.write_config(&format!("[access]\nlicences = true\n{config}"));
    let tenant = world.tenant.directory();
    for n in 0..MANY {
        tenant.license(&format!("auth0|somebody {n:04}"), "analyzer");
    }
    let running = world.start().await;
    assert_eq!(reading(&world, &running).await.outcome, Outcome::Succeeded);
    let before = real(tenant);
    assert_eq!(known(&running), before);
    running.stop().await;
    tenant.unlicense(GONE);
    tenant.license("auth0|somebody new", "professional");

    world.clock.set(world.clock.now().plus(DAY));
    let strikes = world.tenant.faults().on(at, fault, When::Always);
    let running = world.start().await;
    let run = reading(&world, &running).await;
    assert!(strikes.count() > 0, "{what}: the fault never struck");
    let there: BTreeSet<String> = before.intersection(&real(tenant)).cloned().collect();
    assert!(there.is_subset(&known(&running)), "{what}: one is lost");
    let became = match run.outcome {
        Outcome::Succeeded => {
            let is_known = known(&running).is_superset(&real(tenant));
            assert!(is_known, "{what}: a success knows everything");
            "right"
        }
        Outcome::Degraded => "degraded",
        Outcome::Incomplete { .. } => "incomplete",
        Outcome::Failed { .. } => "failed",
        Outcome::Held | Outcome::Running | Outcome::Interrupted => panic!("{:?}", run.outcome),
    };
    running.stop().await;

    world.tenant.faults().clear();
    // What the reading with the fault did not show for good goes with the second reading.
    for _ in 0..2 {
        world.clock.set(world.clock.now().plus(DAY));
        let running = world.start().await;
        let run = reading(&world, &running).await;
        assert_eq!(run.outcome, Outcome::Succeeded, "{what}");
        assert!(there.is_subset(&known(&running)), "{what}: one is lost");
        running.stop().await;
    }
    let running = world.start().await;
    assert_eq!(known(&running), real(tenant), "{what}");
    assert!(
        claims(&running).is_subset(&BTreeSet::from([GONE.to_owned()])),
        "{what}: the journal says that somebody is gone who is not"
    );
    running.stop().await;
    became
}

/// Returns the reading that began at the present time, once it has ended.
async fn reading(world: &World, running: &Running) -> Run {
    let now = world.clock.now();
    let ended = async || {
        let runs = running.last_runs(20).await.into_iter();
        let mut runs = runs.filter(|run| run.trigger == Trigger::Licence && run.started_at >= now);
        runs.find(|run| run.outcome != Outcome::Running)
    };
    within("the reading has ended", || async {
        ended().await.is_some()
    })
    .await;
    ended().await.unwrap()
}

/// Returns the subjects that lost everything, by the journal.
fn claims(running: &Running) -> BTreeSet<String> {
    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let mut claims = BTreeSet::new();
    for entry in entries {
        if let Fact::LicenceChanged(change) = entry.fact {
            let gone = change.subjects.into_iter();
            let gone = gone.filter(|(_, change)| change.after.is_empty());
            claims.extend(gone.map(|(subject, _)| subject.to_string()));
        }
    }
    claims
}

fn known(running: &Running) -> BTreeSet<String> {
    let store = running.store();
    let no = store.tenants().unwrap().remove(0).no;
    let rows = store.licences(no, None, usize::MAX).unwrap().into_iter();
    let assignments = rows.flat_map(|kept| kept.assignments);
    assignments.map(|assignment| assignment.subject).collect()
}

fn real(tenant: &Directory) -> BTreeSet<String> {
    tenant.licence().assignments.into_keys().collect()
}
