//! Spaces of a tenant that answers wrongly or not at all: nobody loses a right that still exists,
//! one bad space does not keep the others from being read, and a source that fails as a whole is
//! read later.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::NotKnown;
use qlik_roster::demo::tenant::{
    Assignee, Directory, Endpoint, Fault, RateLimits, Space, SpaceEdit, SpacePart, TenantOptions,
    When,
};
use qlik_roster::model::{self, Fact, Outcome, Seq, SpaceChange, SpaceId, Timestamp};

use crate::spaces::{ended_reading, now, read_again, read_once, reading, world};
use crate::support::{Running, World};

fn clock() -> Clock {
    Clock::stopped_at(Timestamp::parse("2026-03-01T08:00:00Z").unwrap())
}

/// Returns the spaces that are known.
fn known(running: &Running) -> BTreeMap<SpaceId, model::Space> {
    let store = running.store();
    let no = store.tenants().unwrap().remove(0).no;
    let rows = store.spaces(no, None, usize::MAX).unwrap().into_iter();
    rows.map(|kept| (kept.space.id.clone(), kept.space))
        .collect()
}

/// Returns the known assignees of a space; `None` if they are not known.
fn assigned(running: &Running, id: &SpaceId) -> Option<BTreeSet<String>> {
    let space = known(running).remove(id)?;
    let assignments = space.assignments?.into_keys();
    Some(assignments.map(|it| it.id.to_string()).collect())
}

/// Returns the real assignees of a space.
fn truly_assigned(tenant: &Directory, id: &SpaceId) -> BTreeSet<String> {
    let space = tenant.space(id).unwrap();
    let assignees = space.assignments.values();
    let ids = assignees.filter_map(|it| it.assignee.id().map(ToString::to_string));
    ids.collect()
}

/// Returns the changes of spaces that the journal reports.
fn changes(running: &Running) -> Vec<SpaceChange> {
    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let changes = entries.into_iter().filter_map(|entry| match entry.fact {
        Fact::SpaceChanged(change) => Some(change),
        _ => None,
    });
    changes.collect()
}

/// Returns how many assignments and shares the journal reports as gone, and how many spaces.
fn gone(running: &Running) -> (usize, usize) {
    let (mut members, mut spaces) = (0, 0);
    for change in changes(running) {
        let assignments = change.assignments.members.values();
        members += assignments.filter(|(_, after)| after.is_none()).count();
        let shares = change.shares.members.values();
        members += shares.filter(|(_, after)| after.is_none()).count();
        spaces += usize::from(change.after.is_none());
    }
    (members, spaces)
}

/// Assigns users to a space until it has this many assignments.
fn fill(tenant: &Directory, space: &Space, n: usize) {
    for user in tenant.users() {
        let now = tenant.space(&space.id).unwrap();
        // The owner cannot be assigned.
        if now.assignments.len() < n && now.owner.as_ref() != Some(&user.id) {
            let user = Assignee::User(user.id);
            tenant.assign(&space.id, user, &["consumer"]).unwrap();
        }
    }
}

/// Assigns ten users to each space. Returns the spaces.
fn fill_all(world: &World) -> Vec<Space> {
    let tenant = world.tenant.directory();
    for space in tenant.spaces() {
        fill(tenant, &space, 10);
    }
    tenant.spaces()
}

fn first_assignee(space: &Space) -> Assignee {
    let first = space.assignments.values().next();
    first.unwrap().assignee.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_shorter_than_its_count_takes_nothing_away() {
    let world = world(clock(), 3).await;
    let tenant = world.tenant.directory();
    let space = fill_all(&world).remove(0);
    let running = world.start().await;
    read_once(&running).await;
    let before = assigned(&running, &space.id);

    let faults = world.tenant.faults();
    faults.on(Endpoint::Assignments, Fault::InflatedTotal(1), When::Always);
    tenant.unassign(&space.id, &first_assignee(&space)).unwrap();
    let run = read_again(&world, &running).await;

    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(run.spaces.unwrap().unseen, 3);
    assert_eq!(assigned(&running, &space.id), before);
    let unseen = &known(&running)[&space.id].head.unseen;
    assert_eq!(*unseen, [model::SpacePart::Assignments].into());
    faults.clear();
    let run = read_again(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Succeeded);
    let truth = truly_assigned(tenant, &space.id);
    assert_eq!(assigned(&running, &space.id), Some(truth));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_wrong_answer_takes_nothing_away() {
    for fault in [Fault::EmptyCollection, Fault::HalfShown] {
        for at in [Endpoint::Assignments, Endpoint::Shares] {
            let world = world(clock(), 1).await;
            let tenant = world.tenant.directory();
            let space = fill_all(&world).remove(0);
            for user in &tenant.users()[..4] {
                let with = Assignee::User(user.id.clone());
                tenant
                    .share(&space.id, "app-1", with, &["consumer"])
                    .unwrap();
            }
            let running = world.start().await;
            read_once(&running).await;
            let before = known(&running);

            let strikes = world.tenant.faults().on(at, fault.clone(), When::Nth(1));
            let run = read_again(&world, &running).await;

            assert_eq!(strikes.count(), 1);
            assert_eq!(run.outcome, Outcome::Succeeded, "{fault:?} at {at:?}");
            assert_eq!(known(&running), before, "{fault:?} at {at:?}");
            assert_eq!(changes(&running), []);
            running.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_misses_spaces_is_not_complete_and_removes_nothing() {
    let world = world(clock(), 5).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    read_once(&running).await;
    let spaces = tenant.spaces();

    let faults = world.tenant.faults();
    faults.on(Endpoint::Spaces, Fault::InflatedTotal(2), When::Always);
    tenant.delete_space(&spaces[0].id).unwrap();
    let run = read_again(&world, &running).await;

    let Outcome::Incomplete { reason } = &run.outcome else {
        panic!("{:?}", run.outcome);
    };
    assert!(
        reason.contains("counts 6 spaces, and 2 of them"),
        "{reason}"
    );
    assert_eq!(gone(&running), (0, 0));
    let answer = now(&running, &spaces[1].id).await;
    let unread = NotKnown::UnreadSpaces { spaces: 2 };
    assert!(answer.envelope.not_known.contains(&unread), "{answer:?}");
    faults.clear();
    let run = read_again(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(gone(&running).1, 1);
    let answer = now(&running, &spaces[1].id).await;
    assert_eq!(answer.envelope.not_known, BTreeSet::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_reading_says_how_many_spaces_it_missed() {
    let world = world(clock(), 130).await;
    let faults = world.tenant.faults();
    let strikes = faults.on(Endpoint::Spaces, Fault::PageLeftOut, When::Always);
    let running = world.start().await;
    read_once(&running).await;

    assert!(strikes.count() > 1, "it was not asked again");
    let n_known = known(&running).len();
    assert_eq!(reading(&running).n_unread, 130 - n_known as u64);
    faults.clear();
    read_again(&world, &running).await;
    assert_eq!(known(&running).len(), 130);
    assert_eq!(reading(&running).n_unread, 0);
    running.stop().await;
}

/// The bad spaces have the lowest ids, and there are more of them than may fail in a row.
#[tokio::test(flavor = "multi_thread")]
async fn bad_spaces_do_not_keep_the_others_from_being_read() {
    let world = world(clock(), 12).await;
    let tenant = world.tenant.directory();
    let mut spaces = tenant.spaces();
    spaces.sort_by(|one, next| one.id.cmp(&next.id));
    let (bad, good) = spaces.split_at(5);
    for space in bad {
        // This status is not a refusal, and another attempt would not help.
        let edit = SpaceEdit::Hide(SpacePart::Assignments, 418);
        tenant.update_space(&space.id, edit).unwrap();
    }
    let mut running = world.start().await;
    // A run that happens to begin with bad spaces fails. Then the next run begins elsewhere.
    while matches!(
        ended_reading(&running).await.outcome,
        Outcome::Failed { .. }
    ) {
        running.stop().await;
        let later = world.clock.now().plus(Duration::from_millis(61_001));
        world.clock.set(later);
        running = world.start().await;
    }

    assert_eq!(ended_reading(&running).await.outcome, Outcome::Degraded);
    for space in good {
        let truth = truly_assigned(tenant, &space.id);
        assert_eq!(assigned(&running, &space.id), Some(truth));
    }
    for space in bad {
        assert_eq!(assigned(&running, &space.id), None);
        let answer = now(&running, &space.id).await;
        let part = NotKnown::PartOfSpace {
            id: space.id.clone(),
            name: space.name.clone(),
            part: model::SpacePart::Assignments,
        };
        assert_eq!(answer.envelope.not_known, [part].into());
    }
    for space in bad {
        let edit = SpaceEdit::Show(SpacePart::Assignments);
        tenant.update_space(&space.id, edit).unwrap();
    }
    let run = read_again(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Succeeded);
    // What was known stays when they fail again.
    for space in bad {
        let edit = SpaceEdit::Hide(SpacePart::Assignments, 418);
        tenant.update_space(&space.id, edit).unwrap();
    }
    let run = read_again(&world, &running).await;
    assert_eq!(run.outcome, Outcome::Degraded);
    assert_eq!(run.spaces.unwrap().unseen, 5);
    assert_eq!(gone(&running), (0, 0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_as_a_whole_stops_the_reading_and_resumes_it() {
    let world = world(clock(), 12).await;
    let tenant = world.tenant.directory();
    let faults = world.tenant.faults();
    let elsewhere = Fault::Redirect("https://elsewhere.example/".to_owned());
    for at in [Endpoint::Assignments, Endpoint::Shares] {
        faults.on(at, elsewhere.clone(), When::From(7));
    }
    let running = world.start().await;
    let run = ended_reading(&running).await;

    assert!(
        matches!(&run.outcome, Outcome::Failed { code, .. } if code == "qlik.redirected"),
        "{:?}",
        run.outcome
    );
    let n_read = known(&running).len();
    assert!((1..7).contains(&n_read), "{n_read} spaces");
    assert!(known(&running).values().all(|it| it.head.unseen.is_empty()));
    assert_eq!(reading(&running).mark.last, None);
    let asked = || world.tenant.requests().at(Endpoint::Shares);
    let n_asked = asked();
    assert!(n_asked < 20, "{n_asked} requests to a source that fails");
    faults.clear();
    running.stop().await;
    let running = world.start().await;
    read_once(&running).await;
    let run = ended_reading(&running).await;
    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(asked() - n_asked, 12 - n_read as u64);
    for space in tenant.spaces() {
        let truth = truly_assigned(tenant, &space.id);
        assert_eq!(assigned(&running, &space.id), Some(truth));
    }
    running.stop().await;
}

/// Returns the number of requests of rate-limit tier 1 that were made for spaces.
fn of_spaces(world: &World) -> u64 {
    let at = [
        Endpoint::Spaces,
        Endpoint::Space,
        Endpoint::Assignments,
        Endpoint::Shares,
    ];
    at.iter().map(|at| world.tenant.requests().at(*at)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_stays_within_the_budget_and_outlasts_its_end() {
    let custom = RateLimits::Custom {
        tier_1: 40,
        tier_2: 40,
        window: Duration::from_secs(1),
    };
    for (limits, rate) in [
        (RateLimits::Documented, "rate_share = 0.8"),
        (custom, "requests_per_minute = 0"),
    ] {
        let world = World::with(TenantOptions {
            users: 30,
            groups: 6,
            spaces: 60,
            rate_limits: limits,
            ..TenantOptions::default()
        })
        .await;
        let config = world.standard_config();
        let config = config.replace("requests_per_minute = 0", rate);
        world.write_config(&format!("[access]\nspaces = true\n{config}"));
        let many = Fault::TooManyRequests { retry_after: 1 };
        let when = match limits {
            RateLimits::Documented | RateLimits::Off => When::Nth(u64::MAX),
            RateLimits::Custom { .. } => When::Nth(20),
        };
        let strikes = world.tenant.faults().on(Endpoint::Assignments, many, when);
        let running = world.start().await;
        read_once(&running).await;

        let run = ended_reading(&running).await;
        assert_eq!(run.outcome, Outcome::Succeeded);
        let tenant = world.tenant.directory();
        for space in tenant.spaces() {
            let truth = truly_assigned(tenant, &space.id);
            assert_eq!(assigned(&running, &space.id), Some(truth));
        }
        let n_asked = of_spaces(&world);
        match limits {
            RateLimits::Documented => assert_eq!(n_asked, 1 + 2 * 60),
            // Few are refused, since a refusal stops all requests for a while.
            RateLimits::Custom { .. } => {
                assert_eq!(strikes.count(), 1);
                assert!((122..200).contains(&n_asked), "{n_asked}");
            }
            RateLimits::Off => {}
        }
        running.stop().await;
    }
}

/// The source shows less than it has, and counts only what it shows, so only another reading can
/// tell.
#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_loses_much_at_once_stays_until_another_reading_shows_the_same() {
    for fault in [Fault::EmptyCollection, Fault::HalfShown] {
        let world = world(clock(), 2).await;
        let tenant = world.tenant.directory();
        for space in tenant.spaces() {
            fill(tenant, &space, 24);
        }
        let space = tenant.spaces().remove(0);
        let running = world.start().await;
        read_once(&running).await;
        let before = known(&running);

        let faults = world.tenant.faults();
        faults.on(Endpoint::Assignments, fault.clone(), When::Always);
        let run = read_again(&world, &running).await;

        assert_eq!(run.outcome, Outcome::Degraded, "{fault:?}");
        assert_eq!(gone(&running), (0, 0), "{fault:?}");
        let part = NotKnown::PartOfSpace {
            id: space.id.clone(),
            name: space.name.clone(),
            part: model::SpacePart::Assignments,
        };
        let answer = now(&running, &space.id).await;
        assert_eq!(answer.envelope.not_known, [part].into(), "{fault:?}");
        faults.clear();
        let run = read_again(&world, &running).await;
        assert_eq!(run.outcome, Outcome::Succeeded, "{fault:?}");
        assert_eq!(known(&running), before, "{fault:?}");
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_really_gone_from_a_list_is_gone_after_the_second_reading() {
    let world = world(clock(), 2).await;
    let tenant = world.tenant.directory();
    let space = fill_all(&world).remove(0);
    let running = world.start().await;
    read_once(&running).await;
    for assignment in tenant.space(&space.id).unwrap().assignments.values() {
        tenant.unassign(&space.id, &assignment.assignee).unwrap();
    }

    read_again(&world, &running).await;
    assert_eq!(gone(&running), (0, 0));
    // What the next reading must remember of this one outlasts a restart.
    running.stop().await;
    let running = world.start().await;
    let run = read_again(&world, &running).await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(assigned(&running, &space.id), Some(BTreeSet::new()));
    assert_eq!(gone(&running).0, space.assignments.len());
    running.stop().await;
}
