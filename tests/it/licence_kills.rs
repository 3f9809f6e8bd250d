//! The daemon is killed again and again while it reads to whom the licence is assigned: for the
//! first time, and again after that has changed.

use std::collections::BTreeSet;
use std::time::Duration;

use qlik_roster::demo::tenant::{Directory, Endpoint, Fault, RateLimits, TenantOptions, When};
use qlik_roster::model::{Fact, LicenceAssignment, Outcome, Seq, SubjectKey, Trigger};
use qlik_roster::store::{LicenceReading, Store};

use crate::support::{World, within};

/// Assignments to subjects that no user has.
const N_ORPHANS: usize = 700;

/// More kills than one complete reading takes.
const MAX_KILLS: u64 = 100;

/// The most pages that are read before a kill.
const MAX_PAGES: u64 = 3;

const DAY: Duration = Duration::from_secs(25 * 3_600);

#[tokio::test(flavor = "multi_thread")]
async fn kills_while_a_licence_is_read_lose_nothing() {
    let world = World::with(TenantOptions {
        users: 30,
        rate_limits: RateLimits::Off,
        ..TenantOptions::default()
    })
    .await;
    world.let_all_go();
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    world.write_config(&format!("[access]\nlicences = true\n{config}"));
    let tenant = world.tenant.directory();
    for n in 0..N_ORPHANS {
        tenant.license(&format!("auth0|nobody {n:04}"), "analyzer");
    }
    let slow = Fault::Slow(Duration::from_millis(20));
    world
        .tenant
        .faults()
        .on(Endpoint::Licences, slow, When::Always);
    let mut dice = fastrand::Rng::with_seed(13);

    let n_first = read_among_kills(&world, &mut dice).await;
    assert_eq!(rows_of(&world), shown_by(tenant));

    for n in (0..N_ORPHANS).step_by(50) {
        tenant.unlicense(&format!("auth0|nobody {n:04}"));
        tenant.license(&format!("auth0|somebody {n:04}"), "professional");
    }
    age(&world);
    let before = rows_of(&world);
    let n_again = read_among_kills(&world, &mut dice).await;
    // What one reading did not show goes with the second one.
    age(&world);
    read_to_the_end(&world).await;
    assert_eq!(rows_of(&world), shown_by(tenant));
    assert_eq!(undone(&world, rows_of(&world)), before);

    println!("killed {n_first} times at first, {n_again} times later");
    assert!(n_first > 2 && n_again > 2, "the kills missed their marks");
    let store = open(&world);
    assert_eq!(store.check().unwrap().faults, []);
    let known = store.tenants().unwrap().remove(0);
    let run = store.newest_run(&known.name, |run| run.trigger == Trigger::Licence);
    let run = run.unwrap().unwrap();
    assert_eq!(run.outcome, Outcome::Succeeded);
    assert_eq!(run.licence.unwrap().unreadable, 0);
    store.close().unwrap();
}

/// Reads the licence in full, killing the daemon at random. Returns how many kills there were.
async fn read_among_kills(world: &World, dice: &mut fastrand::Rng) -> u64 {
    let asked = || world.tenant.requests().at(Endpoint::Licences);
    let n_pages = shown_by(world.tenant.directory()).len().div_ceil(100) as u64;
    for n_kills in 0..MAX_KILLS {
        let n_left = n_left(world, n_pages);
        if n_left <= 1 && dice.bool() {
            // A killed daemon never does what follows the last request, so sometimes none is killed
            // there.
            let before = asked();
            read_to_the_end(world).await;
            assert_eq!(asked() - before, n_left, "pages were read again");
            return n_kills;
        }
        let target = asked() + dice.u64(1..=n_left.clamp(1, MAX_PAGES));
        let mut daemon = world.serve();
        within("it reads", || async { asked() >= target }).await;
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
    panic!("{MAX_KILLS} kills, and the licence was not read once");
}

/// Returns how many pages are still to be read.
fn n_left(world: &World, n_pages: u64) -> u64 {
    let store = open(world);
    let known = store.tenants().unwrap().into_iter().next();
    let n_left = known.map_or(n_pages, |known| {
        let reading = store.licence_reading(known.no).unwrap();
        let rows = store.licences(known.no, None, usize::MAX).unwrap();
        let read = rows
            .iter()
            .filter(|kept| kept.reading == reading.mark.number);
        match (reading.mark.began, reading.cursor) {
            (Some(_), Some(_)) => n_pages - read.count() as u64 / 100,
            // Without a cursor, a reading starts at the first page.
            (Some(_) | None, _) => n_pages,
        }
    });
    store.close().unwrap();
    n_left
}

async fn read_to_the_end(world: &World) {
    let running = world.launch().await;
    within("it is read", || async {
        is_read(running.store()) && has_ended(running.store())
    })
    .await;
    running.stop().await;
}

fn open(world: &World) -> Store {
    let opened = Store::open(&world.path("store")).unwrap();
    assert_eq!(opened.moved_aside, None, "the store was damaged");
    opened.store
}

fn reading_of(store: &Store) -> Option<LicenceReading> {
    let known = store.tenants().unwrap().into_iter().next()?;
    Some(store.licence_reading(known.no).unwrap())
}

/// Returns whether the last run that read the licence has ended.
fn has_ended(store: &Store) -> bool {
    let known = store.tenants().unwrap().remove(0);
    let run = store.newest_run(&known.name, |run| run.trigger == Trigger::Licence);
    run.unwrap().is_some_and(|run| run.ended_at.is_some())
}

/// Returns whether the licence was read in full within the last half day.
fn is_read(store: &Store) -> bool {
    let recently = qlik_roster::clock::Clock::system().now().minus(DAY / 2);
    reading_of(store).is_some_and(|reading| {
        reading.mark.began.is_none() && reading.mark.last.is_some_and(|last| last > recently)
    })
}

/// Makes the licence due again, as if a day had passed.
fn age(world: &World) {
    let store = open(world);
    let known = store.tenants().unwrap().remove(0);
    let mut reading = store.licence_reading(known.no).unwrap();
    reading.mark.last = reading.mark.last.map(|last| last.minus(DAY));
    store.set_licence_reading(known.no, reading).unwrap();
    store.close().unwrap();
}

type Rows = BTreeSet<(String, Option<String>)>;

fn rows_of(world: &World) -> Rows {
    let store = open(world);
    let known = store.tenants().unwrap().remove(0);
    let rows = store.licences(known.no, None, usize::MAX).unwrap();
    let rows = rows.into_iter().flat_map(|kept| kept.assignments);
    let rows = rows.map(|it| (it.subject, it.sort)).collect();
    store.close().unwrap();
    rows
}

/// Undoes all changes in the journal. Each must lead to what the next one begins with.
fn undone(world: &World, rows: Rows) -> Rows {
    let store = open(world);
    let entries = store.entries(Seq::START, usize::MAX).unwrap();
    let words = |all: Vec<LicenceAssignment>| all.into_iter().map(|it| (it.subject, it.sort));
    let undone = entries.into_iter().rev().fold(rows, |mut rows, entry| {
        let Fact::LicenceChanged(change) = entry.fact else {
            return rows;
        };
        for (subject, change) in change.subjects {
            let now: Rows = words(change.after).collect();
            let is_of = |row: &(String, Option<String>)| SubjectKey::of(&row.0) == subject;
            let found: Rows = rows.iter().filter(|row| is_of(row)).cloned().collect();
            assert_eq!(found, now, "a change was reported twice, or not at all");
            rows.retain(|row| !is_of(row));
            rows.extend(words(change.before));
        }
        rows
    });
    store.close().unwrap();
    undone
}

fn shown_by(tenant: &Directory) -> Rows {
    let licence = tenant.licence();
    let rows = licence.assignments.into_iter();
    rows.map(|(subject, it)| (subject, Some(it.sort).filter(|sort| !sort.is_empty())))
        .collect()
}
