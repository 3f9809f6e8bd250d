//! What the store that replaces a damaged one contains.

use std::path::Path;
use std::time::Duration;

use crate::clock::Clock;
use crate::model::{EndpointName, Entry, Fact, Kind, Seq, Timestamp, Version};
use crate::store::engine::files::Folder;
use crate::store::engine::files::pending::{self, PendingFile};
use crate::store::handle::Store;
use crate::store::kept::delivery::{DeliveryChange, Progress};
use crate::store::layout::keys;
use crate::store::values::commit::Closing;
use crate::store::values::delivery::{Backfill, Cursor, Item, Parked};
use crate::store::values::tenant_no::TenantNo;

use super::lists;
use super::recovery::{copy_store, filled, tamper};
use super::support::{self, adopt, open, record};

/// Opens a store that an earlier process found to be damaged.
pub(super) fn salvaged(path: &Path, clock: &Clock) -> Store {
    Folder::new(path).note_damage("a test").unwrap();
    let opened = Store::open_by(path, clock).unwrap();
    assert!(opened.moved_aside.is_some());
    assert_eq!(opened.store.check().unwrap().faults, []);
    opened.store
}

fn hook() -> EndpointName {
    EndpointName("hr".into())
}

fn save(store: &Store, cursor: Cursor, changes: Vec<DeliveryChange>) {
    let mut log = store.attempt_log(&hook()).unwrap();
    let progress = Progress {
        changes,
        ..Progress::of(cursor)
    };
    store.save_progress(&hook(), &mut log, progress).unwrap();
}

#[test]
fn versions_go_up_behind_those_of_the_damaged_store_though_the_clock_went_back() {
    let gone: [(&str, &[keys::Key]); 3] = [
        ("nothing", &[]),
        ("the head", &[keys::head()]),
        ("the last entry", &[keys::journal(Seq(20))]),
    ];
    for (what, gone) in gone {
        let folder = tempfile::tempdir().unwrap();
        let start = Timestamp::from_millis(1_767_000_000_000);
        let clock = Clock::stopped_at(start);
        let store = Store::open_by(folder.path(), &clock).unwrap().store;
        let tenant = adopt(&store, 1);
        for number in 0..20 {
            let user = record(Kind::User, number, "x");
            support::commit(&store, &tenant, vec![support::created(user)]).unwrap();
        }
        let last = store.entry(Seq(20)).unwrap().unwrap().version();
        store.close().unwrap();
        tamper(folder.path(), |db| {
            for key in gone {
                db.remove(key).unwrap();
            }
        });
        clock.set(start.minus(Duration::from_secs(3600)));

        let store = salvaged(folder.path(), &clock);

        let entries = store.entries(Seq::START, 100).unwrap();
        let versions: Vec<Version> = entries.iter().map(Entry::version).collect();
        assert!(versions.is_sorted_by(|a, b| a < b), "{what}: {versions:?}");
        assert_eq!(versions.len(), 21, "{what}");
        assert!(versions[20] > last, "{what}: {versions:?}");
        store.close().unwrap();
    }
}

#[test]
fn lists_of_a_tenant_that_was_lost_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let (gone, kept) = (adopt(&store, 1), adopt(&store, 2));
    lists::listed(&store, &gone);
    let of_kept = lists::listed(&store, &kept);
    store.close().unwrap();
    tamper(folder.path(), |db| {
        db.remove(keys::tenant(gone.no)).unwrap();
    });

    let store = salvaged(folder.path(), &Clock::system());

    assert_eq!(lists::n_rows(&store), 3);
    assert!(!store.listed(kept.no, of_kept, 0).unwrap().is_empty());
}

#[test]
fn no_place_that_a_cursor_names_is_given_to_another_entry() {
    let named = Seq(50);
    let backfill = Backfill {
        mark: named,
        at: Timestamp::from_millis(1),
        tenant: None,
        after: None,
        beyond: [].into(),
    };
    let cursors = [
        Cursor {
            settled: named,
            ..Cursor::default()
        },
        Cursor {
            settled: Seq(7),
            ahead: [Seq(9), named].into(),
            ..Cursor::default()
        },
        Cursor {
            settled: Seq(7),
            backfill: Some(backfill),
            ..Cursor::default()
        },
    ];
    for cursor in cursors {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        save(&store, cursor.clone(), Vec::new());
        store.close().unwrap();
        // Everything else that tells how far the journal had got.
        tamper(folder.path(), |db| {
            db.remove(keys::head()).unwrap();
            for seq in 41..=50 {
                db.remove(keys::journal(Seq(seq))).unwrap();
            }
        });
        std::fs::remove_file(Folder::new(folder.path()).high_water()).unwrap();

        let store = salvaged(folder.path(), &Clock::system());

        let loss = store.open_loss().unwrap().unwrap();
        assert_eq!(loss.entry, Seq(51), "{cursor:?}");
        assert_eq!(loss.missing.places, Some((Seq(41), Seq(50))), "{cursor:?}");
        assert_eq!(store.cursor(&hook()).unwrap(), Some(cursor));
        store.close().unwrap();
    }
}

#[test]
fn a_tenant_that_was_loaded_is_loaded_again_with_what_reads() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let closing = Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 50,
    };
    support::closing(&store, &adopt(&store, 1), Vec::new(), closing).unwrap();
    adopt(&store, 2);
    assert_eq!(store.tenants().unwrap()[0].loaded, Some(Seq(51)));
    store.close().unwrap();

    let store = salvaged(folder.path(), &Clock::system());

    let tenants = store.tenants().unwrap();
    let loaded: Vec<_> = tenants.iter().map(|tenant| tenant.loaded).collect();
    assert_eq!(loaded, [Some(Seq(53)), None]);
    let told = store.entries(Seq(51), 9).unwrap();
    let facts: Vec<_> = told.into_iter().map(|entry| entry.fact).collect();
    let loss = store.open_loss().unwrap().unwrap();
    let again = Fact::Loaded {
        roles: 0,
        groups: 0,
        users: 50,
    };
    assert_eq!(facts, [Fact::HistoryLost(loss.missing), again]);
    store.close().unwrap();
}

#[test]
fn a_second_loss_does_not_hide_the_first() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    let store = salvaged(folder.path(), &Clock::system());
    let first = store.accept_losses(Timestamp::from_millis(7)).unwrap();
    store.close().unwrap();

    let store = salvaged(folder.path(), &Clock::system());

    let losses = store.history_losses().unwrap();
    assert_eq!(losses[..1], first);
    let aside: Vec<_> = losses.iter().map(|loss| loss.moved_to.as_str()).collect();
    assert_eq!(aside, ["damaged-1", "damaged-2"]);
    assert_eq!(store.open_losses().unwrap(), losses[1..]);
    store.close().unwrap();
}

/// An interrupted commit is noted in full beside the database.
#[test]
fn what_a_commit_that_was_broken_off_takes_away_does_not_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let before = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let parked = [3, 4].map(|seq| {
        DeliveryChange::Park(Parked {
            item: Item::Entry(Seq(seq)),
            reason: "500".to_owned(),
            at: Timestamp::from_millis(1),
            attempts: 1,
        })
    });
    let cursor = Cursor {
        settled: Seq(5),
        ..Cursor::default()
    };
    save(&store, cursor, parked.into());
    store.close().unwrap();
    copy_store(folder.path(), before.path());
    let store = open(folder.path());
    store.dismiss(&hook(), &[Item::Entry(Seq(3))]).unwrap();
    let noted = pending::read(&Folder::new(folder.path()).pending());
    let noted = noted.unwrap().unwrap();
    store.close().unwrap();
    let mut file = PendingFile::open(&Folder::new(before.path()).pending()).unwrap();
    file.note(&noted).unwrap();

    let store = salvaged(before.path(), &Clock::system());

    let left = store.parked(&hook(), None, 9).unwrap();
    let left: Vec<_> = left.into_iter().map(|parked| parked.item).collect();
    assert_eq!(left, [Item::Entry(Seq(4))]);
    store.close().unwrap();
}

#[test]
fn records_that_do_not_read_are_counted_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let roles = (0..3).map(|number| support::created(record(Kind::Role, number, "x")));
    support::commit(&store, &adopt(&store, 1), roles.collect()).unwrap();
    store.close().unwrap();
    tamper(folder.path(), |db| {
        let users = keys::state_prefix(TenantNo(1), Kind::User);
        db.remove(users).unwrap().unwrap();
    });

    let store = salvaged(folder.path(), &Clock::system());

    assert_eq!(support::state(&store, &adopt(&store, 1)).len(), 3);
    let missing = store.open_loss().unwrap().unwrap().missing;
    assert_eq!((missing.records, missing.entries), (50, 0));
    store.close().unwrap();
}
