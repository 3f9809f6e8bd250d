//! A store is compacted while it is in use, if that is worth it, and the amount of its live data is
//! known at any time.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::prelude::*;

use crate::lock::lock;
use crate::model::{Kind, Seq};
use crate::store::engine::Wanted;
use crate::store::engine::compaction::beside::Beside;
use crate::store::engine::compaction::compacted::Compacted;
use crate::store::engine::compaction::rule::Rule;
use crate::store::engine::rows::count;
use crate::store::engine::scan;
use crate::store::engine::writing::live_size::LiveSize;
use crate::store::handle::Store;
use crate::store::kept::maintenance::pass::MaintenancePass;
use crate::store::kept::tenants::Known;
use crate::store::layout::{codec, keys, v1};
use crate::store::tests::recovery::tamper;
use crate::store::tests::support::{self, adopt, open, record};
use crate::store::values::count::{Count, Usage};

use super::{RETENTION, commit, day};

/// A rule for which no database is too small.
const ANY: Rule = Rule {
    small: 0,
    spare: 0,
    portion: 1,
};

/// All rows of a store.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn rows(store: &Store) -> Rows {
    let read = store.engine.lend_database("reading all rows", |db| {
        let rows = scan::prefix(db, &[]);
        rows.map(|row| row.map(|(key, value)| (key.to_vec(), value.to_vec())))
            .collect()
    });
    read.unwrap()
}

/// Compares the sum of live data in a store with a count.
fn check_sum(store: &Store) {
    let counted = store
        .engine
        .lend_database("counting", count::count)
        .unwrap();
    assert_eq!(store.engine.live(), Some(counted));
}

/// Returns which folder the database is in: a compaction replaces it by another.
fn place(folder: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(folder.join("current")).unwrap())
}

fn begin(store: &Store) -> Beside {
    Beside::begin(&store.engine, store.engine.live().unwrap(), ANY)
        .unwrap_or_else(|_| panic!("no copy begins"))
}

fn step(beside: &mut Beside) -> Option<Compacted> {
    beside.step().unwrap_or_else(|_| panic!("the copy ends"))
}

/// Changes some records, and deletes every third.
fn change(store: &Store, known: &Known, numbers: &[(u32, u8)]) {
    for (number, name) in numbers {
        let after = record(Kind::User, *number, &format!("name {name}"));
        let before = store.get(known.no, &after.to_ref()).unwrap();
        let change = match before.map(|kept| kept.record) {
            None => support::created(after),
            Some(before) if name % 3 == 0 => {
                support::change(crate::model::Change::Deleted { before })
            }
            Some(before) => support::change(crate::model::Change::Updated { before, after }),
        };
        support::commit(store, known, vec![change]).unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    /// Whatever is committed between any two steps, and however many rows there are.
    #[test]
    fn a_compaction_changes_no_row(
        n_records in 0..900_u32,
        changes in prop::collection::vec(prop::collection::vec((0..900_u32, any::<u8>()), 0..6), 0..40),
        is_counted in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let known = adopt(&store, 1);
        commit(&store, &known, day(0), 0..n_records);
        if is_counted {
            *lock(&store.engine.shared.live_size) = LiveSize::Unknown;
            let mut changes = changes.iter();
            while store.engine.count_on().unwrap().is_none() {
                change(&store, &known, changes.next().map_or(&[], Vec::as_slice));
            }
        }
        check_sum(&store);
        let mut beside = begin(&store);
        let first = place(folder.path());
        for changes in changes.iter().chain(std::iter::repeat(&Vec::new())) {
            change(&store, &known, changes);
            let before = rows(&store);

            let compacted = step(&mut beside);

            // The copy stores the amount of its live data, as the database did.
            prop_assert_eq!(rows(&store), before);
            check_sum(&store);
            if compacted.is_some() {
                break;
            }
        }
        drop(beside);
        prop_assert_ne!(place(folder.path()), first);
        change(&store, &known, &[(1, 1), (2_000, 2)]);
        check_sum(&store);
        let before = rows(&store);
        let state = support::state(&store, &known);
        store.close().unwrap();

        let store = open(folder.path());
        prop_assert_eq!(rows(&store), before);
        prop_assert_eq!(support::state(&store, &known), state);
        check_sum(&store);
        let report = store.check().unwrap();
        prop_assert!(report.is_sound(), "{:?}", report.faults);
        for name in ["compacting", "replaced", "discarded"] {
            prop_assert!(!folder.path().join(name).exists(), "{}", name);
        }
    }
}

/// Threads that read and commit may run into the swap at any moment.
#[test]
fn nobody_who_reads_or_commits_notices_a_compaction() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..600);
    let is_over = AtomicBool::new(false);

    thread::scope(|scope| {
        let commits = scope.spawn(|| {
            let mut number = 1_000;
            while !is_over.load(Ordering::Relaxed) {
                number += 1;
                let last = store.last_seq();
                commit(&store, &known, day(0), number..number + 1);
                assert_eq!(store.last_seq(), last.next());
            }
            number
        });
        for kind in [Kind::User, Kind::Role] {
            let (store, known, is_over) = (&store, &known, &is_over);
            scope.spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    let census = store.fingerprints(known.no, kind, &mut |_, _| {}).unwrap();
                    assert!(census.count >= if kind == Kind::User { 600 } else { 0 });
                    assert!(store.entry(Seq(1)).unwrap().is_some());
                }
            });
        }
        for _ in 0..3 {
            let before = place(folder.path());
            store.engine.compact(ANY).unwrap();
            assert_ne!(place(folder.path()), before);
        }
        is_over.store(true, Ordering::Relaxed);
        assert!(commits.join().unwrap() > 1_001, "none was committed beside");
    });

    check_sum(&store);
    support::state(&store, &known);
    assert!(store.check().unwrap().is_sound());
}

#[test]
fn a_copy_that_is_given_up_leaves_nothing_behind_and_one_is_made_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..600);
    let mut beside = begin(&store);
    assert!(step(&mut beside).is_none());
    assert!(folder.path().join("compacting/db").exists());

    let refused = store.compact_beside().unwrap_err();
    assert_eq!(refused.code(), "store.compaction-under-way");
    drop(beside);

    assert!(!folder.path().join("compacting").exists());
    assert!(
        lock(&store.engine.shared.changes).is_none(),
        "nobody notes keys"
    );
    store.compact_beside().unwrap();
}

#[test]
fn a_copy_waits_for_who_reads_and_commits_do_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..300);
    let mut beside = begin(&store);
    let first = place(folder.path());

    let read = store.engine.read("reading for long", |_| {
        for number in 0..16 {
            assert!(step(&mut beside).is_none());
            commit(&store, &known, day(0), number..number + 1);
        }
        // The copy does not chase the rows that are added at the end of the journal.
        assert!(beside.is_ready(), "it waits for nobody");
        Ok(())
    });

    read.unwrap();
    assert_eq!(place(folder.path()), first);
    assert!(step(&mut beside).is_some());
    assert_ne!(place(folder.path()), first);
    check_sum(&store);
}

#[test]
fn damage_that_a_copy_meets_beside_ends_the_store_and_moves_it_aside_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    super::compaction::damage(folder.path());
    let store = open(folder.path());

    let refused = store.compact_beside().unwrap_err();

    assert_eq!(refused.code(), "store.damaged");
    assert!(store.is_broken());
    drop(store.close());
    let opened = Store::open(folder.path()).unwrap();
    assert_eq!(opened.moved_aside, Some(folder.path().join("damaged-1")));
}

/// Fills a database with deleted data, some twenty times its live data.
fn waste(store: &Store, known: &Known) {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..80 {
        let name: String = (0..60_000).map(|_| random.alphanumeric()).collect();
        let after = record(Kind::User, 1, &name);
        let before = store.get(known.no, &after.to_ref()).unwrap();
        let change = match before {
            None => support::created(after),
            Some(kept) => support::change(crate::model::Change::Updated {
                before: kept.record,
                after,
            }),
        };
        support::commit(store, known, vec![change]).unwrap();
    }
}

/// Runs a maintenance pass a year later, by a rule.
fn pass(store: &Store, rule: Rule) -> Option<Compacted> {
    let mut pass = MaintenancePass::new(store.clone(), RETENTION, Vec::new(), day(400));
    pass.rule = rule;
    pass.finish().unwrap().compacted
}

#[test]
fn maintenance_gives_space_back_where_it_is_worth_it_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    waste(&store, &known);
    let before = store.engine.folder.bytes_of_database().unwrap();
    // Its data is all live: the journal is still there.
    assert_eq!(store.engine.wanted(0).unwrap(), Wanted::Nothing);
    // No store is compacted below a certain size, or without disk space for a copy.
    assert_eq!(pass(&store, Rule::USUAL), None);
    assert_eq!(store.last_seq().next(), store.first_seq().unwrap());
    assert!(matches!(store.engine.wanted(0).unwrap(), Wanted::Copy(_)));
    let full = Rule {
        spare: u64::MAX,
        ..ANY
    };
    assert_eq!(pass(&store, full), None);
    // The last process was killed while it compacted: do not try again at once.
    let was_stopped = &store.engine.shared.was_stopped;
    was_stopped.store(true, Ordering::Relaxed);
    assert_eq!(pass(&store, ANY), None);

    let compacted = pass(&store, ANY).unwrap();

    assert!(compacted.after * 4 < before, "{compacted:?}");
    assert_eq!(compacted.live, store.engine.live().unwrap().bytes);
    let small = Rule {
        small: before / 2,
        ..ANY
    };
    assert_eq!(pass(&store, small), None, "it is done once");
    let usage = store.usage(&RETENTION, &[], day(400)).unwrap();
    assert_eq!((usage.live, usage.lacks), (Some(compacted.live), None));
}

#[test]
fn a_process_that_was_stopped_while_it_compacted_is_known_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().unwrap();
    for (is_left, is_known) in [(false, false), (true, true)] {
        if is_left {
            fs::create_dir(folder.path().join("compacting")).unwrap();
        }
        let store = open(folder.path());
        let was_stopped = &store.engine.shared.was_stopped;
        assert_eq!(was_stopped.load(Ordering::Relaxed), is_known);
        store.close().unwrap();
    }
}

/// A store of an older version has a sum that misses some writes, or has no sum.
#[test]
fn a_store_whose_sum_is_old_is_counted_once_and_compacted() {
    for is_there in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let known = adopt(&store, 1);
        waste(&store, &known);
        pass(&store, Rule::USUAL);
        store.close().unwrap();
        tamper(folder.path(), |db| {
            let old = db.get(keys::usage()).unwrap().unwrap();
            db.remove(keys::usage()).unwrap();
            if is_there {
                let usage = Usage {
                    count: Count {
                        rows: 9,
                        bytes: 1 << 40,
                    },
                    commits: 3,
                };
                let usage = v1::Usage::from(usage);
                let value = codec::row(&keys::usage(), &usage);
                assert_ne!(*old, *value);
                db.insert(keys::usage(), value).unwrap();
            }
        });
        let store = open(folder.path());
        assert_eq!(store.engine.live(), None);
        assert_eq!(store.engine.wanted(0).unwrap(), Wanted::Count);

        assert!(pass(&store, ANY).is_some());

        check_sum(&store);
        support::state(&store, &known);
    }
}
