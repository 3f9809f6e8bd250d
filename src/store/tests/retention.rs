//! What goes after its time, what stays, and that room is given back.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use crate::model::{
    Change, EndpointName, Entry, Hold, Kind, Mode, Outcome, Run, RunId, Seq, TenantName, Timestamp,
    Trigger,
};
use crate::store::{
    Closing, Commit, Cursor, DeliveryChange, Disabled, Done, Item, Known, NewRun, Parked, Progress,
    Retention, Round, Store, keys,
};

use super::recovery::tamper;
use super::support::{self, account, adopt, open, record};

const DAY: i64 = 24 * 3600 * 1000;

const RETENTION: Retention = Retention {
    keep: Duration::from_secs(90 * 24 * 3600),
    keep_runs: 500,
};

fn day(day: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + day * DAY)
}

fn hook(name: &str) -> EndpointName {
    EndpointName(name.into())
}

/// Commits an entry for each number, found on a day.
fn commit(store: &Store, known: &Known, at: Timestamp, numbers: std::ops::Range<u32>) {
    let numbers: Vec<u32> = numbers.collect();
    for chunk in numbers.chunks(40) {
        let writes = chunk.iter().map(|number| {
            let name = format!("{number} as of {}", at.millis());
            let after = record(Kind::User, *number, &name);
            match store.get(known.no, &after.to_ref()).unwrap() {
                Some(kept) => support::change(Change::Updated {
                    before: kept.record,
                    after,
                }),
                None => support::created(after),
            }
        });
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: account(),
            writes: writes.collect(),
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
    }
}

/// A cursor, of an endpoint that is disabled or not.
fn cursor(settled: Seq, state: State) -> Cursor {
    Cursor {
        settled,
        disabled: match state {
            State::Enabled => None,
            State::Disabled => Some(Disabled {
                at: day(0),
                reason: "410".to_owned(),
                url_mark: None,
            }),
        },
        ..Cursor::default()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Enabled,
    Disabled,
}

fn settle(store: &Store, endpoint: &EndpointName, settled: Seq, parked: Option<Seq>) {
    let cursor = cursor(settled, State::Enabled);
    let parked = parked.map(|seq| Parked {
        item: Item::Entry(seq),
        reason: "500".to_owned(),
        at: day(0),
        attempts: 3,
    });
    put(store, endpoint, cursor, parked);
}

fn put(store: &Store, endpoint: &EndpointName, cursor: Cursor, parked: Option<Parked>) {
    let mut log = store.attempt_log(endpoint).unwrap();
    let progress = Progress {
        changes: parked.into_iter().map(DeliveryChange::Park).collect(),
        ..Progress::of(cursor)
    };
    store.save_progress(endpoint, &mut log, progress).unwrap();
}

fn round(store: &Store, endpoints: &[&EndpointName], now: Timestamp) -> Done {
    let endpoints = endpoints.iter().map(|name| (*name).clone()).collect();
    Round::new(store.clone(), RETENTION, endpoints, now)
        .finish()
        .unwrap()
}

#[test]
fn the_journal_is_cut_behind_the_slowest_endpoint_and_the_keep_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..300);
    commit(&store, &known, day(50), 0..100);
    let (fast, slow, new) = (hook("fast"), hook("slow"), hook("new"));
    settle(&store, &fast, Seq(400), None);
    settle(&store, &slow, Seq(250), None);
    let all = store.entries(Seq::START, 1_000).unwrap();

    assert_eq!(round(&store, &[&fast, &slow], day(89)).entries, 0);
    assert_eq!(round(&store, &[&fast, &slow, &new], day(91)).entries, 250);
    assert_eq!(store.first_seq().unwrap(), Seq(251));
    // What was cut is no damage to whoever asks for it.
    assert_eq!(store.entries(Seq(7), 1_000).unwrap(), all[250..]);
    assert_eq!(store.entry(Seq(250)).unwrap(), None);
    assert_eq!(store.entry(Seq(251)).unwrap().as_ref(), Some(&all[250]));
    settle(&store, &slow, Seq(400), None);
    assert_eq!(round(&store, &[&fast, &slow], day(91)).entries, 50);
    assert_eq!(round(&store, &[&fast, &slow], day(141)).entries, 100);
    assert_eq!(store.entries(Seq::START, 9).unwrap(), []);
    assert_eq!(store.first_seq().unwrap(), Seq(401));

    store.close().unwrap();
    let store = open(folder.path());
    commit(&store, &known, day(141), 0..1);
    assert_eq!(store.entries(Seq::START, 9).unwrap()[0].seq, Seq(401));
}

#[test]
fn an_endpoint_that_is_disabled_or_not_configured_holds_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..10);
    commit(&store, &known, day(80), 0..10);
    let (gone, disabled) = (hook("gone"), hook("disabled"));
    settle(&store, &gone, Seq(1), None);
    let cursor = cursor(Seq(2), State::Disabled);
    put(&store, &disabled, cursor.clone(), None);

    assert_eq!(round(&store, &[&disabled], day(91)).entries, 10);

    // Its cursor is before the cut, and goes on with what is there.
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.cursor(&disabled).unwrap(), Some(cursor));
    assert_eq!(store.entries(Seq(2), 1).unwrap()[0].seq, Seq(11));
    // Brought back, it holds what is there, and no more can be held.
    settle(&store, &disabled, Seq(2), None);
    let space = store
        .space(&RETENTION, std::slice::from_ref(&disabled), day(200))
        .unwrap();
    let hold = Hold {
        endpoint: disabled.clone(),
        settled: Seq(2),
        since: day(80),
    };
    assert_eq!(space.hold, Some(hold));
    assert_eq!((space.first, space.last), (Seq(11), Seq(20)));
    assert_eq!((space.entries(), space.oldest), (10, Some(day(80))));
    assert_eq!(round(&store, &[&disabled], day(200)).entries, 0);
    settle(&store, &disabled, Seq(20), None);
    assert_eq!(round(&store, &[&disabled], day(200)).entries, 10);
    let space = store.space(&RETENTION, &[disabled], day(200)).unwrap();
    assert_eq!((space.entries(), space.hold, space.oldest), (0, None, None));
}

#[test]
fn what_a_row_names_stays_until_none_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..400);
    let all = store.entries(Seq::START, 1_000).unwrap();
    let (a, b) = (hook("a"), hook("bb"));
    // All of them: every entry of a write may have to be kept.
    for seq in 1..=200 {
        settle(&store, &a, Seq(400), Some(Seq(seq)));
    }
    for seq in [5, 250, 400] {
        settle(&store, &b, Seq(400), Some(Seq(seq)));
    }

    assert_eq!(round(&store, &[&a, &b], day(91)).entries, 400);

    let entry = |seq: u64| store.entry(Seq(seq)).unwrap();
    for seq in (1..=200).chain([250, 400]) {
        assert_eq!(
            entry(seq).as_ref(),
            all.get(usize::try_from(seq).unwrap() - 1)
        );
    }
    assert_eq!((entry(201), entry(399)), (None, None));
    assert_eq!(round(&store, &[&a, &b], day(91)), Done::default());
    // One of two rows goes, then the other.
    dismiss(&store, &a, Seq(5));
    assert_eq!(round(&store, &[&a, &b], day(91)).forgotten, 0);
    dismiss(&store, &b, Seq(5));
    dismiss(&store, &b, Seq(400));
    assert_eq!(round(&store, &[&a, &b], day(91)).forgotten, 2);
    assert_eq!((entry(5), entry(400)), (None, None));
    assert_eq!(entry(6).unwrap().seq, Seq(6));
}

#[test]
fn who_reads_while_the_journal_is_cut_meets_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..3_000);
    settle(&store, &hook("a"), Seq(3_000), Some(Seq(1_234)));
    let read = &|nth: u64| {
        let after = Seq(nth * 7 % 3_000);
        let page = store.entries(after, 40).unwrap();
        let dense = page
            .windows(2)
            .all(|pair| pair[0].seq.next() == pair[1].seq);
        assert!(dense && page.first().is_none_or(|first| first.seq > after));
        let entry = store.entry(Seq(1 + nth * 11 % 3_000)).unwrap();
        assert!(entry.is_none_or(|entry| entry.seq == Seq(1 + nth * 11 % 3_000)));
        assert_eq!(store.entry(Seq(1_234)).unwrap().unwrap().seq, Seq(1_234));
        store.space(&RETENTION, &[hook("a")], day(91)).unwrap();
    };

    let is_over = &AtomicBool::new(false);
    std::thread::scope(|scope| {
        for reader in 0..2 {
            scope.spawn(move || {
                for nth in 0.. {
                    read(nth * 2 + reader);
                    if is_over.load(Ordering::Relaxed) {
                        return;
                    }
                }
            });
        }
        assert_eq!(round(&store, &[&hook("a")], day(91)).entries, 3_000);
        is_over.store(true, Ordering::Relaxed);
    });
}

fn dismiss(store: &Store, endpoint: &EndpointName, seq: Seq) {
    store.dismiss(endpoint, &[Item::Entry(seq)]).unwrap();
}

fn run(store: &Store, tenant: &str, trigger: Trigger, outcome: Outcome, at: Timestamp) -> Run {
    let run = store
        .begin_run(NewRun {
            tenant_name: TenantName(tenant.to_owned()),
            tenant: None,
            trigger,
            mode: Mode::Commit,
            started_at: at,
        })
        .unwrap();
    let ended = Run {
        outcome,
        ended_at: Some(at),
        ..run
    };
    store.save_run(&ended).unwrap();
    ended
}

#[test]
fn runs_go_by_age_and_number_but_not_what_is_needed_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (schedule, audit) = (Trigger::Schedule, Trigger::Audit);
    let failed = || Outcome::Failed {
        code: "qlik.refused".to_owned(),
        message: "no".to_owned(),
    };
    let good = Outcome::Succeeded;
    let mut expected = Vec::new();
    // A tenant that fails since long ago: its last success stays, and what was since.
    run(&store, "stuck", schedule, good.clone(), day(0));
    expected.push(run(&store, "stuck", schedule, good.clone(), day(1)).id);
    expected.push(run(&store, "stuck", audit, good.clone(), day(2)).id);
    expected.push(run(&store, "stuck", schedule, failed(), day(3)).id);
    // One that is well.
    run(&store, "well", schedule, good.clone(), day(3));
    expected.push(run(&store, "well", schedule, good.clone(), day(100)).id);
    expected.push(run(&store, "well", audit, good.clone(), day(101)).id);
    // One with many runs since.
    expected.push(run(&store, "busy", schedule, good, day(100)).id);
    let many: Vec<_> = (0..503)
        .map(|_| run(&store, "busy", audit, failed(), day(100)).id)
        .collect();
    expected.extend(&many[3..]);

    let done = round(&store, &[], day(120));

    assert_eq!(done.runs, 5);
    let left: BTreeSet<_> = store
        .runs(None, 1_000)
        .unwrap()
        .iter()
        .map(|run| run.id)
        .collect();
    assert_eq!(left, expected.into_iter().collect());
    let next = run(&store, "busy", schedule, Outcome::Succeeded, day(120)).id;
    assert_eq!(next.0, many[502].0 + 1);
}

#[test]
fn a_compacted_store_holds_the_same_in_less_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..3_000);
    commit(&store, &known, day(100), 0..500);
    let large = support::change(Change::Created {
        after: record(Kind::User, 9_000, &"x".repeat(300_000)),
        replaces: None,
    });
    support::commit(&store, &known, vec![large]).unwrap();
    settle(&store, &hook("a"), store.last_seq(), Some(Seq(7)));
    assert_eq!(round(&store, &[], day(110)).entries, 3_000);
    let picture = |store: &Store| {
        (
            support::state(store, &known),
            store.entries(Seq::START, usize::MAX).unwrap(),
            store.entry(Seq(7)).unwrap(),
            store.cursor(&hook("a")).unwrap(),
            store.id(),
        )
    };
    let before = picture(&store);
    store.close().unwrap();

    let compacted = Store::compact(folder.path()).unwrap();

    assert!(compacted.after < compacted.before / 2, "{compacted:?}");
    assert!(compacted.live < compacted.after, "{compacted:?}");
    let mut names: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["current", "lock"]);
    let store = open(folder.path());
    assert_eq!(picture(&store), before);
    commit(&store, &known, day(120), 0..50);
    store.close().unwrap();
    let again = Store::compact(folder.path()).unwrap();
    assert!(again.rows >= compacted.rows);
}

#[test]
fn a_store_that_somebody_has_open_is_not_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.locked");
    adopt(&store, 1);
}

#[test]
fn a_damaged_store_is_not_compacted_and_stays_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).close().unwrap();
    fs::write(folder.path().join("current/damaged"), "a test").unwrap();

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.damaged");
    assert!(folder.path().join("current/damaged").exists());
}

#[test]
fn damage_that_a_copy_meets_ends_it_and_moves_the_store_aside_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let run = run(&store, "t", Trigger::Schedule, Outcome::Succeeded, day(0));
    store.close().unwrap();
    // An opening has no reason to look at it.
    tamper(folder.path(), |db| {
        let key = keys::run(run.id);
        let mut value = db.get(&key).unwrap().unwrap().to_vec();
        value[3] ^= 1;
        db.insert(key, value).unwrap();
    });

    let refused = Store::compact(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.damaged");
    assert!(!folder.path().join("compacting").exists());
    let opened = Store::open(folder.path()).unwrap();
    assert_eq!(opened.moved_aside, Some(folder.path().join("damaged-1")));
}

/// Every state that a process can leave which is stopped while it puts a copy in place.
#[test]
fn a_swap_that_was_stopped_anywhere_is_cleared_up() {
    let made = tempfile::tempdir().unwrap();
    let store = open(made.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..30);
    store.close().unwrap();
    let copied = |names: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            copy(&made.path().join("current"), &folder.path().join(name));
        }
        folder
    };
    let holds_all = |folder: &Path| {
        let store = open(folder);
        assert_eq!(store.last_seq(), Seq(30));
        support::state(&store, &known);
        store.close().unwrap();
        for name in ["compacting", "replaced", "discarded"] {
            assert!(!folder.join(name).exists(), "{name}");
        }
    };

    for names in [
        &["current", "compacting"][..],
        &["replaced", "compacting"],
        &["current", "replaced"],
        &["current", "discarded"],
        &["replaced", "discarded"],
    ] {
        holds_all(copied(names).path());
    }
    // The new one does not open: the old one is still there.
    let folder = copied(&["current", "replaced"]);
    fs::remove_file(folder.path().join("current/db")).unwrap();
    holds_all(folder.path());
    // A copy that is half there is not taken for anything.
    let folder = copied(&["current", "compacting"]);
    fs::remove_file(folder.path().join("compacting/db")).unwrap();
    holds_all(folder.path());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Entries are found, some days later.
    Found(u32, i64),
    /// An endpoint settles so many more, and gives up on those whose place divides by this.
    Settle(usize, u64, u64),
    /// An endpoint is disabled, or comes back.
    Toggle(usize),
    /// A parked event is dismissed.
    Dismiss(usize, usize),
    /// Some steps of a round are done.
    Upkeep(usize),
    /// The process is killed and comes back, after so many steps of a round.
    Reopen(usize),
    Compact,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..60_u32, 0..40_i64).prop_map(|(n, days)| Step::Found(n, days)),
        4 => (0..3_usize, 0..80_u64, 2..20_u64).prop_map(|(e, n, by)| Step::Settle(e, n, by)),
        1 => (0..3_usize).prop_map(Step::Toggle),
        2 => (0..3_usize, 0..30_usize).prop_map(|(e, n)| Step::Dismiss(e, n)),
        3 => (1..6_usize).prop_map(Step::Upkeep),
        1 => (0..3_usize).prop_map(Step::Reopen),
        1 => Just(Step::Compact),
    ]
}

/// What was promised.
#[derive(Default)]
struct Model {
    now: i64,
    cut: u64,
    entries: Vec<Entry>,
    cursors: BTreeMap<usize, (Seq, State)>,
    parked: BTreeSet<(usize, Seq)>,
}

/// The last of the three endpoints is not configured.
const NAMES: [&str; 3] = ["a", "bb", "gone"];

impl Model {
    /// Holds a store against the promise: what a cursor or a row may need reads, what is young
    /// too, and the rest is there or not, but never something else.
    fn verify(&mut self, store: &Store) {
        let cut = store.first_seq().unwrap().0 - 1;
        let holders = self.cursors.iter().filter(|(which, _)| **which < 2);
        let mut holders = holders.filter(|(_, (_, state))| *state == State::Enabled);
        assert!(cut == self.cut || holders.all(|(_, (settled, _))| settled.0 >= cut));
        self.cut = cut;
        let begins = usize::try_from(cut).unwrap();
        assert_eq!(
            store.entries(Seq::START, usize::MAX).unwrap(),
            self.entries[begins..]
        );
        for entry in &self.entries {
            let found = store.entry(entry.seq).unwrap();
            let is_young = entry.at >= day(self.now - 90);
            let is_named = self.parked.iter().any(|(_, seq)| *seq == entry.seq);
            assert!(found.is_some() || !(is_young || is_named), "{}", entry.seq);
            assert!(found.is_none_or(|found| found == *entry));
        }
        for (which, (settled, state)) in &self.cursors {
            let read = store.cursor(&hook(NAMES[*which])).unwrap();
            assert_eq!(read, Some(cursor(*settled, *state)));
        }
    }
}

fn upkeep(store: &Store, now: Timestamp, steps: usize) {
    let endpoints = vec![hook(NAMES[0]), hook(NAMES[1])];
    let mut round = Round::new(store.clone(), RETENTION, endpoints, now);
    for _ in 0..steps {
        let Some(step) = round.step() else { return };
        step.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_may_still_be_needed_reads(steps in prop::collection::vec(step(), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let known = adopt(&store, 1);
        let mut model = Model::default();

        for step in steps {
            let last = Seq(model.entries.len() as u64);
            match step {
                Step::Found(count, days) => {
                    model.now += days;
                    commit(&store, &known, day(model.now), 0..count);
                    model.entries.extend(store.entries(last, usize::MAX).unwrap());
                }
                Step::Settle(which, by, park) => {
                    let start = (Seq::START, State::Enabled);
                    let (settled, state) = model.cursors.entry(which).or_insert(start);
                    if *state == State::Disabled {
                        continue;
                    }
                    settle(&store, &hook(NAMES[which]), *settled, None);
                    // A cursor before the cut goes on with what is there.
                    let from = settled.0.max(store.first_seq().unwrap().0 - 1);
                    for seq in from + 1..=last.0.min(from + by) {
                        let parked = (seq % park == 0).then_some(Seq(seq));
                        model.parked.extend(parked.map(|seq| (which, seq)));
                        *settled = Seq(seq);
                        settle(&store, &hook(NAMES[which]), Seq(seq), parked);
                    }
                }
                Step::Toggle(which) => {
                    let start = (Seq::START, State::Enabled);
                    let (settled, state) = model.cursors.entry(which).or_insert(start);
                    *state = match state {
                        State::Enabled => State::Disabled,
                        State::Disabled => State::Enabled,
                    };
                    let cursor = cursor(*settled, *state);
                    put(&store, &hook(NAMES[which]), cursor, None);
                }
                Step::Dismiss(which, nth) => {
                    let of = model.parked.iter().filter(|(parked, _)| *parked == which);
                    let Some(row) = of.copied().nth(nth) else { continue };
                    model.parked.remove(&row);
                    dismiss(&store, &hook(NAMES[which]), row.1);
                }
                Step::Upkeep(steps) => upkeep(&store, day(model.now), steps),
                Step::Reopen(steps) => {
                    upkeep(&store, day(model.now), steps);
                    store.close().unwrap();
                    store = open(folder.path());
                }
                Step::Compact => {
                    store.close().unwrap();
                    Store::compact(folder.path()).unwrap();
                    store = open(folder.path());
                }
            }
            model.verify(&store);
        }

        upkeep(&store, day(model.now), usize::MAX);
        model.verify(&store);
    }
}
