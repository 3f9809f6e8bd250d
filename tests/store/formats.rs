//! The bytes of the newest format are frozen, stores of every earlier format still open, and a
//! large store is migrated in bounded memory.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use qlik_roster::model::{Mode, Outcome, Run, RunId, TenantName, Timestamp, Trigger};
use qlik_roster::store::{NewRun, Store};

use crate::fixture;
use crate::format_1::{self, Rows, opened, sealed};
use crate::load;
use crate::migration;
use crate::support::{Role, adopt, read_users, spawn, tell};

/// The newest format. It is written out, so that this test has to change with it.
pub const NEWEST: u32 = 10;

/// Two sizes: one small enough for every test run, and one for which the limit is promised.
const SOME: u32 = 30_000;
const MANY: u32 = 1_000_000;

/// The most memory that a migrating process may take, including what the test itself takes.
const CEILING_KB: u64 = 256 * 1024;

#[test]
fn the_bytes_of_the_newest_format_are_as_they_were_first_written() {
    let folder = tempfile::tempdir().unwrap();
    fixture::make(folder.path()).unwrap();

    let found = in_words(&format_1::rows(folder.path()));

    let path = fixtures().join(format!("format-{NEWEST}.rows"));
    if std::env::var_os("FIXTURE_ROWS").is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    let differs = kept.lines().zip(found.lines()).find(|(a, b)| a != b);
    assert!(
        found == kept,
        "what is stored has other bytes than format {NEWEST} was first written with: {differs:?}. \
         A store that somebody has would not read: give the layout a new number, as ARCHITECTURE.md \
         tells"
    );
}

#[test]
fn every_format_that_was_ever_written_opens() {
    let mut formats = Vec::new();
    for entry in std::fs::read_dir(fixtures()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        formats.extend(
            name.strip_prefix("format-")
                .and_then(|n| n.parse::<u32>().ok()),
        );
    }
    formats.sort_unstable();
    assert!((1..NEWEST).eq(formats.iter().copied()), "{formats:?}");

    for format in formats {
        let folder = tempfile::tempdir().unwrap();
        migration::fixture(format, folder.path());
        let checked = Store::check_at(folder.path()).unwrap();
        assert_eq!((checked.format, checked.faults), (format, Vec::new()));
        let opened = Store::open(folder.path()).unwrap();
        assert_eq!(opened.moved_aside, None);
        opened.store.close().unwrap();
        let checked = Store::check_at(folder.path()).unwrap();
        assert_eq!((checked.format, checked.newest_format), (NEWEST, NEWEST));
        assert_eq!(checked.faults, []);
    }
}

/// Returns key and value of each row in hexadecimal, without the store's own id, which differs.
fn in_words(rows: &Rows) -> String {
    let mut words = String::new();
    for (key, value) in rows {
        let value = match &**key {
            [0x01, 0x00] => hex::encode(&value[..2]),
            _ => hex::encode(value),
        };
        writeln!(words, "{} {value}", hex::encode(key)).unwrap();
    }
    words
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/store/fixtures")
}

#[test]
fn some_users_migrate_in_bounded_memory() {
    migrate_many(SOME);
}

#[test]
#[ignore = "takes minutes; run with --ignored --release --nocapture"]
fn a_million_users_migrate_in_bounded_memory() {
    migrate_many(MANY);
}

fn migrate_many(users: u32) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    load::load(&store, users);
    end_runs(&store, 20, 50);
    store.close().unwrap();
    turn_back(folder.path());

    let (mut child, told) = spawn(Role::Weigh, folder.path());
    let told: Vec<String> = told.collect();
    child.wait().unwrap();

    println!("{users} users: {told:?}");
    let peak: u64 = told[0].split(' ').next().unwrap().parse().unwrap();
    assert!(peak < CEILING_KB, "{told:?}");
    let store = Store::open(folder.path()).unwrap().store;
    assert_eq!(read_users(&store, &adopt(&store)).len(), users as usize);
    assert_eq!(store.runs(None, usize::MAX).unwrap().len(), 1_000);
    store.close().unwrap();
}

/// Opens a store, and tells the peak memory and the time that this took.
pub fn weigh(folder: &Path) {
    let began = Instant::now();
    let opened = Store::open(folder).unwrap();
    assert_eq!(opened.moved_aside, None);
    tell(format!("{} {:?}", load::peak_kb(), began.elapsed()));
    opened.store.close().unwrap();
}

/// Makes this many finished runs of each of this many tenants.
fn end_runs(store: &Store, tenants: u32, runs: u32) {
    for run in 0..runs {
        for tenant in 0..tenants {
            let begun = store.begin_run(NewRun {
                tenant_name: TenantName(format!("tenant-{tenant}")),
                tenant: None,
                trigger: Trigger::Schedule,
                mode: Mode::Commit,
                started_at: Timestamp::from_millis(i64::from(run)),
            });
            let ended = Run {
                outcome: Outcome::Succeeded,
                ..begun.unwrap()
            };
            store.save_run(&ended).unwrap();
        }
    }
}

/// Opens the database of a store that nobody has open.
pub fn sled_at(folder: &Path) -> sled::Db {
    let config = sled::Config::new().path(folder.join("current"));
    loop {
        match config.open() {
            Ok(db) => return db,
            Err(sled::Error::Io(_)) => std::thread::yield_now(),
            Err(other) => panic!("{other}"),
        }
    }
}

/// Turns a store of the newest format into one of format 1. Its runs have the same values there,
/// except for what was read of spaces and licences. Entries can be read in any layout.
fn turn_back(folder: &Path) {
    let db = sled_at(folder);
    let format = [0x01, 0x00];
    let value = db.get(format).unwrap().unwrap();
    let (_, payload) = opened(&format, &value);
    let older = [&[1], &payload[1..]].concat();
    db.insert(format, sealed(&format, &older)).unwrap();
    let head = [0x01, 0x01];
    let value = db.get(head).unwrap().unwrap();
    let (_, payload) = opened(&head, &value);
    let (commits, last, at, _): (u64, u64, i64, u64) = postcard::from_bytes(payload).unwrap();
    let older = postcard::to_stdvec(&(commits, last, at)).unwrap();
    db.insert(head, sealed(&head, &older)).unwrap();
    db.remove([0x01, 0x05]).unwrap();
    for space in [0x61, 0x62, 0x63] {
        for row in db.scan_prefix([space]) {
            let (key, value) = row.unwrap();
            if space == 0x61 {
                let numbered = [&[0x60], &key[key.len() - 8..]].concat();
                let (_, payload) = opened(&key, &value);
                let (payload, apart) = payload.split_last_chunk().unwrap();
                assert_eq!(*apart, [0, 0], "nothing was read of spaces and the licence");
                db.insert(&*numbered, sealed(&numbered, payload)).unwrap();
            }
            db.remove(key).unwrap();
        }
    }
    db.flush().unwrap();
}

/// Measures how long a start takes to answer its questions about runs.
#[test]
#[ignore = "a measurement; run with --ignored --release --nocapture"]
fn how_long_a_start_takes_with_the_runs_of_many_tenants() {
    for (tenants, runs) in [(100, 300), (500, 2_000)] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        end_runs(&store, 1, 1);
        store.close().unwrap();
        turn_back(folder.path());
        multiply_runs(folder.path(), tenants, runs);
        let began = Instant::now();
        let store = Store::open(folder.path()).unwrap().store;
        let migrating = began.elapsed();
        store.close().unwrap();

        let began = Instant::now();
        let store = Store::open(folder.path()).unwrap().store;
        let opening = began.elapsed();
        let began = Instant::now();
        let left = store.close_interrupted_runs(Timestamp::from_millis(0));
        assert_eq!(left.unwrap(), []);
        for tenant in 0..tenants {
            let name = TenantName(format!("tenant-{tenant}"));
            let sweep = store.last_sweep(&name).unwrap();
            assert_eq!(sweep, store.newest_run(&name, Run::is_sweep).unwrap());
        }
        let asked = began.elapsed();
        let began = Instant::now();
        let newest = store.runs(None, 500).unwrap();
        assert_eq!(newest[0].id, RunId(u64::from(tenants * runs)));
        println!(
            "{tenants} tenants with {runs} runs each: migrated in {migrating:?}, opened in \
             {opening:?}, what was left and the last of each in {asked:?}, the newest 500 of all \
             in {:?}",
            began.elapsed()
        );
        store.close().unwrap();
    }
}

/// Gives a store of format 1 the runs of many tenants, each like its only run.
fn multiply_runs(folder: &Path, tenants: u32, runs: u32) {
    let db = sled_at(folder);
    let first = [&[0x60][..], &1_u64.to_be_bytes()].concat();
    let value = db.get(&first).unwrap().unwrap();
    // Number and name of the tenant come first.
    let (_, payload) = opened(&first, &value);
    let rest = &payload[2 + "tenant-0".len()..];
    let mut batch = sled::Batch::default();
    for id in 1..=u64::from(tenants * runs) {
        let name = format!("tenant-{}", id % u64::from(tenants));
        let number = postcard::to_stdvec(&(id, name)).unwrap();
        let key = [&[0x60][..], &id.to_be_bytes()].concat();
        let value = sealed(&key, &[&number, rest].concat());
        batch.insert(key, value);
        if id % 200 == 0 {
            db.apply_batch(std::mem::take(&mut batch)).unwrap();
        }
    }
    db.apply_batch(batch).unwrap();
    db.flush().unwrap();
}
