//! Random histories: the tenant changes, also while it is read, its answers are faulty, the daemon
//! is killed and started again. No event ever claims what has not happened, and once it is calm,
//! the store is right.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qlik_roster::demo::tenant::{
    Directory, Edit, Endpoint, Fault, NewUser, RateLimits, Status, TenantOptions, User, When,
};
use qlik_roster::model::{Change, Fact, Outcome, Record, Seq};
use qlik_roster::store::Store;

use crate::support::{World, assert_journal_leads_to_state, assert_same_as_tenant};

/// Histories in an ordinary run, and with `QLIK_ROSTER_LONG`.
const HISTORIES: u64 = 3;
const MANY_HISTORIES: u64 = 60;

/// Starts of the daemon in one history.
const STARTS: usize = 12;

/// The longest that a daemon runs before it is ended, even if it has not reached its target.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The most plans that may have to be approved, one after the other, until everything is applied.
const MAX_PLANS: usize = 4;

/// A role that a fault makes up: nobody has it.
const MADE_UP: &str = "Guest";

/// What the tenant really loses, noted before it happens.
#[derive(Default)]
struct Truth {
    gone: BTreeSet<String>,
    lost: BTreeSet<(String, String)>,
}

#[tokio::test(flavor = "multi_thread")]
async fn no_history_makes_us_say_what_has_not_happened() {
    let long = std::env::var_os("QLIK_ROSTER_LONG").is_some();
    let histories = if long { MANY_HISTORIES } else { HISTORIES };
    for seed in 0..histories {
        println!("history {seed}");
        live(seed).await;
    }
}

async fn live(seed: u64) {
    let world = World::with(TenantOptions {
        users: 230,
        groups: 24,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    let config = world.standard_config();
    world.write_config(&config.replace("poll = \"off\"", "poll = \"1s\""));
    // Loaded first, so that there is something to lose.
    assert_eq!(world.one_run().await.outcome, Outcome::Succeeded);
    let tenant = world.tenant.directory();
    let mut dice = fastrand::Rng::with_seed(seed);
    let mut truth = Truth::default();
    let mut last = Seq::START;

    for start in 0..STARTS {
        for _ in 0..dice.usize(..12) {
            change(tenant, &mut truth, &mut dice);
        }
        // Sometimes more at once than the guard allows.
        if start % 5 == 3 {
            for _ in 0..40 {
                take_away(tenant, &mut truth, &mut dice);
            }
        }
        for _ in 0..dice.usize(..3) {
            let (at, fault, when) = trouble(&mut dice);
            world.tenant.faults().on(at, fault, when);
        }

        let mut daemon = serve(&world);
        let wanted = dice.u64(3..30);
        let begun = (world.tenant.requests().total(), Instant::now());
        while world.tenant.requests().total() < begun.0 + wanted && begun.1.elapsed() < PATIENCE {
            // Records come and go between the pages of a sweep.
            if dice.u8(..8) == 0 {
                change(tenant, &mut truth, &mut dice);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        world.tenant.faults().clear();

        let store = world.store();
        assert!(
            store.last_seq() >= last,
            "seed {seed}: the journal became shorter"
        );
        last = store.last_seq();
        assert_only_truth(&store, &truth, seed);
        assert_journal_leads_to_state(&store);
        store.close().unwrap();
    }

    let running = world.start().await;
    let mut is_calm = false;
    for _ in 0..MAX_PLANS {
        let run = running.sync().await;
        let Some(id) = run.held.and_then(|held| held.plan) else {
            assert_eq!(
                run.outcome,
                Outcome::Succeeded,
                "seed {seed}: {:?}",
                run.findings
            );
            is_calm = true;
            break;
        };
        let approved = running.approve(id).await;
        assert!(approved.is_ok(), "seed {seed}: {approved:?}");
    }
    assert!(is_calm, "seed {seed}: one plan follows the other");
    running.settled().await;
    assert_same_as_tenant(running.store(), tenant);
    assert_journal_leads_to_state(running.store());
    assert_only_truth(running.store(), &truth, seed);
    running.stop().await;
}

fn serve(world: &World) -> Child {
    Command::new(env!("CARGO_BIN_EXE_qlik-roster"))
        .arg("--config")
        .arg(world.config_path())
        .arg("serve")
        .env_clear()
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Asserts that everything that was reported as gone or lost really is.
fn assert_only_truth(store: &Store, truth: &Truth, seed: u64) {
    for entry in store.entries(Seq::START, usize::MAX).unwrap() {
        let Fact::Changed(change) = entry.fact else {
            continue;
        };
        let id = change.id().to_string();
        match &change {
            Change::Created { .. } => {}
            Change::Deleted { .. } => {
                assert!(truth.gone.contains(&id), "seed {seed}: {id} is not gone");
            }
            Change::Updated { before, after } => {
                // Compared by id: a garbled name is not a loss.
                let held = access(after);
                let lost = access(before).into_iter();
                for (place, name) in lost.filter(|(place, _)| !held.contains_key(place)) {
                    assert!(
                        name == MADE_UP || truth.lost.contains(&(id.clone(), place.clone())),
                        "seed {seed}: {id} has not lost {name}"
                    );
                }
            }
        }
    }
}

/// Returns the names of the roles and groups of a record, by id.
fn access(record: &Record) -> BTreeMap<String, String> {
    let (roles, groups) = match record {
        Record::User(user) => (user.roles.as_ref(), user.groups.as_ref()),
        Record::Group(group) => (group.roles.as_ref(), None),
        Record::Role(_) => (None, None),
    };
    let roles = roles.into_iter().flatten();
    let roles = roles.map(|(id, name)| (id.to_string(), name.clone()));
    let groups = groups.into_iter().flatten();
    let groups = groups.map(|(id, name)| (id.to_string(), name.clone()));
    roles.chain(groups).collect()
}

fn people(tenant: &Directory) -> Vec<User> {
    let people = tenant.users().into_iter();
    people.filter(|user| user.client_id.is_none()).collect()
}

/// Makes one random change. One that the tenant refuses does not count.
fn change(tenant: &Directory, truth: &mut Truth, dice: &mut fastrand::Rng) {
    let people = people(tenant);
    let user = &people[dice.usize(..people.len())];
    let roles = tenant.roles();
    let role = roles[dice.usize(..roles.len())].id.clone();
    let groups = tenant.groups();
    let group = groups[dice.usize(..groups.len())].id.clone();
    match dice.u8(..10) {
        0 | 1 => {
            let number = dice.u32(..);
            drop(tenant.create_user(NewUser::named(&format!("Joiner {number}"))));
        }
        2 => drop(tenant.update_user(&user.id, Edit::AssignRole(role))),
        3 => drop(tenant.update_user(&user.id, Edit::JoinGroup(group))),
        4 => {
            let name = format!("Renamed {}", dice.u16(..));
            drop(tenant.update_user(&user.id, Edit::Name(name)));
        }
        5 => drop(tenant.update_user(&user.id, Edit::Status(Status::Disabled))),
        6 => {
            truth.gone.insert(user.id.to_string());
            drop(tenant.recreate_user(&user.id));
        }
        _ => take_away(tenant, truth, dice),
    }
}

/// Takes something away at random.
fn take_away(tenant: &Directory, truth: &mut Truth, dice: &mut fastrand::Rng) {
    let people = people(tenant);
    // The tenant must not become empty.
    if people.len() < 60 {
        return;
    }
    let user = &people[dice.usize(..people.len())];
    let id = user.id.to_string();
    match dice.u8(..3) {
        0 => {
            truth.gone.insert(id);
            tenant.delete_user(&user.id).unwrap();
        }
        1 => {
            if let Some(role) = user.roles.keys().next() {
                truth.lost.insert((id, role.to_string()));
                drop(tenant.update_user(&user.id, Edit::UnassignRole(role.clone())));
            }
        }
        _ => {
            if let Some(group) = user.groups.keys().next() {
                truth.lost.insert((id, group.to_string()));
                drop(tenant.update_user(&user.id, Edit::LeaveGroup(group.clone())));
            }
        }
    }
}

fn trouble(dice: &mut fastrand::Rng) -> (Endpoint, Fault, When) {
    use Endpoint::{Audits, Groups, Roles, SystemGroups, TenantMe, Token, User, Users};
    let at = *dice
        .choice(&[
            Token,
            TenantMe,
            Roles,
            Groups,
            SystemGroups,
            Users,
            Users,
            User,
            User,
            Audits,
            Audits,
        ])
        .unwrap();
    let faults = [
        Fault::TooManyRequests { retry_after: 0 },
        Fault::Internal,
        Fault::Unauthorized,
        Fault::Forbidden,
        Fault::Cut,
        Fault::Html(200),
        Fault::Html(404),
        Fault::Truncated,
        Fault::TooLarge(20),
        Fault::OneTooLarge,
        Fault::HalfCharacter,
        Fault::BadByte,
        Fault::BadReference,
        Fault::MissingRoles,
        Fault::MissingGroups,
        Fault::EmptyLeftOut,
        Fault::HalfShown,
        Fault::WrongType,
        Fault::UnknownValues,
        Fault::EmptyPage,
        Fault::RepeatedCursor,
        Fault::ExpiredCursor(410),
        Fault::PageLeftOut,
        Fault::EmptyCollection,
        Fault::InflatedTotal(7),
        Fault::DriftingTotal,
    ];
    let when = match dice.u8(..3) {
        0 => When::Always,
        1 => When::Next(dice.u64(1..4)),
        _ => When::Nth(dice.u64(1..4)),
    };
    (at, dice.choice(faults).unwrap(), when)
}
