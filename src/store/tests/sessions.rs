//! Last sessions: stored in any order, consistent with the bookmark, and deleted with their users.

use std::collections::BTreeMap;

use proptest::prelude::*;

use crate::clock::Clock;
use crate::model::{Change, Kind, Record, RunId, Timestamp, UserId, UserSession};
use crate::store::handle::Store;
use crate::store::kept::tenants::Known;
use crate::store::layout::{codec, keys, v7, v8};
use crate::store::values::audit::Bookmark;
use crate::store::values::commit::{Closing, Commit, MAX_WRITES, Write};
use crate::store::values::tenant_no::TenantNo;
use crate::store::{MaintenancePass, Retention};

use super::salvage::salvaged;
use super::support::{self, account, adopt, fingerprint, in_hex, quiet, record};

const DAY: i64 = 24 * 3600 * 1000;

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn user(number: u32) -> UserId {
    UserId(support::id(Kind::User, number))
}

fn bookmark(until: i64, sessions: Option<i64>) -> Bookmark {
    Bookmark {
        since: at(1),
        until: at(until),
        untold: Vec::new(),
        sessions_since: sessions.map(at),
    }
}

fn note(store: &Store, known: &Known, begun: &[(u32, i64)]) {
    let mut latest: BTreeMap<UserId, Timestamp> = BTreeMap::new();
    for (number, millis) in begun {
        let known = latest.entry(user(*number)).or_insert(at(*millis));
        *known = at(*millis).max(*known);
    }
    store.note_sessions(known.no, &latest).unwrap();
}

fn set(store: &Store, known: &Known, bookmark: &Bookmark) {
    store.set_bookmark(known.no, bookmark, &[], at(0)).unwrap();
}

fn commit(store: &Store, known: &Known, writes: Vec<Write>) {
    commit_at(store, known, at(1), writes);
}

fn commit_at(store: &Store, known: &Known, at: Timestamp, writes: Vec<Write>) {
    store.commit(commit_of(known, at, writes)).unwrap();
}

fn commit_of(known: &Known, at: Timestamp, writes: Vec<Write>) -> Commit {
    Commit {
        tenant: known.no,
        run: RunId(1),
        at,
        account: account(),
        writes,
        closing: Closing::Nothing,
    }
}

fn load(store: &Store, known: &Known, users: std::ops::Range<u32>) {
    let writes = users.map(|number| quiet(record(Kind::User, number, "first")));
    commit(store, known, writes.collect());
}

fn create(number: u32, created: Option<i64>) -> Write {
    let after = match record(Kind::User, number, "first") {
        Record::User(mut user) => {
            user.created_at = created.map(at);
            Record::User(user)
        }
        Record::Group(_) | Record::Role(_) => unreachable!(),
    };
    Write::Change {
        fingerprint: fingerprint(&after),
        change: Change::Created {
            after,
            replaces: None,
        },
        raw: "{}".into(),
        reported: None,
    }
}

fn delete(number: u32) -> Write {
    let before = record(Kind::User, number, "first");
    Write::Change {
        fingerprint: fingerprint(&before),
        change: Change::Deleted { before },
        raw: "".into(),
        reported: None,
    }
}

#[test]
fn the_bytes_of_sessions() {
    let no = TenantNo(1);
    let key = keys::session(no, &user(1));
    insta::assert_snapshot!(in_hex(&key), @"93000000010060d5ca1b2f8a4c0000000001");
    insta::assert_snapshot!(in_hex(&codec::row(&key, &v7::session::LastSession(at(7)))), @"070e8c26d0da32e65364");
    let key = keys::session_reading(no);
    let row = v7::session::SessionReading {
        since: at(5),
        until: at(1_700_000_000_000),
    };
    insta::assert_snapshot!(in_hex(&key), @"9400000001");
    insta::assert_snapshot!(in_hex(&codec::row(&key, &row)), @"070a80a0abfef962eb19b18c0d7ead9b");
    let key = keys::sessions_since(no, &user(1));
    insta::assert_snapshot!(in_hex(&key), @"97000000010060d5ca1b2f8a4c0000000001");
    insta::assert_snapshot!(in_hex(&codec::row(&key, &v8::session::SessionsSince(at(7)))), @"080e38843f0c29e2301d");
    let key = keys::session(no, &user(6));
    assert_eq!(keys::session_of(&key), Some((no, user(6))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Events come late, twice and in any order, and the store is opened again: the latest counts.
    #[test]
    fn the_last_session_is_the_latest_that_was_ever_noted(
        polls in prop::collection::vec(
            (prop::collection::vec((0..9_u32, 0..50_i64), 0..12), any::<bool>()), 1..9),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let mut store = support::open(dir.path());
        let (known, other) = (adopt(&store, 1), adopt(&store, 2));
        let mut expected: BTreeMap<UserId, Timestamp> = BTreeMap::new();

        for (begun, restarts) in polls {
            note(&store, &known, &begun);
            for (number, millis) in begun {
                let known = expected.entry(user(number)).or_insert(at(millis));
                *known = at(millis).max(*known);
            }
            if restarts {
                store.close().unwrap();
                store = support::open(dir.path());
            }
        }

        for number in 0..9 {
            let last = store.last_session(known.no, &user(number)).unwrap().at;
            prop_assert_eq!(last, expected.get(&user(number)).copied());
            prop_assert_eq!(store.last_session(other.no, &user(number)).unwrap().at, None);
        }
        store.close().unwrap();
    }
}

/// A poll that moves the bookmark without reading sessions leaves a gap.
#[test]
fn sessions_are_known_only_as_far_as_the_bookmark_was_moved_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    let read = |store: &Store| store.bookmark(known.no).unwrap().unwrap();
    set(&store, &known, &bookmark(100, None));
    assert_eq!(read(&store), bookmark(100, None));

    set(&store, &known, &bookmark(200, Some(150)));
    store.close().unwrap();
    let store = support::open(dir.path());
    assert_eq!(read(&store), bookmark(200, Some(150)));

    set(&store, &known, &bookmark(300, None));
    assert_eq!(read(&store), bookmark(300, None));
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn the_last_session_goes_with_its_user() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let (known, other) = (adopt(&store, 1), adopt(&store, 2));
    load(&store, &known, 0..4);
    note(&store, &known, &[(1, 50), (2, 60)]);
    note(&store, &other, &[(1, 70)]);

    commit(&store, &known, vec![delete(1), delete(3)]);

    let last = |no, number| store.last_session(no, &user(number)).unwrap().at;
    assert_eq!(last(known.no, 1), None);
    assert_eq!(last(known.no, 2), Some(at(60)));
    assert_eq!(last(other.no, 1), Some(at(70)));
    // As many at once as fit into a commit.
    let many = u32::try_from(MAX_WRITES).unwrap();
    load(&store, &known, 100..100 + many);
    note(&store, &known, &[(100, 5), (100 + many - 1, 5)]);
    commit(&store, &known, (100..100 + many).map(delete).collect());
    assert_eq!(last(known.no, 100), None);
    assert_eq!(last(known.no, 100 + many - 1), None);
    assert_eq!(store.check().unwrap().faults, []);
}

/// What the log said about them before may be lost: deleted for its age, or with their row.
#[test]
fn of_a_user_who_is_found_late_sessions_are_known_only_since_then() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    set(&store, &known, &bookmark(99 * DAY, Some(DAY)));
    note(&store, &known, &[(2, 5 * DAY)]);
    let found = at(100 * DAY);
    let (new, old) = (Some(100 * DAY - 1000), Some(DAY));
    let created = [create(1, new), create(2, old), create(3, None)];
    commit_at(&store, &known, found, created.to_vec());

    let last = |no, number| store.last_session(no, &user(number)).unwrap();
    let since = Some(found);
    for (number, expected) in [
        (1, UserSession::default()),
        (
            2,
            UserSession {
                at: Some(at(5 * DAY)),
                since,
            },
        ),
        (3, UserSession { at: None, since }),
    ] {
        assert_eq!(last(known.no, number), expected, "{number}");
    }
    // A later session does not change it, and the row goes with the user.
    note(&store, &known, &[(2, 101 * DAY)]);
    let at = Some(at(101 * DAY));
    assert_eq!(last(known.no, 2), UserSession { at, since });
    commit(&store, &known, vec![delete(2)]);
    assert_eq!(last(known.no, 2), UserSession::default());
    assert_eq!(store.check().unwrap().faults, []);
}

/// Sessions will be known only since a later time anyway.
#[test]
fn where_sessions_are_not_known_nothing_is_noted_of_a_user_who_is_found_late() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    set(&store, &known, &bookmark(99 * DAY, None));

    commit_at(&store, &known, at(100 * DAY), vec![create(2, Some(DAY))]);

    let last = store.last_session(known.no, &user(2)).unwrap();
    assert_eq!(last, UserSession::default());
}

#[test]
fn maintenance_deletes_old_sessions_of_unknown_users() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    load(&store, &known, 0..2);
    // More sessions than one step looks at.
    let unknown = (10..700).map(|number| (number, DAY));
    let begun: Vec<_> = unknown.chain([(0, DAY), (900, 95 * DAY)]).collect();
    note(&store, &known, &begun);
    // A crash prevented these commits after their rows were written.
    set(&store, &known, &bookmark(95 * DAY, Some(1)));
    for (number, day) in [(950, 1), (951, 95)] {
        let commit = commit_of(&known, at(day * DAY), vec![create(number, None)]);
        store.note_late_users(&commit).unwrap();
    }
    let retention = Retention {
        keep: std::time::Duration::from_secs(90 * 24 * 3600),
        keep_runs: 10,
    };

    let pass = MaintenancePass::new(store.clone(), retention, Vec::new(), at(100 * DAY));
    pass.finish().unwrap();

    let since = |number| store.last_session(known.no, &user(number)).unwrap().since;
    assert_eq!((since(950), since(951)), (None, Some(at(95 * DAY))));
    let last = |number| store.last_session(known.no, &user(number)).unwrap().at;
    assert_eq!(last(0), Some(at(DAY)), "a user whom we know");
    assert_eq!(last(900), Some(at(95 * DAY)), "a sweep may find the user");
    assert!((10..700).all(|number| last(number).is_none()));
}

/// Some sessions may be lost: nothing is known about the time before.
#[test]
fn a_salvaged_store_has_the_sessions_but_not_the_time_since_which_all_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let store = support::open(dir.path());
    let known = adopt(&store, 1);
    load(&store, &known, 0..2);
    note(&store, &known, &[(1, 50)]);
    set(&store, &known, &bookmark(200, Some(150)));
    store.close().unwrap();

    let store = salvaged(dir.path(), &Clock::system());

    let kept = store.bookmark(known.no).unwrap();
    assert_eq!(kept, Some(bookmark(200, None)));
    let last = store.last_session(known.no, &user(1)).unwrap().at;
    assert_eq!(last, Some(at(50)));
    store.close().unwrap();
}
