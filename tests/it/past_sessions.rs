//! Sessions from before `sessions` was switched on, and sessions that the log shows late, are read
//! as far back as the log goes, even if the daemon is killed meanwhile.

use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{Edit, Endpoint, Fault, LogFault, RateLimits, TenantOptions, When};
use qlik_roster::model::{Timestamp, UserId};

use crate::support::{Running, World, within};

/// How often the daemon is killed while it reads earlier sessions.
const KILLS: usize = 6;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn options() -> TenantOptions {
    TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    }
}

/// A world whose clock the test moves, and whose audit log is polled every second.
async fn world() -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let world = World::by(clock, options()).await;
    configure(&world, "5m");
    world
}

fn configure(world: &World, overlap: &str) {
    let config = world.standard_config();
    let poll = format!("poll = \"1s\"\npoll_overlap = \"{overlap}\"");
    let config = config.replace("poll = \"off\"", &poll);
    world.write_config(&format!("[access]\nsessions = true\n{config}"));
}

fn people(world: &World) -> Vec<UserId> {
    let users = world.tenant.directory().users().into_iter();
    let people = users.filter(|user| user.client_id.is_none());
    people.map(|user| user.id).collect()
}

/// Makes a user log in some time ago, and returns when that was.
fn logged_in(world: &World, user: &UserId, ago: Duration) -> Timestamp {
    let tenant = world.tenant.directory();
    tenant.audit().on(LogFault::Backdated(ago), When::Always);
    let at = world.clock.now().minus(ago);
    tenant.log_in(user).unwrap();
    tenant.audit().clear();
    at
}

fn kept(running: &Running, users: &[UserId]) -> BTreeMap<UserId, Timestamp> {
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    let last = |user: &UserId| Some((user.clone(), store.last_session(no, user).unwrap().at?));
    users.iter().filter_map(last).collect()
}

fn known_since(running: &Running) -> Option<Timestamp> {
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    store.bookmark(no).unwrap()?.sessions_since
}

async fn polled(world: &World, running: &Running) {
    let now = world.clock.now();
    within("a poll reads up to now", || async {
        let store = running.store();
        let no = store.tenants().unwrap()[0].no;
        let bookmark = store.bookmark(no).unwrap();
        bookmark.is_some_and(|bookmark| bookmark.until >= now && bookmark.sessions_since.is_some())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_from_before_they_were_read_are_read_back_as_far_as_the_log_goes() {
    let world = world().await;
    let users = people(&world);
    let tenant = world.tenant.directory();
    // The oldest event of the log is not about a session.
    tenant
        .audit()
        .on(LogFault::Backdated(9 * DAY), When::Always);
    let oldest = world.clock.now().minus(9 * DAY);
    tenant.update_user(&users[0], Edit::Touch).unwrap();
    tenant.audit().clear();
    let mut expected = BTreeMap::new();
    for (user, days) in [(3, 7), (3, 5), (4, 8), (5, 2)] {
        let at = logged_in(&world, &users[user], days * DAY);
        expected.insert(users[user].clone(), at);
    }

    let running = world.start().await;

    within("the log was read to its beginning", || async {
        known_since(&running) == Some(oldest)
    })
    .await;
    assert_eq!(kept(&running, &users), expected);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_known_back_to_one_of_which_the_log_does_not_say_whose_it_is() {
    let world = world().await;
    let users = people(&world);
    let early = logged_in(&world, &users[3], 3 * DAY);
    world
        .tenant
        .directory()
        .audit()
        .on(LogFault::NamesNobody, When::Always);
    let nobodys = logged_in(&world, &users[4], 2 * DAY);
    let late = logged_in(&world, &users[5], DAY);

    let running = world.start().await;

    within("the log was read up to that session", || async {
        known_since(&running) == Some(nobodys)
    })
    .await;
    // An earlier session is known as well if the same slice of the log has it.
    let expected = [(users[3].clone(), early), (users[5].clone(), late)];
    let known = kept(&running, &users);
    assert!(known == expected.clone().into() || known == [expected[1].clone()].into());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_earlier_sessions_cannot_be_read_what_is_known_stays_and_they_are_read_later() {
    let world = world().await;
    let users = people(&world);
    let early = logged_in(&world, &users[3], 2 * DAY);
    let faults = world.tenant.faults();
    faults.on(Endpoint::AuditNames, Fault::Internal, When::Always);
    let running = world.start().await;
    polled(&world, &running).await;
    let first = known_since(&running).unwrap();
    world.tenant.directory().log_in(&users[4]).unwrap();
    let now = world.clock.now();
    within("polls go on", || async {
        kept(&running, &users) == [(users[4].clone(), now)].into()
    })
    .await;
    assert_eq!(known_since(&running), Some(first));

    faults.clear();
    world.clock.set(now.plus(61 * MINUTE));
    within("they are read", || async {
        known_since(&running) == Some(early)
    })
    .await;
    let expected = [(users[3].clone(), early), (users[4].clone(), now)];
    assert_eq!(kept(&running, &users), expected.into());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_earlier_sessions_are_read_lose_none() {
    let world = World::with(options()).await;
    configure(&world, "5m");
    let users = people(&world);
    let mut expected = BTreeMap::new();
    for (n, user) in users.iter().enumerate() {
        let at = logged_in(&world, user, DAY * u32::try_from(20 - n).unwrap());
        expected.insert(user.clone(), at);
    }
    let oldest = *expected.values().min().unwrap();
    let mut dice = fastrand::Rng::with_seed(7);

    for _ in 0..KILLS {
        let asked = || {
            let requests = world.tenant.requests();
            requests.at(Endpoint::AuditNames) + requests.at(Endpoint::Audits)
        };
        let target = asked() + dice.u64(3..20);
        let mut daemon = world.serve();
        within("it reads", || {
            let is_there = asked() >= target;
            async move { is_there }
        })
        .await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    let running = world.start().await;
    within("the log was read to its beginning", || async {
        known_since(&running).is_some_and(|since| since.since(oldest) < MINUTE)
    })
    .await;
    let known = kept(&running, &users);
    assert_eq!(known.len(), expected.len());
    for (user, at) in known {
        let differs = at.since(expected[&user]).max(expected[&user].since(at));
        assert!(differs < MINUTE, "{user} {at}");
    }
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_later_than_polls_read_back_is_found_within_an_hour() {
    let world = world().await;
    configure(&world, "1m");
    let users = people(&world);
    let running = world.start().await;
    polled(&world, &running).await;
    let tenant = world.tenant.directory();
    tenant.audit().on(LogFault::Late(30 * MINUTE), When::Always);
    tenant.log_in(&users[3]).unwrap();
    let at = world.clock.now();
    tenant.audit().clear();
    world.clock.set(at.plus(20 * MINUTE));
    polled(&world, &running).await;
    assert_eq!(kept(&running, slice::from_ref(&users[3])), BTreeMap::new());

    world.clock.set(at.plus(70 * MINUTE));

    within("the session is known", || async {
        kept(&running, &users) == [(users[3].clone(), at)].into()
    })
    .await;
    running.stop().await;
}
