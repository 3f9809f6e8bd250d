//! What each part of the store's public interface promises.

use std::ops::ControlFlow;

use crate::model::{
    Account, Change, EndpointName, Fact, Kind, Mode, Outcome, Record, Run, Seq, TenantName,
    Timestamp, Trigger, Version,
};
use crate::store::engine::files::{Folder, mark};
use crate::store::engine::rows::block::Block;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::kept::delivery::{DeliveryChange, Progress};
use crate::store::kept::runs::NewRun;
use crate::store::layout::keys;
use crate::store::values::commit::{Closing, Commit, MAX_QUIET, MAX_WRITES, Write};
use crate::store::values::delivery::{Cursor, Item, Parked};
use crate::store::values::plan::PlanHead;

use super::support::{self, account, adopt, open, record};

fn empty_store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    (folder, store)
}

#[test]
fn a_tenant_keeps_its_number_under_another_name() {
    let (folder, store) = empty_store();
    let first = adopt(&store, 1);
    let second = adopt(&store, 2);

    let renamed = store
        .adopt(
            &support::tenant(1),
            &TenantName("new".into()),
            Timestamp::from_millis(9),
        )
        .unwrap();

    assert_eq!(renamed.no, first.no);
    assert_ne!(second.no, first.no);
    assert_eq!(renamed.adopted_at, first.adopted_at);
    store.close().unwrap();
    assert_eq!(open(folder.path()).tenants().unwrap(), [renamed, second]);
}

#[test]
fn the_first_load_leaves_state_and_one_mark() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let users = (0..3)
        .map(|n| support::quiet(record(Kind::User, n, "u")))
        .collect();

    let mark = Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 3,
    };
    let last = support::closing(&store, &tenant, users, mark).unwrap();

    assert_eq!(last, 1);
    assert_eq!(store.last_seq(), Seq(1));
    let entry = store.entry(Seq(1)).unwrap().unwrap();
    assert_eq!(
        entry.fact,
        Fact::Loaded {
            roles: 0,
            groups: 0,
            users: 3
        }
    );
    assert_eq!(store.tenants().unwrap()[0].loaded, Some(Seq(1)));
    assert_eq!(adopt(&store, 1).loaded, Some(Seq(1)));
    let kept = store.list(tenant.no, Kind::User, None, 9).unwrap();
    assert!(kept.iter().all(|kept| kept.version == Version::START));
}

#[test]
fn a_walk_shows_each_record_once_over_all_pages_until_it_is_told_to_stop() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let users: Vec<_> = (0..600).map(|n| record(Kind::User, n, "u")).collect();
    for chunk in users.chunks(MAX_QUIET) {
        let writes = chunk.iter().cloned().map(support::quiet).collect();
        support::commit(&store, &tenant, writes).unwrap();
    }
    let mut all: Vec<_> = users.iter().map(|user| user.id().clone()).collect();
    all.sort();

    for enough in [1, 256, 257, 512, 600, 601] {
        let mut shown = Vec::new();
        let look = &mut |record: &Record| {
            shown.push(record.id().clone());
            match shown.len() == enough {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        store.walk(tenant.no, Kind::User, look).unwrap();

        assert_eq!(shown, all[..enough.min(600)], "{enough}");
    }
}

#[test]
fn a_quiet_write_keeps_the_version_of_what_was_there() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let user = record(Kind::User, 1, "before");
    support::commit(&store, &tenant, vec![support::created(user.clone())]).unwrap();

    support::commit(&store, &tenant, vec![support::quiet(user.clone())]).unwrap();

    let kept = store.get(tenant.no, &user.to_ref()).unwrap().unwrap();
    let version = store.entry(Seq(1)).unwrap().unwrap().version();
    assert_eq!((kept.version, kept.record), (version, user));
}

#[test]
fn an_entry_is_never_earlier_than_the_one_before() {
    let (folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let at = |millis, number| Commit {
        tenant: tenant.no,
        run: crate::model::RunId(1),
        at: Timestamp::from_millis(millis),
        account: account(),
        writes: vec![support::created(record(Kind::User, number, "x"))],
        closing: Closing::Nothing,
    };
    store.commit(at(5_000, 1)).unwrap();
    store.commit(at(4_000, 2)).unwrap();
    store.close().unwrap();
    let store = open(folder.path());
    store.commit(at(3_000, 3)).unwrap();

    let entries = store.entries(Seq::START, 9).unwrap();
    let times: Vec<_> = entries.iter().map(|entry| entry.at.millis()).collect();

    assert_eq!(times, [5_000, 5_000, 5_000]);
}

#[test]
fn entries_that_are_read_together_each_say_where_they_come_from() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let origins = [
        (1, "a"),
        (1, "a"),
        (1, "ab"),
        (129, "ab"),
        (1, "a"),
        (2, ""),
    ];
    for (number, (run, name)) in (1..).zip(origins) {
        let commit = Commit {
            tenant: tenant.no,
            run: crate::model::RunId(run),
            at: Timestamp::from_millis(1),
            account: Account {
                name: name.to_owned(),
                ..account()
            },
            writes: vec![support::created(record(Kind::User, number, "x"))],
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
        let told = Fact::EndpointDisabled {
            endpoint: EndpointName("siem".into()),
            reason: "x".into(),
            failing_since: None,
        };
        let progress = Progress {
            fact: Some((Timestamp::from_millis(1), told)),
            ..Progress::of(Cursor::default())
        };
        let name = EndpointName("siem".into());
        let mut log = store.attempt_log(&name).unwrap();
        store.save_progress(&name, &mut log, progress).unwrap();
    }

    let together = store.entries(Seq::START, 99).unwrap();

    let met = together.iter().filter_map(|entry| {
        let run = entry.run()?.0;
        Some((run, entry.account()?.name.as_str()))
    });
    assert_eq!(met.collect::<Vec<_>>(), origins);
    let one_by_one = together.iter().map(|entry| store.entry(entry.seq).unwrap());
    let one_by_one: Vec<_> = one_by_one.map(Option::unwrap).collect();
    assert_eq!(together, one_by_one);
    assert_eq!(together.len(), 2 * origins.len());
}

#[test]
fn what_no_batch_may_hold_is_refused_and_the_limits_fit() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let max = u32::try_from(MAX_WRITES).unwrap();
    let changes = |count: u32| -> Vec<Write> {
        (0..count)
            .map(|n| support::created(record(Kind::User, n * 999, "x")))
            .collect()
    };
    let quiet = |count: u32| -> Vec<Write> {
        (0..count)
            .map(|n| support::quiet(record(Kind::Group, n * 999, "x")))
            .collect()
    };

    let last = support::commit(&store, &tenant, changes(max)).unwrap();
    assert_eq!(last, MAX_WRITES as u64);
    let last = support::commit(&store, &tenant, quiet(u32::try_from(MAX_QUIET).unwrap())).unwrap();
    assert_eq!(last, MAX_WRITES as u64);
    let refused = support::commit(&store, &tenant, changes(max + 1)).unwrap_err();
    assert_eq!(
        (refused.code(), refused.is_fatal()),
        ("store.too-large", false)
    );
    support::commit(&store, &tenant, quiet(1)).unwrap();
}

#[test]
fn commits_submitted_together_are_all_there_in_order() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let tickets: Vec<_> = (0..200)
        .map(|number| {
            let commit = Commit {
                tenant: tenant.no,
                run: crate::model::RunId(1),
                at: Timestamp::from_millis(1),
                account: account(),
                writes: vec![support::created(record(Kind::User, number, "x"))],
                closing: Closing::Nothing,
            };
            let ticket = store.submit(commit).unwrap();
            // The queue is bounded; a commit happens even if nobody waits for it.
            (number, ticket)
        })
        .collect();

    for (number, ticket) in tickets {
        assert_eq!(ticket.wait().unwrap().last, Seq(u64::from(number) + 1));
    }
    assert_eq!(store.last_seq(), Seq(200));
}

#[test]
fn a_plan_is_gone_after_its_last_row() {
    let (folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let rows: Vec<Write> = (0..250)
        .map(|n| support::created(record(Kind::User, n, "planned")))
        .collect();
    store.stage(tenant.no, 0, &rows[..100]).unwrap();
    store.stage(tenant.no, 0, &rows[..60]).unwrap();
    store.stage(tenant.no, 60, &rows[60..]).unwrap();
    assert_eq!(
        store.plan(tenant.no).unwrap(),
        None,
        "nothing counts before the seal"
    );
    let head = PlanHead {
        run: crate::model::RunId(4),
        at: Timestamp::from_millis(1),
        account: account(),
        rows_total: 250,
    };
    store.seal_plan(tenant.no, &head).unwrap();

    let mut store = store;
    let mut committed = 0;
    while let Some(plan) = store.plan(tenant.no).unwrap() {
        assert_eq!((&plan.head, plan.rows_done as usize), (&head, committed));
        let writes = store.plan_rows_from(tenant.no, 0, MAX_WRITES).unwrap();
        let count = writes.len();
        assert_eq!(writes, rows[committed..committed + count]);
        let progress = Closing::PlanRows(u32::try_from(count).unwrap());
        support::closing(&store, &tenant, writes, progress).unwrap();
        committed += count;
        store.close().unwrap();
        store = open(folder.path());
    }

    assert_eq!(store.plan_rows_from(tenant.no, 0, 1).unwrap(), []);
    assert_eq!(support::state(&store, &tenant).len(), 250);
    assert_eq!(store.last_seq(), Seq(250));
}

#[test]
fn a_plan_that_is_not_there_cannot_be_sealed_or_gone_on_with() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let head = PlanHead {
        run: crate::model::RunId(4),
        at: Timestamp::from_millis(1),
        account: account(),
        rows_total: 2,
    };
    store
        .stage(
            tenant.no,
            0,
            &[support::created(record(Kind::User, 1, "x"))],
        )
        .unwrap();

    let sealed = store.seal_plan(tenant.no, &head).unwrap_err();
    let gone_on = support::closing(&store, &tenant, vec![], Closing::PlanRows(1)).unwrap_err();

    assert_eq!(sealed.code(), "store.no-such-plan");
    assert_eq!(gone_on.code(), "store.no-such-plan");
    support::commit(&store, &tenant, vec![]).expect("a refusal is not the end of the store");
}

#[test]
fn cursor_and_parked_event_move_together() {
    let (folder, store) = empty_store();
    let (hr, h) = (EndpointName("hr".into()), EndpointName("h".into()));
    let tenant = adopt(&store, 1);
    for number in 0..3 {
        let user = record(Kind::User, number, "x");
        support::commit(&store, &tenant, vec![support::created(user)]).unwrap();
    }
    let parked = Parked {
        item: Item::Entry(Seq(3)),
        reason: "404".into(),
        at: Timestamp::from_millis(5),
        attempts: 9,
    };
    let cursor = Cursor {
        settled: Seq(3),
        ahead: [Seq(5), Seq(6)].into(),
        ..Cursor::default()
    };
    assert_eq!(store.cursor(&hr).unwrap(), None);

    let progress = Progress {
        changes: vec![DeliveryChange::Park(parked.clone())],
        ..Progress::of(cursor.clone())
    };
    let mut log = store.attempt_log(&hr).unwrap();
    store.save_progress(&hr, &mut log, progress).unwrap();

    store.close().unwrap();
    let store = open(folder.path());
    assert_eq!(store.cursor(&hr).unwrap(), Some(cursor));
    assert_eq!(store.parked(&hr, None, 9).unwrap(), [parked]);
    assert_eq!(store.cursor(&h).unwrap(), None);
    assert_eq!(store.parked(&h, None, 9).unwrap(), []);
}

#[test]
fn runs_are_numbered_and_the_interrupted_ones_end() {
    let (folder, store) = empty_store();
    let new = |name: &str| NewRun {
        tenant_name: TenantName(name.into()),
        tenant: None,
        trigger: Trigger::Start,
        mode: Mode::Commit,
        started_at: Timestamp::from_millis(1),
    };
    let mut first = store.begin_run(new("a")).unwrap();
    let second = store.begin_run(new("b")).unwrap();
    first.outcome = Outcome::Succeeded;
    store.save_run(&first).unwrap();
    store.close().unwrap();
    let store = open(folder.path());

    let ended = store
        .close_interrupted_runs(Timestamp::from_millis(8))
        .unwrap();

    assert_eq!(ended.len(), 1);
    assert_eq!(ended[0].id, second.id);
    assert_eq!(
        store.run(second.id).unwrap().unwrap().outcome,
        Outcome::Interrupted
    );
    let third = store.begin_run(new("a")).unwrap();
    assert_eq!(third.id.0, 3);
    let of_a = store.runs(Some(&TenantName("a".into())), 9).unwrap();
    assert_eq!(of_a, [third.clone(), first.clone()]);
    assert_eq!(store.runs(None, 1).unwrap(), std::slice::from_ref(&third));
    let back = |tenant: Option<&str>, before: &Run| {
        let tenant = tenant.map(|name| TenantName(name.into()));
        let runs = store.runs_before(tenant.as_ref(), Some(before.id), 9);
        runs.unwrap().iter().map(|run| run.id.0).collect::<Vec<_>>()
    };
    assert_eq!(back(None, &third), [2, 1]);
    assert_eq!(back(Some("a"), &third), [1]);
    assert_eq!(back(Some("b"), &first), Vec::<u64>::new());
}

#[test]
fn large_bodies_survive_a_reopening() {
    let (folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let mut random = fastrand::Rng::with_seed(7);
    let noise: String = std::iter::repeat_with(|| random.alphanumeric())
        .take(400_000)
        .collect();
    let user = record(Kind::User, 1, &noise);
    let before = record(Kind::User, 1, "small");
    support::commit(&store, &tenant, vec![support::created(before.clone())]).unwrap();
    let update = Change::Updated {
        before,
        after: user.clone(),
    };

    support::commit(&store, &tenant, vec![support::change(update)]).unwrap();

    assert!(
        std::fs::read_dir(folder.path().join("current/blobs"))
            .unwrap()
            .next()
            .is_some()
    );
    store.close().unwrap();
    let store = open(folder.path());
    let kept = store.get(tenant.no, &user.to_ref()).unwrap().unwrap();
    assert_eq!(kept.record, user);
}

#[test]
fn blocks_are_divided_as_they_grow_in_whatever_order_records_come() {
    let (_folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    let mut random = fastrand::Rng::with_seed(7);
    let mut numbers: Vec<u32> = (0..570).collect();
    random.shuffle(&mut numbers);
    for numbers in numbers.chunks(MAX_QUIET) {
        let writes = numbers.iter().map(|number| {
            let noise: String = std::iter::repeat_with(|| random.alphanumeric())
                .take(900)
                .collect();
            support::quiet(record(Kind::User, *number, &noise))
        });
        support::commit(&store, &tenant, writes.collect()).unwrap();
    }

    let blocks = store.engine.lend_database("reading blocks", |db| {
        scan::prefix(db, &keys::state_prefix(tenant.no, Kind::User))
            .map(|row| row.and_then(|(key, value)| Block::read(&key, &value)))
            .collect::<Result<Vec<_>, _>>()
    });
    let blocks = blocks.unwrap();

    assert!(blocks.iter().all(|block| block.pieces() == 1));
    assert!((70..200).contains(&blocks.len()), "{} blocks", blocks.len());
    assert_eq!(support::state(&store, &tenant).len(), 570);
}

#[test]
fn a_closed_store_says_so_and_another_opens_at_once() {
    let (folder, store) = empty_store();
    for _ in 0..5 {
        let store = {
            let clone = store.clone();
            drop(clone);
            store.close().unwrap();
            open(folder.path())
        };
        let tenant = adopt(&store, 1);
        support::commit(&store, &tenant, vec![]).unwrap();
        store.close().unwrap();
        assert!(matches!(
            support::commit(&store, &tenant, vec![]),
            Err(StoreError::Closed)
        ));
        assert!(matches!(store.tenants(), Err(StoreError::Closed)));
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_look() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/by/us");
    let _store = open(&path);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;

    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&path.join("current")), 0o700);
    for file in ["lock", "current/db", "current/conf", "current/high-water"] {
        assert_eq!(mode(&path.join(file)), 0o600, "{file}");
    }
}

#[test]
fn async_callers_wait_without_blocking() {
    let (_folder, store) = empty_store();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();

    let tenants = runtime.block_on(store.offload(|store| {
        adopt(store, 1);
        store.tenants()
    }));

    assert_eq!(tenants.unwrap().len(), 1);
}

#[test]
fn what_is_shown_of_the_journal_is_on_disk() {
    const COMMITS: u32 = 400;
    let (folder, store) = empty_store();
    let tenant = adopt(&store, 1);
    // This file is written when a commit is synced.
    let mark = Folder::new(folder.path()).high_water();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut shown = Seq::START;
            while shown < Seq(COMMITS.into()) {
                let entries = store.entries(shown, 10).unwrap();
                let Some(last) = entries.last() else { continue };
                shown = last.seq;
                let synced = mark::read(&mark).unwrap().unwrap();
                assert!(
                    shown <= synced.last,
                    "{shown} shows, {} is there",
                    synced.last
                );
            }
        });
        for n in 0..COMMITS {
            let write = support::created(record(Kind::User, n, "u"));
            support::commit(&store, &tenant, vec![write]).unwrap();
        }
        reader.join().unwrap();
    });
}
