//! The audit log shows changes between sweeps, whatever is wrong with it. The next sweep finds and
//! counts those that the log misses.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::clock::Clock;
use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, Generations, GroupEdit, LogFault, NewUser, RateLimits,
    RoleEdit, TenantOptions, When,
};
use qlik_roster::model::{
    Change, Fact, Kind, Outcome, PlanState, Run, Seq, Timestamp, Trigger, UserId,
};

use crate::support::{
    Running, World, assert_journal_leads_to_state, assert_same_as_tenant, within,
};

/// A world whose clock the test moves, and whose audit log is polled every second.
pub async fn world(generations: Generations) -> World {
    world_of(60, generations).await
}

/// A tenant of this many users, whose audit log is read each second.
pub async fn world_of(users: usize, generations: Generations) -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users,
        rate_limits: RateLimits::Off,
        generations,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    poll_every(&world, "1s");
    world
}

pub fn poll_every(world: &World, every: &str) {
    let config = world.standard_config();
    world.write_config(&config.replace("poll = \"off\"", &format!("poll = \"{every}\"")));
}

fn pass(world: &World, minutes: u64) {
    let now = world.clock.now();
    world.clock.set(now.plus(Duration::from_secs(60 * minutes)));
}

/// Waits until this many further polls have begun and ended.
async fn polls(world: &World, n: u64) {
    let at = |endpoint| world.tenant.requests().at(endpoint);
    let before = at(Endpoint::Audits);
    // One more has to begin before the last is sure to have ended.
    within("polls come", || async { at(Endpoint::Audits) > before + n }).await;
}

fn n_listings(world: &World) -> u64 {
    world.tenant.requests().at(Endpoint::Users)
}

/// Waits until this many events were delivered. Returns their types.
async fn told(world: &World, running: &Running, n: usize) -> Vec<String> {
    within("the events are told", || async {
        world.receiver.deliveries().len() >= n
    })
    .await;
    running.settled().await;
    let deliveries = world.receiver.deliveries();
    deliveries
        .iter()
        .map(|delivery| delivery.body["type"].as_str().unwrap().to_owned())
        .collect()
}

async fn metric(running: &Running, line: &str) -> Option<f64> {
    let text = reqwest::get(running.url("/metrics")).await.unwrap();
    let text = text.text().await.unwrap();
    let found = text.lines().find_map(|one| one.strip_prefix(line));
    found.map(|rest| rest.trim().parse().unwrap())
}

struct Case {
    name: &'static str,
    make: fn(&Directory, &UserId),
    told: &'static [&'static str],
}

const GAPS: &str = r#"qlik_roster_polls_total{tenant="acme",outcome="gap"}"#;

const CASES: &[Case] = &[
    Case {
        name: "somebody joins",
        make: |tenant, _| drop(tenant.create_user(NewUser::named("Nia Okafor")).unwrap()),
        told: &["user.created"],
    },
    Case {
        name: "somebody gains a role",
        make: |tenant, user| {
            let role = tenant.role_named("TenantAdmin").unwrap();
            tenant.update_user(user, Edit::AssignRole(role)).unwrap();
        },
        told: &["user.updated"],
    },
    Case {
        name: "only the time moves",
        make: |tenant, user| tenant.update_user(user, Edit::Touch).unwrap(),
        told: &[],
    },
    Case {
        name: "a group gains a role",
        make: |tenant, _| {
            let role = tenant.role_named("Steward").unwrap();
            let group = tenant.groups()[0].id.clone();
            tenant
                .update_group(&group, GroupEdit::AssignRole(role))
                .unwrap();
        },
        told: &["group.updated"],
    },
    Case {
        name: "everyone gains a role",
        make: |tenant, _| {
            let role = tenant.role_named("Steward").unwrap();
            let edit = GroupEdit::AssignRole(role);
            tenant.update_group(&Directory::everyone(), edit).unwrap();
        },
        told: &["group.updated"],
    },
    Case {
        name: "a role comes and is renamed",
        make: |tenant, _| {
            let role = tenant.create_role("Auditor");
            let name = RoleEdit::Name("Senior Auditor".to_owned());
            tenant.update_role(&role, name).unwrap();
        },
        told: &["role.created"],
    },
    Case {
        name: "a group of two goes, with what it gave",
        make: |tenant, _| {
            let members: Vec<_> = tenant.users().into_iter().skip(20).take(2).collect();
            let group = tenant.create_group("Brief");
            for user in members {
                tenant
                    .update_user(&user.id, Edit::JoinGroup(group.clone()))
                    .unwrap();
            }
        },
        told: &["group.created", "user.updated", "user.updated"],
    },
    Case {
        name: "a group goes, and its members are told",
        make: |tenant, _| {
            let group = tenant.groups().into_iter().find(|it| it.name == "Brief");
            tenant.delete_group(&group.unwrap().id).unwrap();
        },
        told: &["user.updated", "user.updated", "group.deleted"],
    },
    Case {
        name: "somebody is re-created",
        make: |tenant, user| drop(tenant.recreate_user(user).unwrap()),
        told: &["user.deleted", "user.created"],
    },
    Case {
        name: "somebody comes and goes between two looks",
        make: |tenant, _| {
            let gone = tenant.create_user(NewUser::named("Brief Guest")).unwrap();
            tenant.delete_user(&gone).unwrap();
        },
        told: &[],
    },
    Case {
        name: "somebody leaves",
        make: |tenant, _| {
            let leaver = tenant.users().into_iter().nth(30).unwrap();
            tenant.delete_user(&leaver.id).unwrap();
        },
        told: &["user.deleted"],
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn every_change_is_noticed_without_a_sweep() {
    let world = world(Generations::Both).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let user = directory.users()[7].id.clone();
    let listed = n_listings(&world);

    let mut expected = Vec::new();
    for case in CASES {
        let before = expected.len();
        expected.extend(case.told.iter().map(|told| (*told).to_owned()));
        (case.make)(directory, &user);
        polls(&world, 1).await;

        let told = told(&world, &running, expected.len()).await;
        // One poll writes its events in the same order as a run: by kind, then by id.
        let sorted = |events: &[String]| {
            let mut events = events[before..].to_vec();
            events.sort();
            events
        };
        assert_eq!(sorted(&told), sorted(&expected), "{}", case.name);
    }

    assert_same_as_tenant(running.store(), directory);
    // Two users lost a group; three are gone, one of whom was never known.
    let asked = n_listings(&world) - listed;
    assert_eq!(
        asked, 5,
        "the listing is asked for what is taken away alone"
    );
    let runs = running.last_runs(100).await;
    let triggers: BTreeSet<_> = runs.iter().map(|run| run.trigger.word()).collect();
    assert_eq!(triggers, ["audit", "start"].into());
    assert!(runs.iter().all(|run| run.outcome == Outcome::Succeeded));
    let run = running.sync().await;
    assert_eq!(run.audit_missed, Some(0));
    running.stop().await;
    let store = world.store();
    assert_journal_leads_to_state(&store);
    store.close().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_costs_one_request_a_poll_and_leaves_no_trace() {
    let world = world(Generations::Both).await;
    world
        .tenant
        .directory()
        .create_user(NewUser::named("Nia"))
        .unwrap();
    let running = world.start().await;
    // What happened before the sweep is within the first poll's window, and tells nothing new.
    polls(&world, 1).await;
    let before = world.tenant.requests();
    let runs = running.last_runs(100).await;
    let no = running.store().tenants().unwrap()[0].no;
    let bookmark = running.store().bookmark(no).unwrap();

    polls(&world, 3).await;

    let after = world.tenant.requests();
    let polled = after.at(Endpoint::Audits) - before.at(Endpoint::Audits);
    assert_eq!(after.total() - before.total(), polled);
    assert_eq!(running.last_runs(100).await, runs);
    assert_eq!(running.store().bookmark(no).unwrap(), bookmark);
    assert_eq!(world.receiver.deliveries().len(), 0);
    let quiet = r#"qlik_roster_polls_total{tenant="acme",outcome="quiet"}"#;
    assert!(metric(&running, quiet).await.unwrap() >= 3.0);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn late_and_disordered_and_repeated_events_are_told_once() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let log = directory.audit();
    let name = |n: usize, name: &str| {
        let user = directory.users()[n].id.clone();
        directory
            .update_user(&user, Edit::Name(name.to_owned()))
            .unwrap();
    };

    log.on(LogFault::Late(Duration::from_secs(240)), When::Always);
    name(3, "Late");
    log.clear();
    log.on(LogFault::Twice, When::Always);
    name(4, "Twice");
    log.clear();
    assert_eq!(told(&world, &running, 1).await, ["user.updated"]);
    polls(&world, 2).await;
    assert_eq!(
        world.receiver.deliveries().len(),
        1,
        "the late one is not told"
    );

    pass(&world, 4);
    assert_eq!(told(&world, &running, 2).await, ["user.updated"; 2]);
    polls(&world, 2).await;
    assert_eq!(world.receiver.deliveries().len(), 2);
    assert_eq!(running.sync().await.audit_missed, Some(0));
    assert_same_as_tenant(running.store(), directory);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_log_never_tells_a_sweep_finds_and_counts() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    pass(&world, 1);
    directory.audit().on(LogFault::Lost, When::Always);
    let users = directory.users();
    directory
        .update_user(&users[3].id, Edit::Name("Renamed".to_owned()))
        .unwrap();
    directory.create_user(NewUser::named("Unheard")).unwrap();
    // The source gives no date for this change either, so nothing can be proved.
    directory
        .update_user_quietly(&users[4].id, Edit::Locale(Some("pt-PT".to_owned())))
        .unwrap();
    directory.delete_user(&users[30].id).unwrap();
    pass(&world, 20);
    polls(&world, 1).await;
    assert_eq!(world.receiver.deliveries().len(), 0);

    let first = running.sync().await;
    assert_eq!(
        first.audit_missed,
        Some(2),
        "the renamed one and the new one"
    );
    let gauge = r#"qlik_roster_audit_missed{tenant="acme"}"#;
    assert_eq!(metric(&running, gauge).await, Some(2.0));
    assert_same_as_tenant(running.store(), directory);
    directory.audit().clear();
    pass(&world, 20);
    polls(&world, 1).await;
    let second = running.sync().await;
    assert_eq!(second.audit_missed, Some(1), "the deletion");
    let third = running.sync().await;
    assert_eq!(third.audit_missed, Some(0));

    let (_, shown, _) = world
        .command(&["runs", "show", &first.id.to_string()])
        .await;
    assert!(shown.contains("AUDIT MISSED"), "{shown}");
    let json = ["runs", "show", &first.id.to_string(), "--output", "json"];
    let (_, shown, _) = world.command(&json).await;
    assert!(shown.contains("\"audit_missed\": 2") || shown.contains("\"audit_missed\":2"));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_a_sweep_finds_first_is_not_missed_if_the_log_tells_of_it_later() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    pass(&world, 1);
    let late = LogFault::Late(Duration::from_secs(120));
    directory.audit().on(late, When::Always);
    let leaver = directory.users()[30].id.clone();
    directory.delete_user(&leaver).unwrap();

    assert_eq!(running.sync().await.audit_missed, Some(0));
    pass(&world, 3);
    polls(&world, 1).await;
    pass(&world, 20);
    polls(&world, 1).await;

    assert_eq!(running.sync().await.audit_missed, Some(0));
    assert_eq!(told(&world, &running, 1).await, ["user.deleted"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_may_not_be_read_is_said_and_tried_again_after_each_sweep() {
    let world = world(Generations::Core).await;
    let refusals = world
        .tenant
        .faults()
        .on(Endpoint::Audits, Fault::Forbidden, When::Always);
    let running = world.start().await;
    within("the log is refused", || async { refusals.count() == 1 }).await;
    let directory = world.tenant.directory();
    directory.create_role("Auditor");
    let asleep = r#"qlik_roster_polls_total{tenant="acme",outcome="asleep"}"#;
    within("polls sleep", || async {
        metric(&running, asleep).await >= Some(2.0)
    })
    .await;
    assert_eq!(refusals.count(), 1, "polls wait for a sweep");

    let run = running.sync().await;
    assert_eq!(codes(&run), ["finding.audit-forbidden"]);
    assert_eq!(run.outcome, Outcome::Succeeded);
    within("the log is tried again", || async { refusals.count() == 2 }).await;
    world.tenant.faults().clear();
    running.sync().await;
    directory.create_role("Second Auditor");
    assert_eq!(told(&world, &running, 2).await, ["role.created"; 2]);
    assert_eq!(running.last_run().await.trigger, Trigger::Audit);
    assert_eq!(codes(&running.sync().await), Vec::<&str>::new());
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_cannot_be_read_is_made_up_for_by_a_sweep_once() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    directory.audit().on(LogFault::NamesNobody, When::Next(1));
    let user = directory.users()[3].id.clone();
    directory
        .update_user(&user, Edit::Name("Renamed".to_owned()))
        .unwrap();

    assert_eq!(told(&world, &running, 1).await, ["user.updated"]);
    within("the sweep ends", || async {
        running.last_run().await.outcome != Outcome::Running
    })
    .await;
    let run = running.last_run().await;
    assert_eq!(run.trigger, Trigger::Gap);
    assert_eq!(codes(&run), ["finding.audit-gap"]);
    polls(&world, 2).await;
    assert_eq!(running.last_run().await.id, run.id, "once only");
    running.stop().await;
}

/// A burst is asked for in portions, and is not a gap: not at once, not at the next poll, whose
/// window still contains it, and not for a day, if the window is a day long.
#[tokio::test(flavor = "multi_thread")]
async fn a_burst_is_told_in_portions_and_needs_no_sweep() {
    for overlap in ["5m", "1d"] {
        let world = world(Generations::Both).await;
        let config = std::fs::read_to_string(world.config_path()).unwrap();
        let config = config.replace("[log]\n", &format!("poll_overlap = \"{overlap}\"\n[log]\n"));
        world.write_config(&config);
        let running = world.start().await;
        pass(&world, 20);
        let directory = world.tenant.directory();
        join(&world, 1_120);

        let told_at_once = told(&world, &running, 1_120).await;
        assert_eq!(told_at_once, vec!["user.created"; 1_120], "{overlap}");
        polls(&world, 2).await;
        pass(&world, 1);
        directory.create_role("Auditor");
        assert_eq!(told(&world, &running, 1_121).await[1_120], "role.created");
        pass(&world, 600);
        polls(&world, 2).await;

        let runs = running.last_runs(100).await;
        let audits = runs.iter().filter(|run| run.trigger == Trigger::Audit);
        let seen = audits.map(|run| run.counts.get(&Kind::User).map_or(0, |it| it.seen));
        assert!(
            seen.clone().all(|seen| seen <= 500),
            "{:?}",
            seen.collect::<Vec<_>>()
        );
        let is_gap = |run: &&Run| run.trigger == Trigger::Gap;
        assert_eq!(runs.iter().find(is_gap), None, "{overlap}");
        assert_eq!(metric(&running, GAPS).await, None, "{overlap}");
        assert_eq!(running.sync().await.audit_missed, Some(0));
        assert_same_as_tenant(running.store(), directory);
        running.stop().await;
    }
}

fn join(world: &World, n_users: usize) {
    for n in 0..n_users {
        let now = world.clock.now();
        world.clock.set(now.plus(Duration::from_millis(1)));
        let directory = world.tenant.directory();
        directory
            .create_user(NewUser::named(&format!("Joiner {n}")))
            .unwrap();
    }
}

/// A sweep has seen everything that happened before it began: polls that had not got that far
/// continue after it.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_sweep_has_covered_counts_as_seen() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    pass(&world, 20);
    polls(&world, 1).await;
    let asked = || world.tenant.requests().at(Endpoint::User);
    let before = asked();
    let slow = Fault::Slow(Duration::from_millis(10));
    world.tenant.faults().on(Endpoint::User, slow, When::Always);
    join(&world, 2_000);
    within("a poll begins to ask", || async { asked() > before }).await;
    pass(&world, 3);

    let run = running.sync().await;
    world.tenant.faults().clear();

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(
        told(&world, &running, 2_000).await,
        vec!["user.created"; 2_000]
    );
    polls(&world, 3).await;
    assert!(
        asked() - before < 1_500,
        "{} were asked for",
        asked() - before
    );
    assert_eq!(
        world.receiver.deliveries().len(),
        2_000,
        "nothing is told twice"
    );
    world.tenant.directory().create_role("Auditor");
    assert_eq!(told(&world, &running, 2_001).await[2_000], "role.created");
    assert_eq!(metric(&running, GAPS).await, None);
    assert_eq!(running.sync().await.audit_missed, Some(0));
    assert_same_as_tenant(running.store(), world.tenant.directory());
    running.stop().await;
}

/// A tenant whose users take several pages; the second is kept back when a sweep asks for it.
async fn world_of_pages() -> World {
    let clock = Clock::stopped_at(Timestamp::parse("2026-06-01T08:00:00Z").unwrap());
    let options = TenantOptions {
        users: 350,
        rate_limits: RateLimits::Off,
        generations: Generations::Core,
        ..TenantOptions::default()
    };
    let world = World::by(clock, options).await;
    let config = world.standard_config();
    let config = config.replace("outlast = \"0s\"", "outlast = \"10m\"");
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    world
}

/// Does a sweep, and something else while the sweep is in the middle of the users.
pub async fn beside_a_sweep(world: &World, running: &Running, deeds: impl AsyncFnOnce()) -> Run {
    world.tenant.hold_pages(Endpoint::Users);
    let before = n_listings(world);
    let deeds = async {
        within("the second page is asked for", || async {
            n_listings(world) >= before + 2
        })
        .await;
        deeds().await;
        let runs = running.last_runs(1_000).await;
        let mut sweeps = runs.iter().filter(|run| run.is_sweep());
        assert!(
            sweeps.any(|run| run.outcome == Outcome::Running),
            "it waits"
        );
        world.tenant.send_pages();
    };
    let (run, ()) = tokio::join!(running.sync(), deeds);
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn polls_go_on_beside_a_sweep_and_the_newer_sight_counts() {
    let world = world_of_pages().await;
    let running = world.start().await;
    polls(&world, 1).await;
    let directory = world.tenant.directory();
    let users = directory.users();
    let rename = |n: usize, name: &str| {
        let name = Edit::Name(name.to_owned());
        directory.update_user(&users[n].id, name).unwrap();
    };
    pass(&world, 1);
    // The log does not report these changes: the sweep finds them, both on a page that was compared
    // and on the one that is kept back.
    directory.audit().on(LogFault::Lost, When::Always);
    for n in [3, 4, 5, 150, 151, 152] {
        rename(n, &format!("Older {n}"));
    }
    directory.audit().clear();

    let run = beside_a_sweep(&world, &running, async || {
        pass(&world, 1);
        rename(4, "Newer 4");
        rename(151, "Newer 151");
        directory.delete_user(&users[5].id).unwrap();
        directory.delete_user(&users[152].id).unwrap();
        rename(320, "Newer 320");
        directory.delete_user(&users[330].id).unwrap();
        directory.create_user(NewUser::named("Joiner")).unwrap();
        told(&world, &running, 7).await;
        // A change and its reverse leave nothing for the sweep to report.
        rename(160, "Elsewhere");
        told(&world, &running, 8).await;
        rename(160, &users[160].name);
        told(&world, &running, 9).await;
    })
    .await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(
        run.counts[&Kind::User].updated,
        2,
        "the two that are the sweep's own"
    );
    told(&world, &running, 11).await;
    polls(&world, 2).await;
    running.settled().await;
    assert_eq!(world.receiver.deliveries().len(), 11);
    let names = |n: usize| {
        let deliveries = world.receiver.deliveries();
        let id = users[n].id.to_string();
        let of_it = deliveries
            .iter()
            .map(|it| it.body["data"]["record"].clone());
        let of_it = of_it.filter(|record| record["remote_id"] == id.as_str());
        let names = of_it.map(|record| record["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    for (n, expected) in [
        (3, vec!["Older 3"]),
        (4, vec!["Newer 4"]),
        (150, vec!["Older 150"]),
        (151, vec!["Newer 151"]),
        (320, vec!["Newer 320"]),
    ] {
        assert_eq!(names(n), expected, "{n}");
    }
    assert_same_as_tenant(running.store(), directory);
    let again = running.sync().await;
    assert_eq!(
        (again.outcome, again.audit_missed),
        (Outcome::Succeeded, Some(0))
    );
    assert_eq!(world.receiver.deliveries().len(), 11);
    running.stop().await;
    let store = world.store();
    assert_journal_leads_to_state(&store);
    store.close().unwrap();
}

/// Four hundred events a minute, and a sweep of two hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_sweep_of_a_busy_tenant_leaves_no_gap_and_keeps_nobody_waiting() {
    let world = world_of_pages().await;
    let running = world.start().await;
    polls(&world, 1).await;
    let directory = world.tenant.directory();
    let users = directory.users();
    let mut n_told = 0;

    let run = beside_a_sweep(&world, &running, async || {
        for step in 0..12 {
            // Eighty times in ten minutes, the log gets forty-nine other events and one about a
            // user.
            for n in 0..80 {
                let now = world.clock.now().plus(Duration::from_millis(7_500));
                world.clock.set(now);
                directory.audit().write_others(49, now);
                let name = Edit::Name(format!("Name {step}.{n}"));
                directory.update_user(&users[n * 4].id, name).unwrap();
            }
            n_told += 80;
            told(&world, &running, n_told).await;
        }
    })
    .await;

    assert_eq!(run.outcome, Outcome::Succeeded);
    polls(&world, 2).await;
    assert_eq!(metric(&running, GAPS).await, None);
    let runs = running.last_runs(1_000).await;
    assert!(runs.iter().all(|run| run.trigger != Trigger::Gap));
    assert_eq!(running.sync().await.audit_missed, Some(0));
    assert_eq!(world.receiver.deliveries().len(), n_told, "each once");
    assert_same_as_tenant(running.store(), directory);
    running.stop().await;
}

/// A poll holds removals of users whom a sweep read earlier: the sweep must not take these users
/// for restored.
#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_decides_nothing_about_what_was_held_since_it_began() {
    let world = world_of_pages().await;
    let running = world.start().await;
    polls(&world, 1).await;
    let directory = world.tenant.directory();
    let users = directory.users();

    let run = beside_a_sweep(&world, &running, async || {
        pass(&world, 1);
        // All of these users are on the page that was compared.
        for user in &users[10..90] {
            directory.delete_user(&user.id).unwrap();
        }
        within("a poll holds them", || async {
            let runs = running.last_runs(100).await;
            runs.iter().any(|run| run.outcome == Outcome::Held)
        })
        .await;
        polls(&world, 1).await;
    })
    .await;

    let open = || {
        let no = running.store().tenants().unwrap()[0].no;
        running.store().open_plan(no).unwrap().unwrap()
    };
    assert_eq!(open().state, PlanState::Held, "{run:?}");
    let next = running.sync().await;
    assert_eq!(next.outcome, Outcome::Held);
    assert_eq!(open().state, PlanState::Held);
    running.stop().await;
}

/// More happened while a sweep had the turn than one reading can take: it is read in slices.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_window_is_read_in_slices() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let log = world.tenant.directory().audit();
    let began = world.clock.now();
    let after = |minutes: u64| began.plus(Duration::from_secs(60 * minutes));
    log.write_others(6_000, after(10));
    log.write_others(6_000, after(20));
    log.write_others(6_000, after(30));
    pass(&world, 40);
    world.tenant.directory().create_role("Auditor");

    assert_eq!(told(&world, &running, 1).await, ["role.created"]);

    let run = running.last_run().await;
    assert_eq!(run.trigger, Trigger::Audit);
    let runs = running.last_runs(100).await;
    assert!(
        runs.iter().all(|run| run.trigger != Trigger::Gap),
        "no sweep"
    );
    assert_eq!(running.sync().await.audit_missed, Some(0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_tells_too_much_is_left_to_sweeps_that_do_not_pile_up() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let log = world.tenant.directory().audit();
    log.write_others(10_100, world.clock.now());

    within("a sweep makes up for it", || async {
        let run = running.last_run().await;
        run.trigger == Trigger::Gap && run.outcome == Outcome::Succeeded
    })
    .await;
    assert_eq!(codes(&running.last_run().await), ["finding.audit-gap"]);
    // The window still contains too much: polls wait, and no second sweep comes within the hour.
    within("a poll meets it again", || async {
        metric(&running, GAPS).await == Some(2.0)
    })
    .await;
    let runs = running.last_runs(100).await;
    let sweeps = runs.iter().filter(|run| run.is_sweep()).count();
    assert_eq!(sweeps, 2, "{runs:?}");

    pass(&world, 30);
    running.sync().await;
    world.tenant.directory().create_role("Auditor");
    assert_eq!(told(&world, &running, 1).await, ["role.created"]);
    assert_eq!(running.last_run().await.trigger, Trigger::Audit);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_does_not_answer_is_read_on_from_where_it_was() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    polls(&world, 1).await;
    let faults = world.tenant.faults();
    faults.on(Endpoint::Audits, Fault::NotFound, When::Always);
    polls(&world, 1).await;
    world.tenant.directory().create_role("Auditor");
    pass(&world, 30);
    polls(&world, 2).await;
    pass(&world, 30);
    polls(&world, 2).await;
    assert_eq!(world.receiver.deliveries().len(), 0);

    faults.clear();
    assert_eq!(told(&world, &running, 1).await, ["role.created"]);
    assert_eq!(running.sync().await.audit_missed, Some(0));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_looked_at_is_tried_again_and_then_left_to_a_sweep() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let faults = world.tenant.faults();
    faults.on(
        Endpoint::Role,
        Fault::Redirect("/elsewhere".into()),
        When::Next(1),
    );
    world.tenant.directory().create_role("Auditor");
    assert_eq!(told(&world, &running, 1).await, ["role.created"]);
    let runs = running.last_runs(2).await;
    assert_eq!(runs[0].trigger, Trigger::Audit);
    assert!(matches!(runs[1].outcome, Outcome::Failed { .. }));

    faults.on(
        Endpoint::Role,
        Fault::Redirect("/elsewhere".into()),
        When::Always,
    );
    world.tenant.directory().create_role("Second Auditor");
    assert_eq!(told(&world, &running, 2).await, ["role.created"; 2]);
    let runs = running.last_runs(100).await;
    assert_eq!(runs[0].trigger, Trigger::Gap);
    let failed = runs.iter().filter(|run| !run.outcome.is_success()).count();
    assert_eq!(failed, 1 + 3);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_taken_away_on_the_word_of_a_single_record() {
    for (fault, at) in [
        (Fault::NotFound, Endpoint::User),
        (Fault::EmptyAccess, Endpoint::User),
        (Fault::NotFound, Endpoint::Group),
        (Fault::EmptyAccess, Endpoint::Group),
        (Fault::NotFound, Endpoint::Role),
    ] {
        let world = world(Generations::Core).await;
        let directory = world.tenant.directory();
        let group = directory.create_group("Team");
        let role = directory.create_role("Auditor");
        let assign = GroupEdit::AssignRole(role.clone());
        directory.update_group(&group, assign).unwrap();
        let user = directory.users()[7].id.clone();
        let join = Edit::JoinGroup(group.clone());
        directory.update_user(&user, join).unwrap();
        let running = world.start().await;
        pass(&world, 10);
        world.tenant.faults().on(at, fault.clone(), When::Always);
        // The log names all three records; none of them loses anything.
        let name = |name: &str| name.to_owned();
        let renamed = Edit::Name(name("Somebody Else"));
        directory.update_user(&user, renamed).unwrap();
        let renamed = RoleEdit::Name(name("Senior Auditor"));
        directory.update_role(&role, renamed).unwrap();
        directory.update_group(&group, GroupEdit::Touch).unwrap();

        let what = format!("{fault:?} at {at:?}");
        within("a poll does not accept it", || async {
            let runs = running.last_runs(100).await;
            let is_short = |run: &Run| matches!(run.outcome, Outcome::Incomplete { .. });
            runs.iter().any(is_short)
        })
        .await;
        world.tenant.faults().clear();

        running.sync().await;
        running.settled().await;
        assert_eq!(n_losses(&running), 0, "{what}");
        assert_same_as_tenant(running.store(), directory);
        running.stop().await;
    }
}

/// Counts the deletions and the losses of access in the journal.
fn n_losses(running: &Running) -> u64 {
    let entries = running.store().entries(Seq::START, usize::MAX).unwrap();
    let losses = entries.iter().map(|entry| match &entry.fact {
        Fact::Changed(Change::Deleted { .. }) => 1,
        Fact::Changed(change) => {
            let shift = qlik_roster::reconcile::shift(change);
            shift.left + shift.revoked
        }
        Fact::Loaded { .. }
        | Fact::SpaceChanged(_)
        | Fact::LicenceChanged(_)
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_)
        | Fact::RightChanged(_)
        | Fact::RoleContentChanged { .. } => 0,
    });
    losses.sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loss_that_the_listing_cannot_confirm_waits_for_a_sweep() {
    let world = world(Generations::Core).await;
    let directory = world.tenant.directory();
    let running = world.start().await;
    pass(&world, 10);
    world
        .tenant
        .faults()
        .on(Endpoint::Users, Fault::Forbidden, When::Always);
    let leaver = directory.users()[30].id.clone();
    directory.delete_user(&leaver).unwrap();

    within("a poll asks", || async {
        let run = running.last_run().await;
        run.trigger == Trigger::Audit && run.outcome == Outcome::Degraded
    })
    .await;
    assert_eq!(codes(&running.last_run().await), ["finding.unconfirmed"]);
    assert_eq!(n_losses(&running), 0);
    world.tenant.faults().clear();
    running.sync().await;

    assert_eq!(told(&world, &running, 1).await, ["user.deleted"]);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_is_not_emptied_a_little_at_a_time() {
    let world = world(Generations::Core).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    let leavers: Vec<UserId> = directory
        .users()
        .into_iter()
        .skip(20)
        .map(|user| user.id)
        .collect();
    let leave = |users: &[UserId]| {
        for user in users {
            directory.delete_user(user).unwrap();
        }
    };

    leave(&leavers[..4]);
    assert_eq!(told(&world, &running, 4).await, ["user.deleted"; 4]);
    polls(&world, 1).await;
    assert_eq!(running.last_run().await.outcome, Outcome::Succeeded);
    // Four of sixty may be deleted, and four others as well, but not all eight between two sweeps.
    leave(&leavers[4..8]);
    within("the others are held", || async {
        running.last_run().await.outcome == Outcome::Held
    })
    .await;
    let held = running.last_run().await.held.unwrap();
    polls(&world, 1).await;
    assert_eq!(world.receiver.deliveries().len(), 4);

    // The next sweep checks them against the limit again: four are within it.
    let run = running.sync().await;
    assert_eq!(
        (run.outcome.clone(), run.held.clone()),
        (Outcome::Succeeded, None)
    );
    running.settled().await;
    assert_same_as_tenant(running.store(), directory);
    assert!(held.plan.is_some());
    // Half of all at once are held by polls and by sweeps, as one plan.
    leave(&leavers[8..38]);
    within("half of all are held", || async {
        running.last_run().await.held.is_some()
    })
    .await;
    let by_poll = running.last_run().await;
    assert_eq!(by_poll.trigger, Trigger::Audit);
    let by_sweep = running.sync().await;
    assert_eq!(by_sweep.held.unwrap().plan, by_poll.held.unwrap().plan);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_handles_no_event_twice_and_loses_none() {
    let world = world(Generations::Both).await;
    let running = world.start().await;
    let directory = world.tenant.directory();
    directory.create_role("Before");
    assert_eq!(told(&world, &running, 1).await, ["role.created"]);
    // It is told, and remembered as well.
    polls(&world, 1).await;
    running.stop().await;
    directory.create_role("Between");
    pass(&world, 1);
    let asked = world.tenant.requests().at(Endpoint::Role);

    let running = world.start().await;
    polls(&world, 1).await;
    directory.create_role("After");

    assert_eq!(told(&world, &running, 3).await, ["role.created"; 3]);
    polls(&world, 1).await;
    // Only the two that came since are asked for, though the log names each twice; the first was
    // remembered.
    assert_eq!(world.tenant.requests().at(Endpoint::Role) - asked, 2);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_between_polls_lose_nothing_and_tell_nothing_twice() {
    let options = TenantOptions {
        users: 60,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    };
    let world = World::with(options).await;
    world.one_run().await;
    poll_every(&world, "1s");
    let directory = world.tenant.directory();
    let mut dice = fastrand::Rng::with_seed(3);

    for round in 0..6 {
        let mut daemon = world.serve();
        polls(&world, 1).await;
        for n in 0..12 {
            directory
                .create_user(NewUser::named(&format!("Joiner {round}.{n}")))
                .unwrap();
        }
        let (asked, more) = (world.tenant.requests().at(Endpoint::User), dice.u64(0..12));
        within("the refresh gets to where it is killed", || async {
            world.tenant.requests().at(Endpoint::User) > asked + more
        })
        .await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        let store = world.store();
        assert_journal_leads_to_state(&store);
        store.close().unwrap();
    }

    poll_every(&world, "off");
    world.one_run().await;
    let store = world.store();
    assert_same_as_tenant(&store, directory);
    let entries = store.entries(Seq::START, usize::MAX).unwrap();
    let changes = entries.iter().filter_map(|entry| match &entry.fact {
        Fact::Changed(change) => Some((change.id().clone(), change.verb())),
        Fact::Loaded { .. }
        | Fact::SpaceChanged(_)
        | Fact::LicenceChanged(_)
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_)
        | Fact::RightChanged(_)
        | Fact::RoleContentChanged { .. } => None,
    });
    let changes: Vec<_> = changes.collect();
    let distinct: BTreeSet<_> = changes.iter().cloned().collect();
    assert_eq!((changes.len(), distinct.len()), (72, 72));
    store.close().unwrap();
}

fn codes(run: &Run) -> Vec<&'static str> {
    run.findings
        .iter()
        .map(|finding| finding.code.code())
        .collect()
}
