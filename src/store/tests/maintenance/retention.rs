//! What is deleted after its time, and what stays.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::model::{
    EndpointName, KeptFor, Loss, Outcome, Run, Seq, TenantName, Timestamp, Trigger,
};
use crate::store::engine::writing::work::Work;
use crate::store::kept::delivery::{DeliveryChange, Progress};
use crate::store::kept::maintenance::pass::{Done, MaintenancePass};
use crate::store::kept::rights::USERS_IN_PART;
use crate::store::tests::lists;
use crate::store::tests::support::{adopt, open};
use crate::store::values::delivery::{Attempt, Cursor, Expansion, Item, Order};

use super::{
    RETENTION, State, begin, commit, cursor, day, defer, dismiss, hook, park, pass, put, run,
    settle,
};

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

    assert_eq!(pass(&store, &[&fast, &slow], day(89)).entries, 0);
    assert_eq!(pass(&store, &[&fast, &slow, &new], day(91)).entries, 250);
    assert_eq!(store.first_seq().unwrap(), Seq(251));
    // Asking for entries that were cut is not reported as damage.
    assert_eq!(store.entries(Seq(7), 1_000).unwrap(), all[250..]);
    assert_eq!(store.entry(Seq(250)).unwrap(), None);
    assert_eq!(store.entry(Seq(251)).unwrap().as_ref(), Some(&all[250]));
    settle(&store, &slow, Seq(400), None);
    assert_eq!(pass(&store, &[&fast, &slow], day(91)).entries, 50);
    assert_eq!(pass(&store, &[&fast, &slow], day(141)).entries, 100);
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

    assert_eq!(pass(&store, &[&disabled], day(91)).entries, 10);

    // Its cursor is before the cut, and continues with what is there.
    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.cursor(&disabled).unwrap(), Some(cursor));
    assert_eq!(store.entries(Seq(2), 1).unwrap()[0].seq, Seq(11));
    // Enabled again, it keeps what is still there from being deleted, and nothing else.
    settle(&store, &disabled, Seq(2), None);
    let usage = store
        .usage(&RETENTION, std::slice::from_ref(&disabled), day(200))
        .unwrap();
    let kept_for = KeptFor {
        endpoint: disabled.clone(),
        settled: Seq(2),
        since: day(80),
    };
    assert_eq!(usage.kept_for, Some(kept_for));
    assert_eq!((usage.first, usage.last), (Seq(11), Seq(20)));
    assert_eq!((usage.entries(), usage.oldest), (10, Some(day(80))));
    assert_eq!(pass(&store, &[&disabled], day(200)).entries, 0);
    settle(&store, &disabled, Seq(20), None);
    assert_eq!(pass(&store, &[&disabled], day(200)).entries, 10);
    let usage = store.usage(&RETENTION, &[disabled], day(200)).unwrap();
    assert_eq!(
        (usage.entries(), usage.kept_for, usage.oldest),
        (0, None, None)
    );
}

#[test]
fn what_a_row_names_stays_until_none_does() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..400);
    let all = store.entries(Seq::START, 1_000).unwrap();
    let (a, b) = (hook("a"), hook("bb"));
    // Park this many: a single write may have to keep every one of its entries.
    for seq in 1..=200 {
        settle(&store, &a, Seq(400), Some(park(Seq(seq))));
    }
    for seq in [5, 250, 400] {
        settle(&store, &b, Seq(400), Some(park(Seq(seq))));
    }

    assert_eq!(pass(&store, &[&a, &b], day(91)).entries, 400);

    let entry = |seq: u64| store.entry(Seq(seq)).unwrap();
    for seq in (1..=200).chain([250, 400]) {
        assert_eq!(
            entry(seq).as_ref(),
            all.get(usize::try_from(seq).unwrap() - 1)
        );
    }
    assert_eq!((entry(201), entry(399)), (None, None));
    assert_eq!(pass(&store, &[&a, &b], day(91)), Done::default());
    // Two rows name entry 5: first one is removed, then the other.
    dismiss(&store, &a, Seq(5));
    assert_eq!(pass(&store, &[&a, &b], day(91)).forgotten, 0);
    dismiss(&store, &b, Seq(5));
    dismiss(&store, &b, Seq(400));
    assert_eq!(pass(&store, &[&a, &b], day(91)).forgotten, 2);
    assert_eq!((entry(5), entry(400)), (None, None));
    assert_eq!(entry(6).unwrap().seq, Seq(6));
}

#[test]
fn a_kept_entry_that_a_row_has_come_to_name_since_the_look_stays() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..10);
    let hook = hook("a");
    settle(&store, &hook, Seq(10), Some(park(Seq(2))));
    settle(&store, &hook, Seq(10), Some(park(Seq(3))));
    pass(&store, &[&hook], day(91));
    // A pass finds that no row names the two, but before it writes, one is requested again.
    dismiss(&store, &hook, Seq(2));
    dismiss(&store, &hook, Seq(3));
    store.replay(&hook, &[Item::Entry(Seq(3))]).unwrap();

    let forget = Work::Forget(vec![Seq(2), Seq(3)]);
    store.engine.submit(forget).unwrap().wait().unwrap();

    let is_there = |seq| store.entry(Seq(seq)).unwrap().is_some();
    assert_eq!((is_there(2), is_there(3)), (false, true));
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn every_sort_of_row_keeps_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..10);
    let hook = hook("a");
    let item = |seq| Item::Entry(Seq(seq));
    settle(&store, &hook, Seq(10), Some(park(Seq(2))));
    settle(&store, &hook, Seq(10), Some(defer(Seq(3))));
    store.replay(&hook, &[item(4)]).unwrap();
    let left = || -> Vec<u64> {
        let entry = |seq: &u64| store.entry(Seq(*seq)).unwrap().is_some();
        (1..=10).filter(entry).collect()
    };

    assert_eq!(pass(&store, &[&hook], day(91)).entries, 10);
    assert_eq!(left(), [2, 3, 4]);

    for (gone, rest) in [
        (DeliveryChange::Unpark(item(2)), &[3, 4][..]),
        (DeliveryChange::Resume(item(3)), &[4]),
        (DeliveryChange::Replayed(item(4)), &[]),
    ] {
        settle(&store, &hook, Seq(10), Some(gone));
        assert_eq!(pass(&store, &[&hook], day(91)).forgotten, 1);
        assert_eq!(left(), rest);
    }
}

#[test]
fn a_list_is_kept_while_a_row_names_its_entry() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let (named, cut) = (lists::listed(&store, &known), lists::listed(&store, &known));
    let n_of_one = lists::n_rows(&store) / 2;
    let hook = hook("a");
    settle(&store, &hook, cut.0, Some(park(named.0)));

    assert_eq!(pass(&store, &[&hook], day(91)).entries, 2);
    assert_eq!(lists::n_rows(&store), n_of_one);
    assert!(!store.listed(known.no, named, 0).unwrap().is_empty());
    assert_eq!(store.check().unwrap().faults, []);

    let gone = DeliveryChange::Unpark(Item::Entry(named.0));
    settle(&store, &hook, cut.0, Some(gone));
    assert_eq!(pass(&store, &[&hook], day(91)).forgotten, 1);
    assert_eq!(lists::n_rows(&store), 0);
}

#[test]
fn a_list_is_kept_as_long_as_its_entry_and_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let lists = [(); 3].map(|()| lists::listed(&store, &known));
    let n_of_one = lists::n_rows(&store) / lists.len();
    let [_, sent, last] = lists;
    // The second one is being sent, user by user.
    let hook = hook("a");
    let expanding = Cursor {
        expansion: Some(Expansion {
            entry: sent.0,
            settled: Some(3),
            beyond: [5].into(),
        }),
        ..cursor(last.0, State::Enabled)
    };
    put(&store, &hook, expanding, None);
    let left = || -> Vec<bool> {
        let lists = lists.iter();
        let left = lists.map(|list| {
            let is_there = store.entry(list.0).unwrap().is_some();
            let users = store.listed(known.no, *list, 0).unwrap();
            let others = store.listed(known.no, *list, USERS_IN_PART as u64).unwrap();
            assert!(!is_there || users.len() == USERS_IN_PART && !others.is_empty());
            is_there
        });
        left.collect()
    };

    for (now, endpoints, entries, expected) in [
        (day(89), &[][..], 0, [true, true, true]),
        // However old it is, it is kept while it is sent, and what comes later with it.
        (day(400), &[&hook][..], 1, [false, true, true]),
        // Nobody needs it any more.
        (day(400), &[][..], 2, [false, false, false]),
    ] {
        let endpoints = endpoints.iter().map(|name| (*name).clone()).collect();
        let mut pass = MaintenancePass::new(store.clone(), RETENTION, endpoints, now);
        while let Some(step) = pass.step() {
            step.unwrap();
            left();
        }
        assert_eq!((pass.done().entries, left()), (entries, expected.into()));
        let n_left = expected.iter().filter(|is_there| **is_there).count();
        assert_eq!(lists::n_rows(&store), n_left * n_of_one);
    }
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn a_pass_that_is_broken_off_leaves_no_list_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let list = lists::listed(&store, &known);
    let mut pass = MaintenancePass::new(store.clone(), RETENTION, Vec::new(), day(91));
    while store.entry(list.0).unwrap().is_some() {
        pass.step().unwrap().unwrap();
    }
    assert!(lists::n_rows(&store) > 0, "the entry goes first");
    drop(pass);

    super::pass(&store, &[], day(91));

    assert_eq!(lists::n_rows(&store), 0);
}

#[test]
fn an_order_that_is_not_taken_up_counts_as_done() {
    const NEVER: u64 = u64::MAX;
    let (enabled, disabled) = (State::Enabled, State::Disabled);
    let at = day(90);
    let rewind = Order::Rewind { to: Seq(3) };
    let backfill = Order::Backfill { at, mark: Seq(10) };
    let cases: [(State, u64, &[Order], u64); 8] = [
        (enabled, 10, std::slice::from_ref(&rewind), 3),
        (enabled, 6, &[Order::Disable { at }], 10),
        (enabled, 6, &[Order::Disable { at }, Order::Enable], 6),
        (disabled, 6, &[Order::Enable], 6),
        (disabled, 6, &[rewind.clone(), Order::Enable], 3),
        (enabled, 6, &[backfill], 6),
        // Nothing was delivered to it yet: it begins after the last entry.
        (enabled, NEVER, &[], 10),
        (enabled, NEVER, std::slice::from_ref(&rewind), 3),
    ];
    for (state, settled, orders, goes) in cases {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let known = adopt(&store, 1);
        commit(&store, &known, day(0), 0..10);
        if settled != NEVER {
            put(&store, &hook("a"), cursor(Seq(settled), state), None);
        }
        for order in orders {
            store.order(&hook("a"), order).unwrap();
        }

        let done = pass(&store, &[&hook("a")], day(91));

        assert_eq!(done.entries, goes, "{orders:?} at {settled}");
    }
}

#[test]
fn who_reads_while_the_journal_is_cut_meets_no_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..3_000);
    settle(&store, &hook("a"), Seq(3_000), Some(park(Seq(1_234))));
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
        store.usage(&RETENTION, &[hook("a")], day(91)).unwrap();
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
        assert_eq!(pass(&store, &[&hook("a")], day(91)).entries, 3_000);
        is_over.store(true, Ordering::Relaxed);
    });
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
    // A tenant that has failed for a long time: its last success stays, and all runs since.
    run(&store, "stuck", schedule, good.clone(), day(0));
    expected.push(run(&store, "stuck", schedule, good.clone(), day(1)).id);
    expected.push(run(&store, "stuck", audit, good.clone(), day(2)).id);
    expected.push(run(&store, "stuck", schedule, failed(), day(3)).id);
    // A tenant that is well.
    run(&store, "well", schedule, good.clone(), day(3));
    expected.push(run(&store, "well", schedule, good.clone(), day(100)).id);
    expected.push(run(&store, "well", audit, good.clone(), day(101)).id);
    // A tenant with many runs since.
    expected.push(run(&store, "busy", schedule, good, day(100)).id);
    let many: Vec<_> = (0..503)
        .map(|_| run(&store, "busy", audit, failed(), day(100)).id)
        .collect();
    expected.extend(&many[3..]);

    let done = pass(&store, &[], day(120));

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
fn a_run_that_goes_on_stays_however_old_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (schedule, good) = (Trigger::Schedule, Outcome::Succeeded);
    let going_on = begin(&store, "t", schedule, day(0)).id;
    run(&store, "t", schedule, good.clone(), day(1));
    let last = run(&store, "t", schedule, good, day(100)).id;

    let done = pass(&store, &[], day(200));

    assert_eq!(done.runs, 1);
    let left = store.runs(None, 9).unwrap();
    let left: Vec<_> = left.iter().map(|run| run.id).collect();
    assert_eq!(left, [last, going_on]);
    let ended = store.close_interrupted_runs(day(200)).unwrap();
    assert_eq!(ended.first().map(|run| run.id), Some(going_on));
    assert_eq!(store.check().unwrap().faults, []);
}

fn attempt(at: Timestamp) -> Attempt {
    Attempt {
        item: Item::Entry(Seq(1)),
        event_type: "user.created".into(),
        number: 1,
        at,
        took_ms: 1,
        status: Some(500),
        answer: "what a receiver says".into(),
        error: None,
    }
}

#[test]
fn attempts_of_who_gets_nothing_go_after_a_week() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (idle, busy, gone) = (hook("idle"), hook("busy"), hook("gone"));
    let tried = |endpoint: &EndpointName, log: &mut _, at: &[Timestamp]| {
        let attempts: Vec<_> = at.iter().copied().map(attempt).collect();
        let n = attempts.len() as u64;
        let progress = Progress {
            attempts,
            ..Progress::of(cursor(Seq::START, State::Enabled))
        };
        store.save_progress(endpoint, log, progress).unwrap();
        n
    };
    let mut logs: Vec<_> = [&idle, &busy, &gone]
        .map(|endpoint| (endpoint, store.attempt_log(endpoint).unwrap()))
        .into();
    for (endpoint, log) in &mut logs {
        for at in 0..100 {
            tried(
                endpoint,
                log,
                &[day(0), day(0).plus(std::time::Duration::from_secs(at))],
            );
        }
    }
    tried(&busy, &mut logs[1].1, &[day(2)]);
    // The row ends with a young attempt.
    tried(&busy, &mut logs[1].1, &[day(2), day(4)]);
    let count = |endpoint| store.attempts(endpoint, 1_000, |_| true).unwrap().len();

    assert_eq!(pass(&store, &[&idle, &busy], day(7)).attempts, 0);
    assert_eq!(pass(&store, &[&idle, &busy], day(10)).attempts, 301);

    assert_eq!((count(&idle), count(&busy), count(&gone)), (0, 2, 0));
    // The writer still counts them, and continues.
    for (endpoint, log) in &mut logs {
        let progress = Progress {
            attempts: vec![attempt(day(10))],
            keep: 3,
            ..Progress::of(cursor(Seq::START, State::Enabled))
        };
        store.save_progress(endpoint, log, progress).unwrap();
    }
    assert_eq!((count(&idle), count(&busy), count(&gone)), (1, 3, 1));
}

#[test]
fn an_endpoint_that_stays_out_of_the_configuration_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    commit(&store, &known, day(0), 0..300);
    let (here, gone) = (hook("here"), hook("gone"));
    for endpoint in [&here, &gone] {
        for seq in 1..=100 {
            settle(&store, endpoint, Seq(300), Some(park(Seq(seq))));
        }
        settle(&store, endpoint, Seq(300), Some(defer(Seq(101))));
        store.replay(endpoint, &[Item::Entry(Seq(102))]).unwrap();
        store.order(endpoint, &Order::Enable).unwrap();
    }
    let is_there = |endpoint| {
        let rows = store.parked(endpoint, None, 9).unwrap().len()
            + store.deferred(endpoint).unwrap().len()
            + store.replays(endpoint, None, 9).unwrap().len()
            + store.orders(endpoint).unwrap().len();
        (store.cursor(endpoint).unwrap().is_some(), rows)
    };

    // The endpoint is missing once by mistake, for less than the keep time.
    assert_eq!(pass(&store, &[&here], day(100)).endpoints, 0);
    assert_eq!(pass(&store, &[&here], day(189)).endpoints, 0);
    assert_eq!(pass(&store, &[&here, &gone], day(189)).endpoints, 0);
    assert_eq!(pass(&store, &[&here], day(191)).endpoints, 0);
    assert_eq!(pass(&store, &[&here], day(280)).endpoints, 0);
    assert_eq!(is_there(&gone), (true, 12));
    assert_eq!(pass(&store, &[&here], day(282)).endpoints, 1);

    assert_eq!(is_there(&gone), (false, 0));
    assert_eq!(is_there(&here), (true, 12));
    assert_eq!(pass(&store, &[&here], day(400)).endpoints, 0);
    // An entry that only this endpoint named is deleted, too.
    store.dismiss(&here, &[Item::Entry(Seq(1))]).unwrap();
    assert_eq!(pass(&store, &[&here], day(400)).forgotten, 1);
    assert_eq!(pass(&store, &[], day(400)).endpoints, 0);
    assert_eq!(pass(&store, &[], day(491)).endpoints, 1);
    assert_eq!(pass(&store, &[], day(491)).forgotten, 101);
}

#[test]
fn a_clock_that_was_ahead_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let ahead = |now| store.usage(&RETENTION, &[], now).unwrap().ahead;
    assert_eq!(ahead(day(0)), None);
    commit(&store, &known, day(500), 0..1);
    commit(&store, &known, day(0), 1..2);

    for (now, expected) in [
        (day(0), Some(day(500))),
        (day(498), Some(day(500))),
        (day(499), None),
        (day(600), None),
    ] {
        assert_eq!(ahead(now), expected, "{now}");
    }
}

#[test]
fn what_was_lost_since_the_last_sweep_outlives_the_runs_that_lost_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let name = TenantName("t".to_owned());
    let sweep = |at| {
        let ended = run(&store, "t", Trigger::Schedule, Outcome::Succeeded, at);
        let population = [(Loss::Users, 2_000)].into();
        let swept = Run {
            population,
            ..ended
        };
        store.save_run(&swept).unwrap();
        swept
    };
    let lose = |lost: u64| {
        let ended = run(&store, "t", Trigger::Audit, Outcome::Succeeded, day(1));
        let losing = Run {
            lost: [(Loss::Users, lost)].into(),
            ..ended
        };
        // Saved twice, counted once.
        store.save_run(&losing).unwrap();
        store.save_run(&losing).unwrap();
    };
    assert_eq!(store.since_sweep(&name).unwrap().sweep, None);
    let first = sweep(day(0));
    for _ in 0..700 {
        lose(1);
    }

    let gone = pass(&store, &[], day(2)).runs;

    assert_eq!(gone, 200, "500 of them are kept, and the sweep");
    let since = store.since_sweep(&name).unwrap();
    assert_eq!(since.sweep, Some(first));
    assert_eq!(since.lost, [(Loss::Users, 700)].into());
    assert_eq!(store.check().unwrap().faults, []);
    let second = sweep(day(3));
    let since = store.since_sweep(&name).unwrap();
    assert_eq!((since.sweep, since.lost.len()), (Some(second), 0));
}

#[test]
fn an_older_sweep_that_is_saved_again_is_not_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let good = Outcome::Succeeded;
    let older = run(&store, "t", Trigger::Schedule, good.clone(), day(0));
    let newer = run(&store, "t", Trigger::Schedule, good.clone(), day(1));
    let losing = Run {
        lost: [(Loss::Users, 3)].into(),
        ..run(&store, "t", Trigger::Audit, good, day(2))
    };
    store.save_run(&losing).unwrap();

    store.save_run(&older).unwrap();
    store.save_run(&newer).unwrap();

    let since = store.since_sweep(&losing.tenant_name).unwrap();
    assert_eq!((since.sweep, since.lost), (Some(newer), losing.lost));
    assert_eq!(store.check().unwrap().faults, []);
}
