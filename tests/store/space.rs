//! Disk space: what is cut off the journal is freed.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{Duration, Instant};

use qlik_roster::model::{Change, Fact, RunId, Seq, Timestamp};
use qlik_roster::store::{
    Closing, Commit, Known, MAX_WRITES, MaintenancePass, Retention, Store, Write,
};

use crate::support::{account, adopt, fingerprint, raw, user};

const USERS: u32 = 2_000;

/// How many entries every test run has time for, and how many the figures in the documentation are
/// for.
const SOME: u64 = 20_000;
const MANY: u64 = 1_000_000;

/// Entries that are still young when the others are old.
const YOUNG: u64 = 1_000;

const RETENTION: Retention = Retention {
    keep: Duration::from_secs(90 * 24 * 3600),
    keep_runs: 500,
};

#[test]
fn a_journal_that_was_cut_gives_its_disk_space_back() {
    let figures = figures(SOME);

    println!("{figures:#?}");
    assert!(figures.compacted * 4 < figures.full, "{figures:?}");
}

#[test]
#[ignore = "takes minutes; run with --ignored --release --nocapture"]
fn a_journal_of_a_million_entries_gives_its_disk_space_back() {
    let figures = figures(MANY);

    println!("{figures:#?}");
    // The maintenance pass frees the space by itself.
    assert!(figures.reopened * 10 < figures.full, "{figures:?}");
}

/// A measurement: the threshold of compactions is based on it.
#[test]
#[ignore = "a measurement; run with --ignored --nocapture"]
fn how_large_a_store_grows_that_is_updated_at_random() {
    const USERS: u32 = 50_000;
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(3);
    for round in 0..8 {
        let store = Store::open(folder.path()).unwrap().store;
        let known = adopt(&store);
        let mut under_way = VecDeque::new();
        for chunk in 0..1_000_u32 {
            let writes = (0..50).map(|nth| {
                let number = match round {
                    0 => chunk * 50 + nth,
                    _ => random.u32(..USERS),
                };
                let record = user(number, Seq(round));
                Write::Quiet {
                    fingerprint: fingerprint(&record),
                    raw: raw(&record),
                    record,
                }
            });
            under_way.push_back(
                store
                    .submit(commit(&known, writes.collect(), day(0)))
                    .unwrap(),
            );
            if under_way.len() > 32 {
                under_way.pop_front().unwrap().wait().unwrap();
            }
        }
        for ticket in under_way {
            ticket.wait().unwrap();
        }
        store.close().unwrap();
        println!(
            "after {} updates: {} bytes",
            round * 50_000,
            disk_usage(folder.path())
        );
    }
    println!("{:?}", Store::compact(folder.path()).unwrap());
}

/// Bytes of the folder and times, along the way.
#[derive(Debug)]
#[expect(dead_code, reason = "shown, not read")]
struct Figures {
    full: u64,
    cut: u64,
    reopened: u64,
    compacted: u64,
    live: u64,
    filling: Duration,
    cutting: Duration,
    /// How long commits took while the journal was cut, and before that: one in a hundred took
    /// longer than the first time, and none took longer than the second.
    commit_beside: [Duration; 2],
    commit_before: [Duration; 2],
    reopening: Duration,
    compacting: Duration,
}

fn figures(entries: u64) -> Figures {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = adopt(&store);

    let began = Instant::now();
    fill(&store, &known, entries, day(0));
    let filling = began.elapsed();
    fill(&store, &known, YOUNG, day(100));
    let commit_before = commit_times(&store, &known, || false);
    let full = disk_usage(folder.path());

    let began = Instant::now();
    let mut pass = MaintenancePass::new(store.clone(), RETENTION, Vec::new(), day(110));
    let mut cutting = Duration::ZERO;
    let commit_beside = commit_times(&store, &known, || {
        let Some(step) = pass.step() else {
            cutting = began.elapsed();
            return false;
        };
        step.unwrap();
        true
    });
    assert_eq!(pass.done().entries, entries);
    let cut = disk_usage(folder.path());
    store.close().unwrap();

    let began = Instant::now();
    let store = Store::open(folder.path()).unwrap().store;
    let reopening = began.elapsed();
    assert_eq!(store.first_seq().unwrap(), Seq(entries + 1));
    assert_eq!(read_users(&store, &known), u64::from(USERS));
    store.close().unwrap();
    let reopened = disk_usage(folder.path());

    let began = Instant::now();
    let compacted = Store::compact(folder.path()).unwrap();
    let compacting = began.elapsed();
    let store = Store::open(folder.path()).unwrap().store;
    let young = store.entries(Seq::START, usize::MAX).unwrap();
    assert!(young.len() as u64 >= YOUNG);
    assert!(
        young
            .iter()
            .all(|entry| matches!(entry.fact, Fact::Changed(_)))
    );
    store.close().unwrap();
    Figures {
        full,
        cut,
        reopened,
        compacted: disk_usage(folder.path()),
        live: compacted.live,
        filling,
        cutting,
        commit_beside,
        commit_before,
        reopening,
        compacting,
    }
}

/// Commits one change after the other, at least some hundred, as long as there is something to do
/// beside them. Returns how long they took.
fn commit_times(
    store: &Store,
    known: &Known,
    mut beside: impl FnMut() -> bool + Send,
) -> [Duration; 2] {
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let over = std::sync::atomic::Ordering::Relaxed;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while beside() {}
            is_over.store(true, over);
        });
        let mut times = Vec::new();
        while times.len() < 300 || !is_over.load(over) {
            let began = Instant::now();
            store
                .commit(commit(known, vec![change(store.last_seq().0)], day(100)))
                .unwrap();
            times.push(began.elapsed());
        }
        times.sort();
        [times[times.len() * 99 / 100], times[times.len() - 1]]
    })
}

fn fill(store: &Store, known: &Known, entries: u64, at: Timestamp) {
    let mut under_way = VecDeque::new();
    let first = store.last_seq().0;
    let numbers: Vec<u64> = (first..first + entries).collect();
    for chunk in numbers.chunks(MAX_WRITES) {
        let writes = chunk.iter().map(|number| change(*number)).collect();
        under_way.push_back(store.submit(commit(known, writes, at)).unwrap());
        if under_way.len() > 32 {
            under_way.pop_front().unwrap().wait().unwrap();
        }
    }
    for ticket in under_way {
        ticket.wait().unwrap();
    }
}

/// Returns the change of the entry after a position: one user after the other.
fn change(number: u64) -> Write {
    let which = u32::try_from(number % u64::from(USERS)).unwrap();
    let after = user(which, Seq(number + 1));
    let change = match number.checked_sub(u64::from(USERS)) {
        Some(before) => Change::Updated {
            before: user(which, Seq(before + 1)),
            after,
        },
        None => Change::Created {
            after,
            replaces: None,
        },
    };
    Write::Change {
        fingerprint: fingerprint(change.latest()),
        raw: raw(change.latest()),
        change,
        reported: None,
    }
}

fn commit(known: &Known, writes: Vec<Write>, at: Timestamp) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at,
        account: account(),
        writes,
        closing: Closing::Nothing,
    }
}

fn read_users(store: &Store, known: &Known) -> u64 {
    crate::support::read_users(store, known).len() as u64
}

fn disk_usage(folder: &Path) -> u64 {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let found = entry.metadata().unwrap();
        bytes += match found.is_dir() {
            true => disk_usage(&entry.path()),
            false => std::os::unix::fs::MetadataExt::blocks(&found) * 512,
        };
    }
    bytes
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + day * 24 * 3600 * 1000)
}
