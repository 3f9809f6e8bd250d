//! When users last began sessions, also if events of the audit log are late or come twice; and what
//! is reported of users who began none.

use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::control::query::{FindingStanding, StaleWho};
use qlik_roster::control::{
    AccessPage, ConcernCode, Envelope, Findings, Idleness, IdlenessLack, NotKnown, Severity,
    StaleRow, UserAccess, query,
};
use qlik_roster::demo::tenant::{
    Edit, Endpoint, Fault, Generations, GroupEdit, LogFault, NewUser, RateLimits, Status,
    TenantOptions, When,
};
use qlik_roster::model::{Id, Kind, Record, SessionSpan, TenantName, Timestamp, UserId};
use serde_json::Value;

use crate::hooks::metrics;
use crate::support::{Running, World, within};

/// Histories in an ordinary run, and with `QLIK_ROSTER_LONG`.
const HISTORIES: u64 = 3;
const MANY_HISTORIES: u64 = 60;

/// Stretches of time in one history.
const STEPS: usize = 12;

/// Kills of the daemon while users log in.
const KILLS: usize = 8;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

const ON: &str = "sessions = true";

/// A world whose clock the test moves, and whose audit log is polled every second.
async fn world(generations: Generations) -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        generations,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    configure(&world, ON);
    world
}

fn configure(world: &World, access: &str) {
    let config = world.standard_config();
    let config = config.replace("poll = \"off\"", "poll = \"1s\"");
    world.write_config(&format!("[access]\n{access}\n{config}"));
}

fn acme() -> TenantName {
    TenantName("acme".to_owned())
}

fn pass(world: &World, time: Duration) {
    world.clock.set(world.clock.now().plus(time));
}

fn people(world: &World) -> Vec<UserId> {
    let users = world.tenant.directory().users().into_iter();
    let people = users.filter(|user| user.client_id.is_none());
    people.map(|user| user.id).collect()
}

/// When users last began sessions, as the store has it.
fn kept(running: &Running, users: &[UserId]) -> BTreeMap<UserId, Timestamp> {
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    let last = |user: &UserId| Some((user.clone(), store.last_session(no, user).unwrap().at?));
    users.iter().filter_map(last).collect()
}

/// The time since which the store has all sessions.
fn known_since(running: &Running) -> Option<Timestamp> {
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    store.bookmark(no).unwrap()?.sessions_since
}

async fn known(running: &Running) -> Timestamp {
    within("sessions are known", || async {
        known_since(running).is_some()
    })
    .await;
    known_since(running).unwrap()
}

/// Lets time pass in steps, with a poll after each.
async fn pass_days(world: &World, running: &Running, days: u64) {
    for _ in 0..days {
        pass(world, DAY);
        let now = world.clock.now();
        within("a poll reads up to now", || async {
            let store = running.store();
            let no = store.tenants().unwrap()[0].no;
            store.bookmark(no).unwrap().unwrap().until >= now
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn last_sessions_are_right_even_if_events_come_late_or_twice() {
    let n = match std::env::var_os("QLIK_ROSTER_LONG") {
        Some(_) => MANY_HISTORIES,
        None => HISTORIES,
    };
    for seed in 0..n {
        history(seed).await;
    }
}

async fn history(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let generations = [Generations::Both, Generations::Core, Generations::Legacy];
    let world = world(generations[random.usize(..3)]).await;
    let tenant = world.tenant.directory();
    // No event is delayed by more than polls read back.
    for (fault, every) in [
        (LogFault::Late(4 * MINUTE), 3),
        (LogFault::Twice, 4),
        (LogFault::Late(MINUTE), 5),
    ] {
        tenant.audit().on(fault, When::Every(every));
    }
    let users = people(&world);
    let mut running = world.start().await;
    let since = known(&running).await;
    let mut expected: BTreeMap<UserId, Timestamp> = BTreeMap::new();

    for _ in 0..STEPS {
        for _ in 0..random.usize(..4) {
            let user = &users[random.usize(..users.len())];
            tenant.log_in(user).unwrap();
            expected.insert(user.clone(), world.clock.now());
        }
        match random.u8(..6) {
            0 => {
                running.stop().await;
                running = world.start().await;
            }
            // A change that polls have to look at as well.
            1 => tenant.update_user(&users[0], Edit::Touch).unwrap(),
            _ => pass(&world, MINUTE * random.u32(..3)),
        }
    }
    tenant.audit().release();

    within("all sessions are known", || async {
        kept(&running, &users) == expected
    })
    .await;
    // Reading the same events again changes nothing.
    running.sync().await;
    assert_eq!(kept(&running, &users), expected, "{seed}");
    // The log was read without a gap.
    assert_eq!(known_since(&running), Some(since), "{seed}");
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_polls_know_of_sessions_outlasts_a_sweep_that_ends_before_they_do() {
    let world = world(Generations::Core).await;
    let tenant = world.tenant.directory();
    let users = people(&world);
    let running = world.start().await;
    let first = known(&running).await;

    // Polls read the log, but cannot act on it.
    let faults = world.tenant.faults();
    faults.on(Endpoint::User, Fault::Internal, When::Always);
    pass(&world, 10 * MINUTE);
    tenant.log_in(&users[3]).unwrap();
    let early = world.clock.now();
    tenant.update_user(&users[0], Edit::Touch).unwrap();
    within("a poll fails", || async {
        metrics(&running).await.contains("outcome=\"failed\"")
    })
    .await;
    pass(&world, 10 * MINUTE);
    tenant.log_in(&users[4]).unwrap();
    let late = world.clock.now();
    pass(&world, 10 * MINUTE);
    running.sync().await;
    faults.clear();

    within("polls go on from the sweep", || async {
        let store = running.store();
        let bookmark = store.bookmark(store.tenants().unwrap()[0].no).unwrap();
        bookmark.is_some_and(|it| it.since > late && it.until >= world.clock.now())
    })
    .await;
    assert_eq!(known_since(&running), Some(first));
    let expected = [(users[3].clone(), early), (users[4].clone(), late)];
    assert_eq!(kept(&running, &users), expected.into());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_users_log_in_lose_no_session() {
    let world = World::with(TenantOptions {
        users: 20,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    configure(&world, ON);
    let tenant = world.tenant.directory();
    let users = people(&world);
    let running = world.start().await;
    let since = known(&running).await;
    running.stop().await;
    let mut dice = fastrand::Rng::with_seed(7);
    // Two times for each user: the last login was not before the first, and not after the second.
    let mut logged_in: BTreeMap<UserId, (Timestamp, Timestamp)> = BTreeMap::new();

    for _ in 0..KILLS {
        let audits = || world.tenant.requests().at(Endpoint::Audits);
        let target = audits() + dice.u64(1..4);
        let mut daemon = world.serve();
        within("it polls", || {
            let user = &users[dice.usize(..users.len())];
            let before = world.clock.now();
            tenant.log_in(user).unwrap();
            logged_in.insert(user.clone(), (before, world.clock.now()));
            let is_there = audits() >= target;
            async move { is_there }
        })
        .await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }

    let running = world.start().await;
    within("all sessions are known", || async {
        let kept = kept(&running, &users);
        let are_last = kept.iter().all(|(user, at)| {
            let (not_before, not_after) = logged_in[user];
            (not_before..=not_after).contains(at)
        });
        are_last && kept.len() == logged_in.len()
    })
    .await;
    assert_eq!(known_since(&running), Some(since));
    running.stop().await;
}

/// The shortest overlap is shorter than the allowed difference of clocks. What the first poll does
/// not read is read back later.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_known_from_where_the_log_was_read() {
    let world = world(Generations::Core).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&config.replace("poll = \"1s\"", "poll = \"1s\"\npoll_overlap = \"1m\""));
    let user = people(&world).swap_remove(3);
    world.tenant.directory().log_in(&user).unwrap();
    let at = world.clock.now();
    pass(&world, Duration::from_secs(90));

    let running = world.start().await;

    within("the log was read to its beginning", || async {
        known_since(&running) == Some(at)
    })
    .await;
    assert_eq!(kept(&running, slice::from_ref(&user)), [(user, at)].into());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_known_of_sessions_while_the_log_may_not_be_read() {
    let world = world(Generations::Core).await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::Forbidden, When::Always);
    let running = world.start().await;
    running.sync().await;
    assert_eq!(known_since(&running), None);
    let none = NotKnown::Sessions { known: None };
    assert!(
        of_user(&running, None)
            .await
            .envelope
            .not_known
            .contains(&none)
    );
    let lack = IdlenessLack::Sessions(None);
    assert_eq!(lacks(&findings(&running).await), [lack]);
    let (code, out, err) = world
        .command(&["findings", "--code", "access.idle-admin"])
        .await;
    assert_eq!(
        (code, out.as_str()),
        (5, "No such finding, as far as is known.\n"),
        "{err}"
    );
    let folder = world.path("evidence");
    let folder = folder.to_str().unwrap();
    let review = ["access", "review", "--tenant", "acme", "--out", folder];
    assert_eq!(world.command(&review).await.0, 5);

    faults.clear();
    running.sync().await;
    known(&running).await;
    running.stop().await;
}

/// Returns what is known about a user's last session, now or at an earlier time.
async fn of_user(running: &Running, at: Option<Timestamp>) -> UserAccess {
    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    let users = store.list(no, Kind::User, None, 500).unwrap().into_iter();
    let mut users = users.filter_map(|kept| match kept.record {
        Record::User(user) => Some(user).filter(|user| !user.is_bot),
        Record::Group(_) | Record::Role(_) => None,
    });
    let asked = query::UserAccess {
        tenant: acme(),
        user: users.next().unwrap().id,
        role: None,
        at,
        after: None,
        limit: 500,
    };
    running.ask(asked).await
}

fn lacks(findings: &Findings) -> Vec<IdlenessLack> {
    findings.idleness.iter().map(|row| row.lack).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn once_the_log_is_no_longer_read_nobody_knows_who_was_seen_since() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let since = known(&running).await;
    let last = of_user(&running, None).await;
    assert_eq!(
        last.last_session.in_words(),
        format!("not known before {since}")
    );
    assert!(last.envelope.is_complete(), "{:?}", last.envelope);

    world
        .tenant
        .faults()
        .on(Endpoint::Audits, Fault::Forbidden, When::Always);
    pass(&world, 2 * DAY);

    let last = of_user(&running, None).await;
    let SessionSpan { until, .. } = last.last_session.known.unwrap();
    let expected = format!("none from {since} to {until}");
    assert_eq!(last.last_session.in_words(), expected);
    let lack = |envelope: &Envelope| {
        let mut lacking = envelope.not_known.iter();
        lacking.any(|it| matches!(it, NotKnown::Sessions { known: Some(_) }))
    };
    assert!(lack(&last.envelope));
    let folder = world.path("evidence");
    let folder = folder.to_str().unwrap();
    let review = ["access", "review", "--tenant", "acme", "--out", folder];
    let (code, _, err) = world.command(&review).await;
    assert_eq!(code, 5, "{err}");
    assert!(
        err.contains("whether users began one at another time is not known"),
        "{err}"
    );
    // The answer is complete for any time up to which the log was read.
    assert!(!lack(&of_user(&running, Some(until)).await.envelope));
    running.stop().await;
}

/// A group that no longer exists still counts as one of the identity provider at an earlier time.
#[tokio::test(flavor = "multi_thread")]
async fn groups_of_an_identity_provider_are_those_of_the_time_that_is_asked_about() {
    let (world, running) = seen().await;
    let tenant = world.tenant.directory();
    let mut groups = tenant.groups().into_iter();
    let staff = groups.find(|group| group.name == "Staff").unwrap().id;
    let noah = tenant
        .users()
        .into_iter()
        .find(|user| user.name == "Noah Klein");
    let noah = noah.unwrap().id;
    let at = world.clock.now();
    pass(&world, MINUTE);
    tenant.delete_group(&staff).unwrap();
    running.sync().await;
    pass(&world, MINUTE);

    let ask = async |at| -> Vec<String> {
        let asked = query::UserAccess {
            tenant: acme(),
            user: noah.clone(),
            role: None,
            at,
            after: None,
            limit: 500,
        };
        running.ask(asked).await.of_idp.into_values().collect()
    };
    assert_eq!(ask(Some(at)).await, ["Staff"]);
    assert_eq!(ask(None).await, Vec::<String>::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_that_are_not_read_are_not_known_until_they_are_read_back() {
    let world = world(Generations::Core).await;
    configure(&world, "sessions = false");
    let tenant = world.tenant.directory();
    let user = people(&world).swap_remove(3);
    let running = world.start().await;
    tenant.log_in(&user).unwrap();
    let first = world.clock.now();
    pass(&world, 20 * MINUTE);
    tenant.update_user(&user, Edit::Touch).unwrap();
    let now = world.clock.now();
    within("a poll reads up to now", || async {
        let store = running.store();
        let no = store.tenants().unwrap()[0].no;
        store.bookmark(no).unwrap().unwrap().until >= now
    })
    .await;
    assert_eq!(known_since(&running), None);
    assert_eq!(kept(&running, slice::from_ref(&user)), BTreeMap::new());
    running.stop().await;

    configure(&world, ON);
    let running = world.start().await;
    within("the gap is closed", || async {
        known_since(&running) == Some(first)
    })
    .await;
    assert_eq!(
        kept(&running, slice::from_ref(&user)),
        [(user.clone(), first)].into()
    );
    running.stop().await;

    configure(&world, "sessions = false");
    let running = world.start().await;
    tenant.log_in(&user).unwrap();
    let last = world.clock.now();
    pass(&world, 20 * MINUTE);
    within("sessions are no longer known", || async {
        known_since(&running).is_none()
    })
    .await;
    // The last known session stays known.
    assert_eq!(
        kept(&running, slice::from_ref(&user)),
        [(user.clone(), first)].into()
    );
    running.stop().await;

    configure(&world, ON);
    let running = world.start().await;
    within("the gap is closed", || async {
        known_since(&running) == Some(first)
    })
    .await;
    assert_eq!(
        kept(&running, slice::from_ref(&user)),
        [(user, last)].into()
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_or_a_session_without_a_user_moves_the_time_since_which_sessions_are_known() {
    let world = world(Generations::Core).await;
    let tenant = world.tenant.directory();
    let user = people(&world).swap_remove(3);
    let running = world.start().await;
    let first = known(&running).await;
    assert!(first <= world.clock.now());

    pass(&world, 2 * MINUTE);
    tenant.audit().on(LogFault::NamesNobody, When::Always);
    tenant.log_in(&user).unwrap();
    let at = world.clock.now();
    within("it is noticed", || async {
        known_since(&running) == Some(at)
    })
    .await;
    let gaps = "qlik_roster_session_gaps_total{tenant=\"acme\"} 1\n";
    assert!(metrics(&running).await.contains(gaps));
    assert_eq!(kept(&running, slice::from_ref(&user)), BTreeMap::new());
    tenant.audit().clear();

    // Polls do not look that far back. But the gap is read later, back to the session without a
    // user.
    pass(&world, DAY);
    tenant.audit().on(LogFault::Late(6 * DAY), When::Always);
    tenant.log_in(&user).unwrap();
    let last = world.clock.now();
    tenant.audit().clear();
    pass(&world, 8 * DAY);
    within("the gap is closed", || async {
        kept(&running, slice::from_ref(&user)) == [(user.clone(), last)].into()
            && known_since(&running) == Some(at)
    })
    .await;
    running.stop().await;
}

/// Maria administers and logged in three days ago; Ada administers and logged in today; Noah is in
/// a group of the identity provider and never logged in; Uma, who does not count, is disabled.
async fn seen() -> (World, Running) {
    let world = world(Generations::Core).await;
    configure(
        &world,
        "sessions = true\nidle_admin = \"2d\"\nleft_idp = \"2d\"",
    );
    let tenant = world.tenant.directory();
    let admin = tenant.role_named("TenantAdmin").unwrap();
    let staff = tenant.create_group("Staff");
    let steward = tenant.role_named("Steward").unwrap();
    tenant
        .update_group(&staff, GroupEdit::AssignRole(steward))
        .unwrap();
    let of = |name: &str, administers: bool, status| NewUser {
        roles: administers.then(|| admin.clone()).into_iter().collect(),
        groups: vec![staff.clone()],
        status,
        ..NewUser::named(name)
    };
    let people = [
        of("Maria Silva", true, Status::Active),
        of("Ada Byron", true, Status::Active),
        of("Noah Klein", false, Status::Active),
        of("Uma Devi", true, Status::Disabled),
    ];
    let people = people.map(|person| tenant.create_user(person).unwrap());
    let running = world.start().await;
    known(&running).await;
    tenant.log_in(&people[0]).unwrap();
    pass_days(&world, &running, 3).await;
    tenant.log_in(&people[1]).unwrap();
    within("Ada is seen", || async {
        kept(&running, &people[1..2]).len() == 1
    })
    .await;
    (world, running)
}

async fn stale(running: &Running, who: StaleWho, days: u32) -> AccessPage<StaleRow, Id> {
    let asked = query::StaleAccess {
        at: None,
        tenant: acme(),
        who,
        days,
        after: None,
        limit: 500,
    };
    running.ask(asked).await
}

fn idleness(page: &AccessPage<StaleRow, Id>, name: &str) -> Option<Idleness> {
    let mut rows = page.rows.iter();
    let row = rows.find(|row| row.user.label == name)?;
    Some(row.idleness)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_users_who_are_certainly_idle_are_listed_as_idle() {
    let (world, running) = seen().await;

    let page = stale(&running, StaleWho::Privileged, 2).await;
    assert!(page.envelope.is_complete());
    assert_eq!(idleness(&page, "Maria Silva"), Some(Idleness::Idle));
    for other in ["Ada Byron", "Noah Klein", "Uma Devi"] {
        assert_eq!(idleness(&page, other), None, "{other}");
    }
    let all = stale(&running, StaleWho::All, 2).await;
    assert_eq!(idleness(&all, "Noah Klein"), Some(Idleness::Idle));
    assert_eq!(idleness(&all, "Ada Byron"), None);
    let bots = all.rows.iter().filter(|row| row.user.is_bot);
    assert_eq!(bots.count(), 0);
    // Users who were created within that time are not idle; of the others it is not known.
    let longer = stale(&running, StaleWho::All, 30).await;
    let lacking = longer.envelope.not_known.iter();
    let lacking = lacking.filter(|it| matches!(it, NotKnown::Sessions { known: Some(_) }));
    assert_eq!(lacking.count(), 1);
    assert!(!longer.rows.is_empty());
    let is_sure = |row: &&StaleRow| row.idleness == Idleness::Idle;
    assert_eq!(longer.rows.iter().filter(is_sure).count(), 0);

    // Page by page it is the same.
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let asked = query::StaleAccess {
            at: None,
            tenant: acme(),
            who: StaleWho::All,
            days: 2,
            after,
            limit: 3,
        };
        let page = running.ask(asked).await;
        paged.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all.rows);

    let found = findings(&running).await;
    let codes = |name: &str| -> Vec<ConcernCode> {
        let rows = found.rows.iter();
        let rows = rows.filter(|row| row.concern.label == name);
        rows.map(|row| row.concern.code).collect()
    };
    assert_eq!(codes("Maria Silva"), [ConcernCode::IdleAdmin]);
    assert_eq!(codes("Noah Klein"), [ConcernCode::LeftIdp]);
    assert_eq!(codes("Ada Byron"), []);
    assert_eq!(codes("Uma Devi"), []);
    assert_eq!(lacks(&found), []);
    running.stop().await;

    // The default limits reach further back than sessions are known.
    configure(&world, ON);
    let running = world.start().await;
    let found = findings(&running).await;
    assert_eq!(found.rows, []);
    assert!(matches!(
        lacks(&found)[..],
        [IdlenessLack::Sessions(Some(_))]
    ));
    running.stop().await;
}

async fn findings(running: &Running) -> Findings {
    let asked = query::Findings {
        tenant: Some(acme()),
        codes: vec![ConcernCode::IdleAdmin, ConcernCode::LeftIdp],
        min: Severity::Notice,
        standing: FindingStanding::Open,
        after: None,
        limit: 100,
    };
    running.ask(asked).await
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_when_users_were_last_seen() {
    let (world, running) = seen().await;
    let json = async |args: &[&str]| -> Value {
        let (code, out, err) = world.command(&[args, &["--output", "json"]].concat()).await;
        assert_eq!(code, 0, "{err}");
        serde_json::from_str(&out).unwrap()
    };

    let told = json(&["access", "stale", "--days", "2"]).await;
    let rows = told["rows"].as_array().unwrap();
    let maria = rows.iter().find(|row| row["user"]["name"] == "Maria Silva");
    let maria = maria.unwrap();
    assert_eq!(maria["idle"], "idle");
    assert_eq!(maria["last_session"]["at"], "2026-06-01T08:00:00.000Z");
    assert_eq!(maria["admin_roles"][0]["name"], "TenantAdmin");
    assert_eq!(told["answers"][0]["complete"], true);
    let told = json(&["access", "stale", "--all", "--days", "30"]).await;
    assert_eq!(told["answers"][0]["not_known"][0]["what"], "sessions");
    let (code, out, err) = world.command(&["access", "stale", "--all"]).await;
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("not known before 2026-06-01T07:58:00.000Z"),
        "{out}"
    );
    assert!(
        err.contains("sessions are known from 2026-06-01T07:58:00.000Z"),
        "{err}"
    );
    let args = ["access", "stale", "--days", "2", "--output", "csv"];
    let (code, out, _) = world.command(&args).await;
    assert_eq!(code, 0);
    assert!(
        out.contains("Maria Silva") && out.contains("2026-06-01T08:00:00.000Z"),
        "{out}"
    );

    let user = json(&["access", "--user", "Noah Klein"]).await;
    let groups = user["groups_as_of_last_session"].as_array().unwrap();
    assert_eq!(groups[0]["name"], "Staff");
    assert_eq!(user["last_session"]["at"], Value::Null);
    let (_, _, err) = world.command(&["access", "--user", "Noah Klein"]).await;
    let line = "Groups of the identity provider are as of the last log-in of Noah Klein (not known \
                before 2026-06-01T07:58:00.000Z), since Qlik refreshes them only then: Staff.";
    assert!(err.contains(line), "{err}");
    let args = [
        "access",
        "explain",
        "--user",
        "Maria Silva",
        "--role",
        "Steward",
    ];
    let (_, out, _) = world.command(&args).await;
    assert!(
        out.contains("last log-in of Maria Silva (2026-06-01T08:00:00.000Z)"),
        "{out}"
    );

    let folder = world.path("evidence");
    let folder = folder.to_str().unwrap();
    let args = ["access", "review", "--tenant", "acme", "--out", folder];
    let (code, out, err) = world.command(&args).await;
    assert_eq!(code, 0, "{err}");
    let csv = std::fs::read_to_string(out.lines().next().unwrap()).unwrap();
    let of = |name: &str| csv.lines().find(|line| line.contains(name)).unwrap();
    assert!(
        of("Maria Silva").contains(",2026-06-01T08:00:00.000Z,,,,"),
        "{csv}"
    );
    assert!(
        of("Noah Klein").contains(",not known before 2026-06-01T07:58:00.000Z,"),
        "{csv}"
    );
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_setting_sessions_are_reported_as_unknown() {
    let world = world(Generations::Core).await;
    configure(&world, "sessions = false");
    world.one_run().await;

    let (code, out, err) = world.command(&["access", "stale", "--all"]).await;

    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("not known") && !out.contains("not known before"),
        "{out}"
    );
    assert!(err.contains("`[access] sessions = true`"), "{err}");
    let found = world
        .command(&["findings", "--code", "access.idle-admin"])
        .await;
    assert!(
        !found.2.contains("It is not known who is idle"),
        "{}",
        found.2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_deleted_with_its_user_and_kept_if_its_user_is_not_known_yet() {
    let world = world(Generations::Core).await;
    let tenant = world.tenant.directory();
    let running = world.start().await;
    known(&running).await;
    // The log reports the new user late, and the user's session at once.
    tenant.audit().on(LogFault::Late(3 * MINUTE), When::Nth(1));
    let user = tenant.create_user(NewUser::named("Nia Okafor")).unwrap();
    tenant.log_in(&user).unwrap();
    within("the session is known", || async {
        kept(&running, slice::from_ref(&user)).len() == 1
    })
    .await;
    running.sync().await;
    assert_eq!(kept(&running, slice::from_ref(&user)).len(), 1);

    tenant.delete_user(&user).unwrap();
    running.sync().await;

    let store = running.store();
    let no = store.tenants().unwrap()[0].no;
    let is_there = |record: &Record| *record.id() == user.0;
    let users = store.list(no, Kind::User, None, 500);
    assert!(!users.unwrap().iter().any(|kept| is_there(&kept.record)));
    assert_eq!(kept(&running, &[user]).len(), 0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_sessions_in_a_tenant_that_is_no_longer_read() {
    let world = world(Generations::Core).await;
    let (_beta, sections) = crate::licences::second(&world).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("{config}{sections}"));
    let running = world.start().await;
    known(&running).await;
    let said = async || {
        let args = ["findings", "--code", "access.idle-admin"];
        world.command(&args).await.2
    };
    let line = "It is not known who is idle in `acme`";
    let before = said().await;
    assert!(before.contains(line), "{before}");
    running.stop().await;
    let acme = config.find("[[tenants]]").unwrap();
    let after = acme + config[acme..].find("[[endpoints]]").unwrap();
    let config = [&config[..acme], &config[after..], &sections].concat();
    world.write_config(&config);
    let running = world.launch().await;

    let left = said().await;

    assert!(
        left.contains("It is not known who is idle in `beta`"),
        "{left}"
    );
    assert!(!left.contains(line), "{left}");
    running.stop().await;
}
