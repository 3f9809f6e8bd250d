//! Memory over a million updates.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Instant;

use qlik_roster::model::{Change, Kind, Record, RunId, Seq, Timestamp};
use qlik_roster::store::{Closing, Commit, Known, MAX_QUIET, MAX_WRITES, Store, Write};

use crate::support::{Role, account, adopt, fingerprint, raw, spawn, tell, user};

const USERS: u32 = 20_000;

/// The number of updates that every test run has time for.
const SOME: u64 = 40_000;

/// The number of updates for which the ceiling is promised.
const MANY: u64 = 1_000_000;

/// This many updates of ten write a journal entry; the rest are quiet. All take the same path.
const JOURNALLED_IN_TEN: u64 = 2;

/// The most memory that the process may take, including the test harness. It takes 70 to 77 MB;
/// with commits of a thousand operations, with which sled's collector cannot keep up, it takes 98
/// to 103.
const CEILING_KB: u64 = 92 * 1024;

#[test]
fn memory_stays_low_over_some_updates() {
    let peaks = peaks_of(SOME);

    assert!(peaks[9] < CEILING_KB, "{peaks:?}");
}

#[test]
#[ignore = "takes minutes; run with --ignored"]
fn memory_stays_flat_over_a_million_updates() {
    let peaks = peaks_of(MANY);

    assert!(peaks[9] < CEILING_KB, "{peaks:?}");
    assert!(
        peaks[9] < peaks[4] + peaks[4] / 4,
        "still rising: {peaks:?}"
    );
}

/// Only measures: speed depends on the machine, so nothing is asserted about it.
#[test]
#[ignore = "a measurement; run with --ignored --release --nocapture"]
fn a_million_users_are_loaded_and_read() {
    const USERS: u32 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = adopt(&store);

    let begun = Instant::now();
    load(&store, USERS);
    println!(
        "loaded {USERS} in order: {:?}, peak {} kB",
        begun.elapsed(),
        peak_kb()
    );

    let begun = Instant::now();
    let census = store
        .fingerprints(known.no, Kind::User, &mut |_, _| {})
        .unwrap();
    println!("read {} fingerprints: {:?}", census.count, begun.elapsed());

    let begun = Instant::now();
    for number in 0..1_000 {
        let record = user(number * 997, Seq::START);
        store
            .commit(commit(&known, vec![changed(&record, Seq(1))]))
            .unwrap();
    }
    println!(
        "1000 commits of one change, one after the other: {:?}",
        begun.elapsed()
    );

    let begun = Instant::now();
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..200 {
        let writes = (0..MAX_WRITES)
            .map(|_| changed(&user(random.u32(..USERS), Seq::START), Seq(2)))
            .collect();
        store.commit(commit(&known, writes)).unwrap();
    }
    println!(
        "200 commits of {MAX_WRITES} changes at random: {:?}",
        begun.elapsed()
    );

    store.close().unwrap();
    let begun = Instant::now();
    let store = Store::open(folder.path()).unwrap().store;
    println!("opened, first time after: {:?}", begun.elapsed());
    store.close().unwrap();
    let begun = Instant::now();
    let store = Store::open(folder.path()).unwrap().store;
    println!("opened again: {:?}, peak {} kB", begun.elapsed(), peak_kb());
    store.close().unwrap();
}

/// Loads this many users, in order.
pub fn load(store: &Store, users: u32) {
    let known = adopt(store);
    let mut under_way = VecDeque::new();
    for from in (0..users).step_by(MAX_QUIET) {
        let to = users.min(from + u32::try_from(MAX_QUIET).unwrap());
        let writes = (from..to).map(|number| quiet(user(number, Seq::START)));
        let commit = commit(&known, writes.collect());
        under_way.push_back(store.submit(commit).unwrap());
        if under_way.len() > 64 {
            under_way.pop_front().unwrap().wait().unwrap();
        }
    }
    for ticket in under_way {
        ticket.wait().unwrap();
    }
}

fn quiet(record: Record) -> Write {
    Write::Quiet {
        fingerprint: fingerprint(&record),
        raw: raw(&record),
        record,
    }
}

fn changed(before: &Record, seq: Seq) -> Write {
    let number = u32::from_str_radix(&before.id().to_string()[16..], 16).unwrap();
    let after = user(number, seq);
    Write::Change {
        fingerprint: fingerprint(&after),
        raw: raw(&after),
        change: Change::Updated {
            before: before.clone(),
            after,
        },
        reported: None,
    }
}

pub fn commit(known: &Known, writes: Vec<Write>) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1),
        account: account(),
        writes,
        closing: Closing::Nothing,
    }
}

/// Updates in a process of its own. Returns its peak memory after each tenth.
fn peaks_of(updates: u64) -> Vec<u64> {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, told) = spawn(Role::Load(updates), folder.path());
    let told: Vec<String> = told.collect();
    child.wait().unwrap();
    println!("{told:?}");

    let peaks: Vec<u64> = told
        .iter()
        .filter_map(|line| line.split(' ').nth(1)?.parse().ok())
        .collect();
    assert_eq!(peaks.len(), 10);
    peaks
}

/// Loads in order, then updates at random, and tells the peak memory ten times.
pub fn update(folder: &Path, updates: u64) {
    let store = Store::open(folder).unwrap().store;
    let known = adopt(&store);
    let mut users: Vec<_> = (0..USERS).map(|number| user(number, Seq::START)).collect();
    let mut tickets = Vec::new();
    for chunk in users.chunks(MAX_QUIET) {
        let writes = chunk.iter().cloned().map(quiet).collect();
        tickets.push(store.submit(commit(&known, writes)).unwrap());
    }
    for ticket in tickets {
        ticket.wait().unwrap();
    }

    let mut random = fastrand::Rng::with_seed(6);
    let begun = Instant::now();
    let mut done = 0;
    for tenth in 1..=10 {
        while done < updates * tenth / 10 {
            let quiet = done / 1000 % 10 >= JOURNALLED_IN_TEN;
            let count = if quiet { MAX_QUIET } else { MAX_WRITES };
            let writes = (0..count)
                .map(|_| {
                    let number = random.u32(..USERS);
                    done += 1;
                    let after = user(number, Seq(done));
                    let slot = &mut users[number as usize];
                    let before = std::mem::replace(slot, after.clone());
                    let (fingerprint, raw) = (fingerprint(&after), raw(&after));
                    if quiet {
                        Write::Quiet {
                            record: after,
                            fingerprint,
                            raw,
                        }
                    } else {
                        Write::Change {
                            change: Change::Updated { before, after },
                            fingerprint,
                            raw,
                            reported: None,
                        }
                    }
                })
                .collect();
            store.commit(commit(&known, writes)).unwrap();
        }
        tell(format!("{done} {} {:?}", peak_kb(), begun.elapsed()));
    }
    store.close().unwrap();
}

/// Returns the most memory that this process has taken so far.
pub fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
