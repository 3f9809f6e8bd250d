//! A check reports each kind of fault, changes nothing, and finds none in a sound store.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proptest::prelude::*;

use crate::model::{
    Change, EndpointName, Fault, FindingId, Id, Kind, Mode, Outcome, Seq, SpaceId, SubjectKey,
    TenantName, Timestamp, Trigger, UserId, Version,
};
use crate::store::engine::rows::block::Block;
use crate::store::engine::rows::bucket::Bucket;
use crate::store::handle::Store;
use crate::store::kept::delivery::{DeliveryChange, Progress};
use crate::store::kept::runs::NewRun;
use crate::store::layout::{codec, keys, v1, v2, v4, v5, v6, v7, v9, v10};
use crate::store::values::commit::Closing;
use crate::store::values::delivery::{Cursor, Item, Parked};
use crate::store::values::plan::PlanHead;
use crate::store::values::tenant_no::TenantNo;

use super::recovery::tamper;
use super::spaces;
use super::support::{self, account, adopt, open, record};

/// A store with at least one of everything that is compared.
fn filled(path: &Path) -> Store {
    let store = open(path);
    let known = adopt(&store, 1);
    let loaded = (0..40).map(|number| support::quiet(record(Kind::User, number, "first")));
    support::commit(&store, &known, loaded.collect()).unwrap();
    let closing = Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 40,
    };
    support::closing(&store, &known, Vec::new(), closing).unwrap();
    for number in 0..10 {
        let change = Change::Updated {
            before: record(Kind::User, number, "first"),
            after: record(Kind::User, number, "second"),
        };
        support::commit(&store, &known, vec![support::change(change)]).unwrap();
    }
    let run = store.begin_run(new_run()).unwrap();
    let ended = crate::model::Run {
        outcome: Outcome::Succeeded,
        ..run
    };
    store.save_run(&ended).unwrap();
    store.begin_run(new_run()).unwrap();
    let cursor = Cursor {
        settled: Seq(5),
        ..Cursor::default()
    };
    let parked = Parked {
        item: Item::Entry(Seq(3)),
        reason: "500".to_owned(),
        at: support_time(),
        attempts: 1,
    };
    let mut log = store.attempt_log(&hook()).unwrap();
    let progress = Progress {
        changes: vec![DeliveryChange::Park(parked)],
        ..Progress::of(cursor)
    };
    store.save_progress(&hook(), &mut log, progress).unwrap();
    let planned = [30, 31].map(|number| {
        support::change(Change::Deleted {
            before: record(Kind::User, number, "first"),
        })
    });
    store.stage(known.no, 0, &planned).unwrap();
    let head = PlanHead {
        run: crate::model::RunId(2),
        at: support_time(),
        account: account(),
        rows_total: 2,
    };
    store.seal_plan(known.no, &head).unwrap();
    store
}

fn support_time() -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000)
}

fn new_run() -> NewRun {
    NewRun {
        tenant_name: TenantName("t1".to_owned()),
        tenant: None,
        trigger: Trigger::Schedule,
        mode: Mode::Commit,
        started_at: support_time(),
    }
}

fn hook() -> EndpointName {
    EndpointName("hr".to_owned())
}

const NO: TenantNo = TenantNo(1);

fn user(number: u32) -> Id {
    support::id(Kind::User, number)
}

/// Every file of a folder, with its content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => drop(files.insert(path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    files
}

fn faults(path: &Path) -> Vec<String> {
    let before = files(path);
    let checked = Store::check_at(path).unwrap();
    assert_eq!(files(path), before, "a check changes nothing");
    let faults = checked.faults.iter().map(Fault::to_string);
    faults.collect()
}

/// Rewrites the value of a row.
fn rewrite<T>(db: &sled::Db, key: &[u8], change: impl FnOnce(&mut T))
where
    T: crate::store::layout::Stored + serde::Serialize + serde::de::DeserializeOwned,
{
    let value = db.get(key).unwrap().unwrap();
    let mut row: T = codec::read_row(key, &value).unwrap();
    change(&mut row);
    db.insert(key, codec::row(key, &row)).unwrap();
}

type Tampering = fn(&sled::Db);

#[test]
#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn each_sort_of_fault_is_named() {
    let cases: [(&str, Tampering, &[&str]); 27] = [
        ("nothing", |_| {}, &[]),
        (
            "a bit",
            |db| {
                let key = keys::cursor(&hook());
                let mut value = db.get(&key).unwrap().unwrap().to_vec();
                value[2] ^= 1;
                db.insert(key, value).unwrap();
            },
            &["the cursor of endpoint hr: its checksum does not hold"],
        ),
        (
            "a space that nobody knows",
            |db| drop(db.insert([0xee, 1], b"x".as_slice()).unwrap()),
            &["a key that begins with ee: of no space that this format has"],
        ),
        (
            "an entry that is gone",
            |db| drop(db.remove(keys::journal(Seq(2))).unwrap()),
            &[
                "the journal: entry 2 is missing",
                "the records: 10 of them are said to be as an entry left them, 9 are",
            ],
        ),
        (
            "entries that are gone, one of them named by a row",
            |db| {
                for seq in 3..=4 {
                    db.remove(keys::journal(Seq(seq))).unwrap();
                }
            },
            &[
                "the journal: entries 3 to 4 are missing",
                "the records: 10 of them are said to be as an entry left them, 8 are",
                "a parked delivery of endpoint hr, event 3: names an entry that is not there",
            ],
        ),
        (
            "a cursor ahead",
            |db| rewrite::<v5::Cursor>(db, &keys::cursor(&hook()), |row| row.settled = Seq(99)),
            &["the cursor of endpoint hr: ahead of the journal, which ends at entry 11"],
        ),
        (
            "a census that is off",
            |db| {
                rewrite::<v1::Census>(db, &keys::census(NO, Kind::User), |row| row.count += 1);
            },
            &[
                "the users of tenant t1: the fingerprints of users are 40 where the census counts 41",
            ],
        ),
        (
            "a fingerprint without a record",
            |db| blocks(db, |block| block.0.retain(|entry| entry.id != user(19))),
            &["user 60d5ca1b2f8a4c0000000013 of tenant t1: has a fingerprint and no record"],
        ),
        (
            "a record of an older page",
            |db| {
                blocks(db, |block| {
                    let first = block.0.iter_mut().find(|entry| entry.id == user(21));
                    if let Some(entry) = first {
                        entry.print.0[0] ^= 1;
                    }
                });
            },
            &["user 60d5ca1b2f8a4c0000000015 of tenant t1: not as last written"],
        ),
        (
            "a record that the journal is ahead of",
            |db| {
                blocks(db, |block| {
                    let entry = block.0.iter_mut().find(|entry| entry.id == user(4));
                    if let Some(entry) = entry {
                        entry.version = Version::START;
                    }
                });
            },
            &[
                "journal entry 6: tells of the user 60d5ca1b2f8a4c0000000004, whose version is 0, an \
                 earlier one",
            ],
        ),
        (
            "a record that is gone with all that stands for it",
            |db| {
                blocks(db, |block| block.0.retain(|entry| entry.id != user(5)));
                buckets(db, |bucket| bucket.0.retain(|(id, _)| *id != user(5)));
                recount(db);
            },
            &["journal entry 7: leaves a user that is not there, and no later entry deletes it"],
        ),
        (
            "a record without a fingerprint",
            |db| {
                buckets(db, |bucket| bucket.0.retain(|(id, _)| *id != user(22)));
                recount(db);
            },
            &["user 60d5ca1b2f8a4c0000000016 of tenant t1: is there without a fingerprint"],
        ),
        (
            "a tenant that is gone",
            |db| drop(db.remove(keys::tenant(NO)).unwrap()),
            &[
                "the mark of the first load of tenant number 1: of a tenant, number 1, that the \
                 store does not know",
                "the users of tenant number 1: of a tenant, number 1, that the store does not know",
                "journal entry 1: of a tenant that the store does not know",
            ],
        ),
        (
            "a row of a plan that is gone",
            |db| drop(db.remove(keys::plan_row(NO, 1)).unwrap()),
            &["the plan of tenant t1: of 2 rows 0 are carried out and 1 are there"],
        ),
        (
            "a tally that is off",
            |db| {
                let key = keys::tally(&TenantName("t1".to_owned()));
                rewrite::<v2::Tally>(db, &key, |row| row.count += 1);
            },
            &["the tally of the runs of t1: is not what the runs come to"],
        ),
        (
            "a loss that is not counted",
            |db| {
                let key = keys::run(&TenantName("t1".to_owned()), crate::model::RunId(2));
                rewrite::<v9::run::Run>(db, &key, |row| {
                    row.trigger = v9::run::Trigger::Audit;
                    row.lost = vec![(v1::Loss::Users, 3)];
                });
            },
            &["the tally of the runs of t1: is not what the runs come to"],
        ),
        (
            "plans of a tenant that is not there",
            |db| {
                let key = keys::plan(NO);
                let value = db.get(&key).unwrap().unwrap();
                let row: v1::PlanRow<'_> = codec::read_row(&key, &value).unwrap();
                let other = keys::plan(TenantNo(9));
                db.insert(&*other, codec::row(&other, &row)).unwrap();
            },
            &["a plan of tenant number 9: of a tenant, number 9, that the store does not know"],
        ),
        (
            "an accepted finding of a tenant that is not there",
            |db| accept(db, keys::accepted(TenantNo(9), FindingId([1; 5]))),
            &["a finding that was accepted: of a tenant, number 9, that the store does not know"],
        ),
        (
            "an acceptance of no finding",
            |db| accept(db, keys::accepted_prefix(NO)),
            &["a finding that was accepted: of no finding"],
        ),
        (
            "a space under the id of another",
            |db| {
                let key = keys::space(NO, &SpaceId(support::id(Kind::Group, 2)));
                let row = v9::space::SpaceRow::from(spaces::kept(1, "consumer"));
                db.insert(&*key, codec::packed_row(&key, &row)).unwrap();
            },
            &["a space of tenant t1: of another space"],
        ),
        (
            "a space to be read of a tenant that is not there",
            |db| {
                let id = SpaceId(support::id(Kind::Group, 1));
                let key = keys::space_todo(TenantNo(9), &id);
                let row = v6::space::SpaceTodo {
                    notes: 1,
                    is_gone: false,
                };
                db.insert(&*key, codec::row(&key, &row)).unwrap();
            },
            &[
                "how far spaces were read of tenant number 9: of a tenant, number 9, that the store \
                 does not know",
            ],
        ),
        (
            "doubts about the lists of a space of a tenant that is not there",
            |db| {
                let id = SpaceId(support::id(Kind::Group, 1));
                let key = keys::space_doubts(TenantNo(9), &id);
                let row = v9::space_doubts::SpaceDoubts(Vec::new());
                db.insert(&*key, codec::row(&key, &row)).unwrap();
            },
            &[
                "the lists of a space that lost many members of tenant number 9: of a tenant, \
                 number 9, that the store does not know",
            ],
        ),
        (
            "the session of a user of a tenant that is not there",
            |db| {
                let user = UserId(support::id(Kind::User, 1));
                let key = keys::session(TenantNo(9), &user);
                let row = v7::session::LastSession(Timestamp::from_millis(7));
                db.insert(&*key, codec::row(&key, &row)).unwrap();
            },
            &[
                "the last session of a user of tenant number 9: of a tenant, number 9, that the \
                 store does not know",
            ],
        ),
        (
            "a licence under another subject",
            |db| {
                let key = keys::licence(NO, &SubjectKey::of("bob"));
                let eve = v7::licence::LicenceAssignment {
                    subject: "Eve".into(),
                    sort: None,
                    excess: None,
                    created_at: None,
                };
                let row = v10::licence::LicenceRow {
                    assignments: Vec::new(),
                    reading: 1,
                    shown: Some(vec![eve]),
                    changed_at: None,
                };
                db.insert(&*key, codec::row(&key, &row)).unwrap();
            },
            &["an assignment of a licence of tenant t1: of another subject"],
        ),
        (
            "a run that is said to have ended",
            |db| drop(db.remove(keys::open_run(crate::model::RunId(2))).unwrap()),
            &["run-2: is said to go on, or goes on and is not said to"],
        ),
        (
            "a number that is given twice",
            |db| {
                let row = codec::put(keys::last_run(), &v2::LastRun(crate::model::RunId(1)));
                db.insert(row.0, row.1.unwrap()).unwrap();
            },
            &["the last number of a run: is run-1, and run-2 is there"],
        ),
        (
            "an entry that was cut and is there",
            |db| {
                let row = codec::put(keys::cut(), &v1::Seq(1));
                db.insert(row.0, row.1.unwrap()).unwrap();
            },
            &["journal entry 1: is there, though the journal was cut up to entry 1"],
        ),
    ];
    for (case, tampering, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path()).close().unwrap();
        tamper(folder.path(), tampering);

        let mut found = faults(folder.path());

        // If a tenant is missing, every one of its entries is reported.
        found.truncate(expected.len().max(1));
        assert_eq!(found, expected, "{case}");
    }
}

fn accept(db: &sled::Db, key: keys::Key) {
    let row = v4::Acceptance {
        at: support_time(),
        by: "ops".to_owned(),
        why: "known".to_owned(),
        extent: Vec::new(),
    };
    let value = codec::row(&key, &row);
    db.insert(key, value).unwrap();
}

fn blocks(db: &sled::Db, change: impl Fn(&mut Block)) {
    for row in db.scan_prefix(keys::state_prefix(NO, Kind::User)) {
        let (key, value) = row.unwrap();
        let mut block = Block::read(&key, &value).unwrap();
        change(&mut block);
        db.insert(&key, block.write(&key.to_vec())).unwrap();
    }
}

fn buckets(db: &sled::Db, change: impl Fn(&mut Bucket)) {
    for row in db.scan_prefix(keys::bucket_prefix(NO, Kind::User)) {
        let (key, value) = row.unwrap();
        let mut bucket = Bucket::read(&key, &value).unwrap();
        change(&mut bucket);
        db.insert(&key, bucket.write(&key.to_vec())).unwrap();
    }
}

/// Recomputes the census from the buckets.
fn recount(db: &sled::Db) {
    let mut census = crate::store::values::census::Census::default();
    buckets(db, |_| {});
    for row in db.scan_prefix(keys::bucket_prefix(NO, Kind::User)) {
        let (key, value) = row.unwrap();
        for (id, print) in Bucket::read(&key, &value).unwrap().0 {
            census.add(&id, print);
        }
    }
    let (key, value) = codec::put(keys::census(NO, Kind::User), &v1::Census::from(census));
    db.insert(key, value.unwrap()).unwrap();
}

#[test]
fn a_check_of_what_is_not_there_or_in_use_says_so_and_makes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    assert_eq!(
        Store::check_at(&nowhere).unwrap_err().code(),
        "store.not-there"
    );
    assert!(!nowhere.exists());

    let store = open(folder.path());
    assert_eq!(
        Store::check_at(folder.path()).unwrap_err().code(),
        "store.locked"
    );
    store.close().unwrap();
}

#[test]
fn a_store_that_does_not_open_is_named_so_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    // Not at its beginning, where sled would see no log at all.
    let db = folder.path().join("current/db");
    let mut bytes = fs::read(&db).unwrap();
    let middle = bytes.len() / 2;
    bytes.truncate(middle);
    fs::write(&db, bytes).unwrap();

    let faults = faults(folder.path());

    assert!(!faults.is_empty());
    assert!(!folder.path().join("checking").exists());
    assert!(!folder.path().join("damaged-1").exists());
}

#[test]
fn a_check_that_was_stopped_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path()).close().unwrap();
    fs::create_dir(folder.path().join("checking")).unwrap();
    fs::write(folder.path().join("checking/db"), b"half").unwrap();

    assert_eq!(faults_without_comparing(folder.path()), [] as [String; 0]);
    assert!(!folder.path().join("checking").exists());
    fs::create_dir(folder.path().join("checking")).unwrap();
    open(folder.path()).close().unwrap();
    assert!(!folder.path().join("checking").exists());
}

fn faults_without_comparing(path: &Path) -> Vec<String> {
    let checked = Store::check_at(path).unwrap();
    checked.faults.iter().map(Fault::to_string).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Commits continue during the check.
    #[test]
    fn a_store_that_is_worked_with_is_found_sound(
        numbers in prop::collection::vec((0..60_u32, any::<bool>()), 40..200),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let store = filled(folder.path());
        let known = adopt(&store, 1);
        let checking = store.clone();
        let (begun, checked) = std::thread::scope(|scope| {
            let (tell, told) = std::sync::mpsc::sync_channel(1);
            let checks = scope.spawn(move || {
                tell.send(()).unwrap();
                (0..20).flat_map(|_| checking.check().unwrap().faults).collect::<Vec<_>>()
            });
            let begun = told.recv();
            for (number, goes) in &numbers {
                let after = record(Kind::User, *number, &format!("as of {number}"));
                let before = store.get(known.no, &after.to_ref()).unwrap();
                let change = match before {
                    None => Change::Created { after, replaces: None },
                    Some(kept) if *goes => Change::Deleted { before: kept.record },
                    Some(kept) => Change::Updated { before: kept.record, after },
                };
                support::commit(&store, &known, vec![support::change(change)]).unwrap();
                let run = store.begin_run(new_run()).unwrap();
                store.save_run(&crate::model::Run { outcome: Outcome::Succeeded, ..run }).unwrap();
            }
            (begun, checks.join().unwrap())
        });
        prop_assert_eq!(begun, Ok(()));
        prop_assert_eq!(checked, []);
        prop_assert_eq!(store.check().unwrap().faults, []);
    }
}
