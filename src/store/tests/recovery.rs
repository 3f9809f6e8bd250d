//! Folders in the state that crashes, newer versions and other people leave them in.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::Clock;
use crate::model::{
    Change, Kind, Mode, Record, Seq, StoreId, TenantName, Timestamp, Trigger, Version,
};
use crate::store::engine::files::Folder;
use crate::store::engine::files::pending::{self, Pending, PendingFile};
use crate::store::engine::rows::block::{Block, PackedRecord};
use crate::store::engine::rows::bucket::Bucket;
use crate::store::engine::salvage;
use crate::store::error::{OpenError, StoreError};
use crate::store::handle::Store;
use crate::store::kept::runs::NewRun;
use crate::store::layout::{self, Format, codec, keys, v1};

use super::support::{self, adopt, open, record};

pub(super) fn filled(path: &Path) -> Store {
    let store = open(path);
    let tenant = adopt(&store, 1);
    for number in 0..50 {
        let user = record(Kind::User, number, "x");
        support::commit(&store, &tenant, vec![support::created(user)]).unwrap();
    }
    store
}

fn damaged(path: &Path) -> Store {
    let opened = Store::open(path).unwrap();
    assert_eq!(opened.moved_aside, Some(path.join("damaged-1")));
    let loss = opened.store.open_loss().unwrap();
    assert_eq!(loss.map(|loss| loss.moved_to), Some("damaged-1".to_owned()));
    opened.store
}

/// Changes the database behind the store's back.
pub(super) fn tamper(path: &Path, work: impl FnOnce(&sled::Db)) {
    let config = sled::Config::new().path(path.join("current"));
    let db = loop {
        match config.open() {
            Ok(db) => break db,
            Err(sled::Error::Io(_)) => std::thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    };
    work(&db);
    db.flush().unwrap();
}

#[test]
fn a_store_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    tamper(folder.path(), |db| {
        let key = keys::format();
        let format = Format {
            version: layout::NEWEST + 1,
            store: StoreId([7; 8]),
        };
        let value = codec::row(&key, &format);
        db.insert(key, value).unwrap();
    });

    let refused = Store::open(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.newer");
    let text = refused
        .to_string()
        .replace(&folder.path().display().to_string(), "<path>");
    insta::assert_snapshot!(text, @"opening the store in `<path>`: it has format 11, this version reads up to 10; run the newer version, or give this one another folder");
    assert!(!folder.path().join("damaged-1").exists());
}

#[test]
fn a_half_written_snapshot_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    for name in [
        "snap.0000000000000abc.generating",
        "snap.00000000000fffff.generating",
    ] {
        fs::write(folder.path().join("current").join(name), b"half").unwrap();
    }

    let store = open(folder.path());

    assert_eq!(store.last_seq(), Seq(50));
}

#[test]
fn a_store_whose_creation_was_killed_is_created_again() {
    let made = tempfile::tempdir().unwrap();
    filled(made.path()).close().unwrap();
    let settings = fs::read(made.path().join("current/conf")).unwrap();

    for len in [0, settings.len() / 2, settings.len()] {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("current/blobs")).unwrap();
        fs::write(folder.path().join("current/conf"), &settings[..len]).unwrap();

        let store = open(folder.path());

        assert_eq!(store.last_seq(), Seq::START);
        adopt(&store, 1);
    }
}

#[test]
fn a_store_whose_log_is_gone_is_moved_aside() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    fs::remove_file(folder.path().join("current/db")).unwrap();

    damaged(folder.path());
}

#[test]
fn a_store_that_lost_its_last_write_is_moved_aside() {
    type LastWrite = fn(&Store);
    let writes: [(&str, LastWrite); 2] = [
        ("one with an entry", |store| {
            let user = record(Kind::User, 99, "later");
            let user = vec![support::created(user)];
            support::commit(store, &adopt(store, 1), user).unwrap();
        }),
        ("one without", |store| {
            let run = NewRun {
                tenant_name: TenantName("t1".to_owned()),
                tenant: None,
                trigger: Trigger::Schedule,
                mode: Mode::Commit,
                started_at: Timestamp::from_millis(1),
            };
            store.begin_run(run).unwrap();
        }),
    ];
    for (what, write) in writes {
        println!("{what}");
        let folder = tempfile::tempdir().unwrap();
        let older = tempfile::tempdir().unwrap();
        filled(folder.path()).close().unwrap();
        copy(&folder.path().join("current/db"), &older.path().join("db"));
        let store = open(folder.path());
        write(&store);
        store.close().unwrap();
        for entry in fs::read_dir(folder.path().join("current")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy();
            if name.starts_with("snap.") {
                fs::remove_file(&path).unwrap();
            }
        }
        // The earlier log is a complete and consistent store, but not the one that was
        // acknowledged.
        copy(&older.path().join("db"), &folder.path().join("current/db"));

        damaged(folder.path());
    }
}

fn copy(from: &Path, to: &Path) {
    fs::write(to, fs::read(from).unwrap()).unwrap();
}

pub(super) fn copy_store(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("current/blobs")).unwrap();
    for entry in fs::read_dir(from.join("current")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let name = path.file_name().unwrap();
            copy(&path, &to.join("current").join(name));
        }
    }
}

#[test]
fn missing_values_are_found_at_the_opening() {
    type Tamper = fn(&sled::Db);
    let tampers: [(&str, Tamper); 6] = [
        ("an entry", |db| {
            drop(db.remove(keys::journal(Seq(31))).unwrap());
        }),
        ("the head", |db| {
            db.remove(keys::head()).unwrap();
        }),
        ("the format", |db| {
            db.remove(keys::format()).unwrap();
        }),
        ("buckets", |db| {
            let key = keys::bucket_prefix(crate::store::values::tenant_no::TenantNo(1), Kind::User);
            drop(db.remove(key).unwrap());
        }),
        ("blocks", |db| {
            let key = keys::state_prefix(crate::store::values::tenant_no::TenantNo(1), Kind::User);
            drop(db.remove(key).unwrap());
        }),
        ("everything", |db| db.clear().unwrap()),
    ];
    for (what, work) in tampers {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).close().unwrap();
        tamper(folder.path(), work);

        let opened = Store::open(folder.path()).unwrap();

        assert!(opened.moved_aside.is_some(), "{what} was missed by nobody");
    }
}

#[test]
fn a_journal_that_does_not_begin_where_it_was_cut_is_damage() {
    for cut in [0, 9, 11, 50, 51] {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).close().unwrap();
        tamper(folder.path(), |db| {
            for seq in 1..=10 {
                db.remove(keys::journal(Seq(seq))).unwrap();
            }
            let (key, value) = codec::put(keys::cut(), &v1::Seq(cut));
            db.insert(key, value.unwrap()).unwrap();
        });

        damaged(folder.path());
    }
}

#[test]
fn damage_met_while_reading_ends_the_store_and_moves_it_aside_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let tenant = adopt(&store, 1);
    let user = record(Kind::User, 3, "x").to_ref();
    store
        .engine
        .lend_database("tampering", |db| {
            db.insert(
                keys::state_prefix(tenant.no, Kind::User),
                b"nonsense".as_slice(),
            )
            .map_err(|error| StoreError::sled("tampering", error))
        })
        .unwrap();

    let first = store.get(tenant.no, &user).unwrap_err();
    let second = store.tenants().unwrap_err();

    assert!(first.is_fatal());
    insta::assert_snapshot!(first.to_string(), @"the store is damaged: a block of records: its checksum does not hold; it will be moved aside at the next start");
    assert_eq!(second.to_string(), first.to_string());
    let tenants = support::commit(&store, &tenant, vec![]).unwrap_err();
    assert_eq!(tenants.code(), "store.damaged");
    assert_eq!(store.close().unwrap_err().code(), "store.damaged");
    damaged(folder.path());
}

#[test]
fn fingerprints_that_are_as_many_but_not_those_that_were_written_are_damage() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    let tenant = adopt(&store, 1);
    let key = keys::bucket_prefix(tenant.no, Kind::User);
    let tampering = |db: &sled::Db| {
        let value = db.get(&key)?.unwrap();
        let mut bucket = Bucket::read(&key, &value).unwrap();
        bucket.0[0].1.0[0] ^= 1;
        db.insert(&key, bucket.write(&key))
    };
    let tampered = store.engine.lend_database("tampering", |db| {
        tampering(db).map_err(|error| StoreError::sled("tampering", error))
    });
    tampered.unwrap();

    let refused = store.fingerprints(tenant.no, Kind::User, &mut |_, _| {});

    assert_eq!(refused.unwrap_err().code(), "store.damaged");
}

/// Code that reads a block of records.
#[derive(Debug, Clone, Copy)]
enum By {
    Get,
    List,
    Commit,
}

#[test]
fn a_record_that_is_not_the_last_one_written_is_damage_to_whoever_meets_it() {
    /// Takes the value before a change and the one after it.
    type Tamper = fn(&[u8], [&sled::IVec; 2], PackedRecord) -> Option<Vec<u8>>;
    // The fault's text where single records are read, and where all are.
    let tampers: [(&str, &str, Tamper); 3] = [
        (
            "not as last written",
            "not as last written",
            |_, [older, _], _| Some(older.to_vec()),
        ),
        ("lacks a record", "missing", |_, _, _| None),
        (
            "without a fingerprint",
            "holds other records",
            |key, [_, latest], extra| {
                let mut block = Block::read(key, latest).unwrap();
                block.0.push(extra);
                block.0.sort_by(|a, b| a.id.cmp(&b.id));
                Some(block.write(&key.to_vec()))
            },
        ),
    ];
    for (how, to_list, tamper) in tampers {
        for by in [By::Get, By::List, By::Commit] {
            let folder = tempfile::tempdir().unwrap();
            let store = filled(folder.path());
            let tenant = adopt(&store, 1);
            let before = record(Kind::User, 45, "x");
            let after = record(Kind::User, 45, "y");
            let extra = record(Kind::User, 0xff, "z");
            let key = keys::state_prefix(tenant.no, Kind::User);
            let raw = |work: &dyn Fn(&sled::Db) -> sled::Result<Option<sled::IVec>>| {
                let done = store.engine.lend_database("tampering", |db| {
                    work(db).map_err(|error| StoreError::sled("tampering", error))
                });
                done.unwrap()
            };
            let older = raw(&|db| db.get(&key)).unwrap();
            let update = |before: &Record, after: &Record| {
                support::change(Change::Updated {
                    before: before.clone(),
                    after: after.clone(),
                })
            };
            support::commit(&store, &tenant, vec![update(&before, &after)]).unwrap();
            let entry = PackedRecord {
                id: extra.id().clone(),
                version: Version(7),
                print: support::fingerprint(&extra),
                body: support::body(&extra),
            };
            let latest = raw(&|db| db.get(&key)).unwrap();
            match tamper(&key, [&older, &latest], entry) {
                Some(value) => raw(&|db| db.insert(&key, value.as_slice())),
                None => raw(&|db| db.remove(&key)),
            };
            let met = match how {
                "without a fingerprint" => &extra,
                _ => &after,
            };

            let refused = match by {
                By::Get => store.get(tenant.no, &met.to_ref()).map(drop),
                By::List => store
                    .list(tenant.no, Kind::User, None, usize::MAX)
                    .map(drop),
                By::Commit => support::commit(&store, &tenant, vec![update(met, met)]).map(drop),
            };

            let Err(refused) = refused else {
                panic!("{how} {by:?}: nobody noticed")
            };
            let text = refused.to_string();
            let expected = match by {
                By::List => to_list,
                By::Get | By::Commit => how,
            };
            assert!(text.contains(expected), "{how} {by:?}: {text}");
            assert_eq!(refused.code(), "store.damaged");
        }
    }
}

/// Returns a store before a commit, and the note of that commit.
fn on_the_way(older: &Path) -> Pending {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path());
    store.close().unwrap();
    copy_store(folder.path(), older);
    let store = open(folder.path());
    let tenant = adopt(&store, 1);
    let users = [7, 8, 60].map(|number| {
        let after = record(Kind::User, number, "y");
        match number {
            60 => support::created(after),
            _ => support::change(Change::Updated {
                before: record(Kind::User, number, "x"),
                after,
            }),
        }
    });
    support::commit(&store, &tenant, users.to_vec()).unwrap();
    pending::read(&folder.path().join("current/pending"))
        .unwrap()
        .unwrap()
}

#[test]
fn a_commit_that_was_broken_off_is_finished() {
    let older = tempfile::tempdir().unwrap();
    let noted = on_the_way(older.path());
    let n_rows = noted.rows.len();
    assert!(n_rows > 5);

    for n_written in 0..=n_rows {
        let folder = tempfile::tempdir().unwrap();
        copy_store(older.path(), folder.path());
        tamper(folder.path(), |db| {
            for (key, value) in noted.rows.iter().take(n_written) {
                match value {
                    Some(value) => drop(db.insert(key, value.as_slice()).unwrap()),
                    None => drop(db.remove(key).unwrap()),
                }
            }
        });
        let mut file = PendingFile::open(&folder.path().join("current/pending")).unwrap();
        file.note(&noted).unwrap();

        let store = open(folder.path());

        assert_eq!(store.last_seq(), Seq(53), "{n_written} of {n_rows}");
        let tenant = adopt(&store, 1);
        let state = support::state(&store, &tenant);
        let named = state.values().filter(|user| user.label() == "y").count();
        assert_eq!((state.len(), named), (51, 3));
    }
}

#[test]
fn a_note_of_another_commit_or_store_is_left() {
    let older = tempfile::tempdir().unwrap();
    let noted = on_the_way(older.path());
    let later = Pending {
        commits: noted.commits + 1,
        rows: noted.rows.clone(),
        ..noted
    };
    let earlier = Pending {
        commits: noted.commits - 2,
        rows: noted.rows.clone(),
        ..noted
    };
    let strange = Pending {
        store: StoreId([9; 8]),
        ..noted
    };

    for other in [later, earlier, strange] {
        let mut file = PendingFile::open(&older.path().join("current/pending")).unwrap();
        file.note(&other).unwrap();

        let store = open(older.path());

        assert_eq!(store.last_seq(), Seq(50));
        // The note is erased while the store is open, not only when it closes. It is from a history
        // that a power cut has undone; after another power cut, it could be mistaken for the note
        // of the next commit but one.
        assert_eq!(pending::read(&file_of(older.path())).unwrap(), None);
        assert_eq!(fs::metadata(file_of(older.path())).unwrap().len(), 0);
        store.close().unwrap();
    }
}

fn file_of(store: &Path) -> PathBuf {
    store.join("current/pending")
}

#[test]
fn a_second_opening_is_refused_while_the_first_lasts() {
    let folder = tempfile::tempdir().unwrap();
    let _store = open(folder.path());

    let refused = Store::open(folder.path()).unwrap_err();

    assert_eq!(refused.code(), "store.locked");
    assert!(matches!(refused, OpenError::Locked { .. }));
}

#[test]
fn a_path_to_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, b"mine").unwrap();

    assert_eq!(Store::open(&path).unwrap_err().code(), "store.not-a-folder");
    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

/// Copies the files of a store, including its folder, as `cp -r` does.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_all(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_copy_of_an_open_store_is_worked_with_only_if_it_fits_together() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = filled(&at("store"));
    // Nothing is written meanwhile, so this copy is consistent.
    copy_all(&at("store"), &at("sound"));
    copy_all(&at("store"), &at("torn"));
    let tenant = adopt(&store, 1);
    let user = record(Kind::User, 99, "late");
    support::commit(&store, &tenant, vec![support::created(user)]).unwrap();
    // The mark was copied last, after one more write.
    fs::copy(
        at("store/current/high-water"),
        at("torn/current/high-water"),
    )
    .unwrap();

    let sound = open(&at("sound"));
    let refused = Store::open(&at("torn")).unwrap_err();

    assert_eq!(sound.last_seq(), Seq(50));
    assert_eq!(sound.check().unwrap().faults, []);
    assert_eq!(refused.code(), "store.torn-copy");
    assert!(
        refused
            .to_string()
            .contains("acknowledged writes are missing"),
        "{refused}"
    );
    assert!(
        refused
            .to_string()
            .contains("stop the daemon before you copy them"),
        "{refused}"
    );
    assert!(!at("torn/damaged-1").exists());
    let again = Store::open(&at("torn")).unwrap_err();
    assert_eq!(again.code(), "store.torn-copy");
    // The message names this way out.
    fs::remove_file(at("torn/open")).unwrap();
    let opened = Store::open(&at("torn")).unwrap();
    assert_eq!(opened.moved_aside, Some(at("torn/damaged-1")));
    // A copy that was opened is a store of its own, even after it is killed.
    std::mem::forget(sound);
    store.close().unwrap();
    assert!(!at("store/open").exists());
    copy_all(&at("store"), &at("closed"));
    open(&at("closed")).close().unwrap();
}

/// Only the full check finds this fault; a sample misses it.
#[test]
fn a_copy_of_an_open_store_is_checked_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let store = filled(&at("store"));
    copy_all(&at("store"), &at("torn"));
    tamper(&at("torn"), |db| {
        let key = [keys::Keyspace::SeenEvent as u8, 1, 2, 3];
        db.insert(key, b"nonsense".as_slice()).unwrap();
    });

    let refused = Store::open(&at("torn")).unwrap_err();

    assert_eq!(refused.code(), "store.torn-copy");
    // A store that was only killed is not searched for the same fault.
    fs::remove_file(at("torn/open")).unwrap();
    assert_eq!(Store::open(&at("torn")).unwrap().moved_aside, None);
    store.close().unwrap();
}

#[test]
fn an_older_copy_that_is_put_back_gives_no_id_to_another_event_and_versions_go_up() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let start = Timestamp::from_millis(1_767_000_000_000);
    let clock = Clock::stopped_at(start);
    let users = |store: &Store, name: &str| {
        let tenant = adopt(store, 1);
        for number in 0..40 {
            let user = record(Kind::User, number, name);
            support::commit(store, &tenant, vec![support::created(user)]).unwrap();
        }
    };
    let told = |store: &Store| -> BTreeMap<String, (Seq, Version, String)> {
        let entries = store.entries(Seq::START, 1_000).unwrap().into_iter();
        let of = |entry: crate::model::Entry| {
            let id = entry.event_id(store.id()).to_string();
            (
                id,
                (entry.seq, entry.version(), format!("{:?}", entry.fact)),
            )
        };
        entries.map(of).collect()
    };
    let open_at = |path: &Path| Store::open_by(path, &clock).unwrap().store;
    let store = open_at(&at("store"));
    support::commit(
        &store,
        &adopt(&store, 1),
        vec![support::created(record(Kind::User, 77, "before"))],
    )
    .unwrap();
    store.close().unwrap();
    copy_all(&at("store"), &at("older"));
    let store = open_at(&at("store"));
    users(&store, "Ada");
    let lost = told(&store);
    store.close().unwrap();

    clock.set(start.plus(Duration::from_millis(1)));
    let store = open_at(&at("older"));
    users(&store, "Bo");
    let now = told(&store);

    assert_eq!((lost.len(), now.len()), (41, 41));
    let same: Vec<_> = lost.keys().filter(|id| now.contains_key(*id)).collect();
    assert_eq!(same.len(), 1, "{same:?}");
    assert_eq!(lost[same[0]], now[same[0]]);
    assert_eq!(now[same[0]].0, Seq(1));
    let highest = lost.values().map(|(_, version, _)| *version).max();
    for (seq, version, what) in now.values().filter(|(seq, ..)| *seq > Seq(1)) {
        assert!(Some(*version) > highest, "{seq}: {version} {what}");
    }
    store.close().unwrap();
}

/// What a process leaves if it is killed after salvaging, before each of the two renames.
#[test]
fn a_salvage_that_was_stopped_at_its_end_is_gone_on_with() {
    for is_moved in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).close().unwrap();
        tamper(folder.path(), |db| {
            db.remove(keys::journal(Seq(20))).unwrap();
        });
        let store = Folder::new(folder.path());
        let cause = salvage::Cause {
            damage: "a test",
            moved_to: "damaged-1",
            clock: &Clock::system(),
        };
        salvage::make(&store, &cause).unwrap().unwrap();
        if is_moved {
            store.move_aside().unwrap();
        }

        let opened = open(folder.path());

        assert!(folder.path().join("damaged-1").is_dir());
        assert!(!folder.path().join("salvaged").exists());
        let loss = opened.open_loss().unwrap().unwrap();
        assert_eq!(loss.missing.places, Some((Seq(20), Seq(20))));
        assert_eq!((loss.missing.records, loss.entry), (0, Seq(51)));
        assert_eq!(opened.check().unwrap().faults, []);
        let accepted = opened.accept_losses(Timestamp::from_millis(7)).unwrap();
        assert_eq!(accepted.len(), 1);
        assert_eq!(opened.open_loss().unwrap(), None);
        opened.close().unwrap();
    }
}
