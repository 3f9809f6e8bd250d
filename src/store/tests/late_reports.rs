//! What the audit log reports after a change was found: which entries the report may concern, and
//! how long it is kept.

use std::time::Duration;

use crate::clock::Clock;
use crate::model::{
    Change, Entry, Kind, Record, RecordRef, Reported, RunId, Seq, Timestamp, UserId,
};
use crate::store::handle::Store;
use crate::store::kept::tenants::Known;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, keys, v9};
use crate::store::values::commit::{Closing, Commit, Write};
use crate::store::{MaintenancePass, Retention};

use super::salvage::salvaged;
use super::support::{self, account, adopt, fingerprint, in_hex, open, raw};

const MINUTE: i64 = 60_000;

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + minutes * MINUTE)
}

fn actor(number: u32) -> UserId {
    UserId(support::id(Kind::User, number))
}

fn report(minutes: i64, by: &[u32]) -> Reported {
    Reported {
        first: at(minutes),
        last: at(minutes),
        by: Some(by.iter().copied().map(actor).collect()),
    }
}

/// Returns user 1, who was last changed at this time by the source's clock.
fn user(name: &str, updated: Option<i64>) -> Record {
    match support::record(Kind::User, 1, name) {
        Record::User(mut user) => {
            user.updated_at = updated.map(at);
            Record::User(user)
        }
        other => other,
    }
}

/// Writes an entry about a change that is found at this time.
fn entry(
    store: &Store,
    known: &Known,
    found: i64,
    sides: (Record, Record),
    reported: Option<Reported>,
) -> Seq {
    let (before, after) = sides;
    let write = Write::Change {
        fingerprint: fingerprint(&after),
        raw: raw(&after),
        change: Change::Updated { before, after },
        reported,
    };
    let commit = Commit {
        tenant: known.no,
        run: RunId(1),
        at: at(found),
        account: account(),
        writes: vec![write],
        closing: Closing::Nothing,
    };
    store.commit(commit).unwrap().last
}

fn named() -> RecordRef {
    user("", None).to_ref()
}

/// Returns what is reported about each entry, including late reports.
fn reported(store: &Store) -> Vec<Option<Reported>> {
    let mut entries = store.entries(Seq::START, 100).unwrap();
    let each = entries.clone().into_iter().map(|mut entry: Entry| {
        store.add_late_report(&mut entry).unwrap();
        entry.reported
    });
    let each: Vec<_> = each.collect();
    store.add_late_reports(&mut entries).unwrap();
    let all: Vec<_> = entries.into_iter().map(|entry| entry.reported).collect();
    assert_eq!(all, each);
    all
}

fn n_rows(store: &Store) -> usize {
    let prefix = [Keyspace::LateReport as u8];
    let counted = store
        .engine
        .read("counting rows", |reader| Ok(reader.prefix(&prefix).count()));
    counted.unwrap()
}

#[test]
fn a_late_event_concerns_the_changes_that_it_may_have_caused() {
    let by_none = Reported {
        by: None,
        ..report(9, &[])
    };
    // The change was found at minute 20. By the source's clock, it happened at minute 10, and the
    // change before it at minute 5.
    for (event, expected) in [
        (report(9, &[7]), Some(report(9, &[7]))),
        (report(10, &[7]), Some(report(10, &[7]))),
        // The event happened after the change that was found.
        (report(11, &[7]), None),
        // The event reports an earlier change, which was known already.
        (report(4, &[7]), None),
        // The event does not say who caused it.
        (by_none.clone(), Some(by_none)),
        // The entry has this report already.
        (report(8, &[3]), None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        let known = adopt(&store, 1);
        let sides = || (user("old", Some(5)), user("new", Some(10)));
        entry(&store, &known, 20, sides(), Some(report(8, &[3])));
        entry(&store, &known, 20, sides(), None);

        for _ in 0..2 {
            store
                .note_late_reports(&known.tenant.id, &[(named(), event.clone())])
                .unwrap();
        }

        let mut all = report(8, &[3]);
        if let Some(late) = &expected {
            all.add(late);
        }
        assert_eq!(reported(&store), [Some(all), None], "{event:?}");
        assert_eq!(n_rows(&store), usize::from(expected.is_some()));
        assert_eq!(store.check().unwrap().faults, []);
    }
}

#[test]
fn a_late_event_concerns_no_other_record_or_tenant_and_adds_to_earlier_ones() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let other = adopt(&store, 2);
    let sides = (user("old", None), user("new", None));
    entry(&store, &known, 20, sides, Some(report(8, &[3])));
    let another = support::record(Kind::User, 2, "").to_ref();

    let note = |of: &Known, record: RecordRef, event: Reported| {
        let noted = store.note_late_reports(&of.tenant.id, &[(record, event)]);
        noted.unwrap();
    };
    note(&known, another, report(9, &[4]));
    note(&other, named(), report(9, &[5]));
    note(&known, named(), report(9, &[6]));
    note(&known, named(), report(7, &[7]));

    let mut expected = report(8, &[3, 6, 7]);
    (expected.first, expected.last) = (at(7), at(9));
    assert_eq!(reported(&store), [Some(expected)]);
}

#[test]
fn what_came_late_is_kept_as_long_as_its_entry_and_outlasts_a_repair() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let sides = || (user("old", None), user("new", None));
    let first = entry(&store, &known, 20, sides(), Some(report(8, &[3])));
    entry(&store, &known, 20, sides(), Some(report(9, &[3])));
    let event = [(named(), report(10, &[7]))];
    store.note_late_reports(&known.tenant.id, &event).unwrap();
    assert_eq!(n_rows(&store), 2);
    store.close().unwrap();

    let store = salvaged(folder.path(), &Clock::system());
    assert_eq!(n_rows(&store), 2);

    store.engine.cut_journal(first).unwrap();
    let retention = Retention {
        keep: Duration::from_secs(90 * 24 * 3600),
        keep_runs: 10,
    };
    let pass = MaintenancePass::new(store.clone(), retention, Vec::new(), at(30));
    pass.finish().unwrap();
    assert_eq!(n_rows(&store), 1);
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
}

#[test]
fn the_bytes_of_what_came_late() {
    let key = keys::late_report(Seq(7));
    let row = v9::late_report::LateReport::from(&report(8, &[3]));

    let bytes = codec::row(&key, &row);

    assert_eq!(in_hex(&key), "340000000000000007");
    insta::assert_snapshot!(in_hex(&bytes), @"0980ece5fef96280ece5fef96201010d0060d5ca1b2f8a4c000000000339d07f521cb45326");
}
