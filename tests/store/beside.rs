//! Compacts a store while it is in use: kills the process meanwhile, and measures its memory.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use qlik_roster::model::{Kind, Record, RunId, Seq, Timestamp};
use qlik_roster::store::{Closing, Commit, Known, MAX_QUIET, Store, Write};

use crate::load::peak_kb;
use crate::support::{Role, Verifier, account, adopt, fingerprint, spawn, tell, user, write};

const KILLS: u32 = 30;

#[test]
fn nothing_acknowledged_is_lost_when_the_process_is_killed_while_it_compacts() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(4);
    let mut verifier = Verifier::default();
    let mut acknowledged = Seq::START;
    let mut interrupted = 0;

    for kill in 0..KILLS {
        let (mut child, mut told) = spawn(Role::WriteBeside, folder.path());
        for line in told.by_ref().take(random.usize(1..80)) {
            acknowledged = acknowledged.max(Seq(line.parse().unwrap()));
        }
        thread::sleep(Duration::from_micros(random.u64(0..30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        for line in told {
            acknowledged = acknowledged.max(Seq(line.parse().unwrap()));
        }
        let left = ["compacting", "replaced", "discarded"];
        interrupted += u32::from(left.iter().any(|name| folder.path().join(name).exists()));

        let opened = Store::open(folder.path()).unwrap();
        assert_eq!(opened.moved_aside, None, "kill {kill}");
        verifier.verify(&opened.store, acknowledged);
        assert!(opened.store.check().unwrap().is_sound(), "kill {kill}");
        opened.store.close().unwrap();
        for name in left {
            assert!(
                !folder.path().join(name).exists(),
                "{name} after kill {kill}"
            );
        }
    }
    println!("{KILLS} kills, {interrupted} while it was compacted, {acknowledged} entries");
    assert!(interrupted > KILLS / 3, "{interrupted}");
}

/// Commits while the store is compacted again and again, until it is killed.
pub fn write_for_ever(folder: &Path) {
    let store = Store::open(folder).unwrap().store;
    let beside = store.clone();
    thread::spawn(move || {
        loop {
            if let Err(error) = beside.compact_beside() {
                tell(format!("{}: {error}", error.code()));
                return;
            }
        }
    });
    write(store);
}

/// How much more memory the process may take than one that does the same without a compaction.
const CEILING_KB: u64 = 128 * 1024;

/// Users whose records take a gigabyte together, since they compress badly.
const USERS: u32 = 700_000;
const BYTES_EACH: usize = 1_900;

/// Measures the memory, and checks the limit.
#[test]
#[ignore = "takes minutes; run with --ignored --release --nocapture"]
fn a_store_of_a_gigabyte_is_compacted_beside_commits_in_bounded_memory() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = adopt(&store);
    let numbers: Vec<u32> = (0..USERS).collect();
    let mut under_way = std::collections::VecDeque::new();
    for chunk in numbers.chunks(MAX_QUIET) {
        let writes = chunk.iter().map(|number| large(*number, 0)).collect();
        under_way.push_back(store.submit(commit(&known, writes)).unwrap());
        if under_way.len() > 16 {
            under_way.pop_front().unwrap().wait().unwrap();
        }
    }
    for ticket in under_way {
        ticket.wait().unwrap();
    }
    store.close().unwrap();

    let (mut child, told) = spawn(Role::WeighBeside, folder.path());
    let told: Vec<String> = told.collect();
    child.wait().unwrap();

    println!("{told:#?}");
    let figure = |name: &str| -> u64 {
        let line = told
            .iter()
            .find_map(|line| line.strip_prefix(name))
            .unwrap();
        line.trim().parse().unwrap()
    };
    let (before, peak) = (figure("before, kB:"), figure("peak, kB:"));
    assert!(figure("live:") > 1 << 30, "it is no gigabyte");
    assert!(figure("commits beside:") > 100, "hardly any were made");
    assert!(peak < before + CEILING_KB, "{peak} kB, {before} before");
}

/// Uses a store, compacts it in the middle of that use, and tells how much memory that took.
pub fn weigh(folder: &Path) {
    let store = Store::open(folder).unwrap().store;
    let known = adopt(&store);
    let mut random = fastrand::Rng::with_seed(2);
    // Fills the cache, as a daemon does within some hours.
    for round in 0..2_000 {
        update(&store, &known, &mut random, round);
    }
    let before = peak_kb();
    tell(format!("before, kB: {before}"));

    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let commits = scope.spawn(|| {
            let (mut commits, mut longest) = (0_u64, Duration::ZERO);
            while !is_over.load(Ordering::Relaxed) {
                let began = Instant::now();
                update(&store, &known, &mut random, commits);
                longest = longest.max(began.elapsed());
                commits += 1;
                thread::sleep(Duration::from_millis(2));
            }
            (commits, longest)
        });
        let began = Instant::now();
        let compacted = store.compact_beside().unwrap();
        let took = began.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let (commits, longest) = commits.join().unwrap();
        tell(format!("live: {}", compacted.live));
        tell(format!("took: {took:?}, {compacted:?}"));
        tell(format!("commits beside: {commits}"));
        tell(format!("longest commit: {longest:?}"));
    });
    tell(format!("peak, kB: {}", peak_kb()));
    let census = store.fingerprints(known.no, Kind::User, &mut |_, _| {});
    assert_eq!(census.unwrap().count, u64::from(USERS));
    store.close().unwrap();
}

fn update(store: &Store, known: &Known, random: &mut fastrand::Rng, round: u64) {
    let writes = (0..5).map(|_| large(random.u32(..USERS), round + 1));
    store.commit(commit(known, writes.collect())).unwrap();
}

/// A record with a text that compresses badly.
fn large(number: u32, round: u64) -> Write {
    let record: Record = user(number, Seq(round));
    let mut random = fastrand::Rng::with_seed(round << 32 | u64::from(number));
    let raw: String = (0..BYTES_EACH).map(|_| random.alphanumeric()).collect();
    Write::Quiet {
        fingerprint: fingerprint(&record),
        raw: raw.into(),
        record,
    }
}

fn commit(known: &Known, writes: Vec<Write>) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1),
        account: account(),
        writes,
        closing: Closing::Nothing,
    }
}
