//! Flipped bytes, zeroed blocks and cut tails: either the store is moved aside, and the new one
//! contains everything that could be read, or nothing is lost at all. There is never a panic, and
//! never wrong data.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use qlik_roster::model::{Acceptance, Entry, Fact, FindingId, Kind, Record, Seq, Timestamp};
use qlik_roster::store::{Store, StoreError};

use crate::format_1::{self, Rows};
use crate::support::{Writer, adopt, copy_folder, hook, read_users};

/// How many damages are tried, and how many of them must hit something that counts. Which bytes
/// still count differs with each run, so more are tried, up to a limit, until enough have hit.
const DAMAGES: usize = 60;
const COUNTING: usize = DAMAGES / 3 + 1;
const MOST: usize = 3 * DAMAGES;

/// What the sound store contains.
#[derive(PartialEq)]
struct Truth {
    entries: Vec<Entry>,
    users: Vec<Record>,
    rows: Rows,
}

#[test]
fn damage_to_a_store_that_was_never_reopened_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let truth = fill(folder.path());

    damage_it(folder.path(), &truth, 3);
}

#[test]
fn damage_to_a_store_that_was_reopened_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let truth = fill(folder.path());
    Store::open(folder.path()).unwrap().store.close().unwrap();

    damage_it(folder.path(), &truth, 4);
}

fn fill(path: &Path) -> Truth {
    let mut writer = Writer::new(Store::open(path).unwrap().store, 20);
    for _ in 0..150 {
        writer.commit().unwrap();
    }
    let acceptance = Acceptance {
        at: Timestamp::from_millis(7),
        by: "ops".to_owned(),
        why: "it is the break-glass account".to_owned(),
        extent: BTreeSet::new(),
    };
    let (store, no) = (&writer.store, writer.known.no);
    store.accept(no, FindingId([1; 5]), &acceptance).unwrap();
    let mut truth = Truth {
        rows: Rows::new(),
        entries: writer.store.entries(Seq::START, usize::MAX).unwrap(),
        users: read_users(&writer.store, &writer.known)
            .into_values()
            .collect(),
    };
    writer.store.close().unwrap();
    let copy = tempfile::tempdir().unwrap();
    copy_folder(path, copy.path());
    truth.rows = format_1::rows(copy.path());
    truth
}

#[derive(Debug)]
enum Damage {
    Flip(usize),
    Zero(usize),
    Cut(usize),
}

fn damage_it(sound: &Path, truth: &Truth, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut at_opening, mut later, mut harmless) = (0, 0, 0);
    let (mut unopened, mut whole) = (0, 0);
    let mut salvaged = |damage: &Damage, n_rows: usize, n_missing: u64| {
        unopened += u32::from(n_rows == 0);
        whole += u32::from(n_missing == 0);
        // The damage hits a page or two, and each has a few dozen entries. But a cut may take half
        // of a file.
        let n_all = truth.entries.len() as u64;
        let is_cut = matches!(damage, Damage::Cut(_));
        assert!(
            is_cut || n_missing * 8 < n_all,
            "{damage:?}: {n_missing} of {n_all}"
        );
    };
    let mut n_tried = 0;
    while n_tried < DAMAGES || (at_opening + later < COUNTING && n_tried < MOST) {
        n_tried += 1;
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("store");
        copy_folder(sound, &path);
        let (file, damage) = damage(&path.join("current"), &mut random);

        let reads = what_reads(&path.join("current"), &truth.rows);
        let opened =
            Store::open(&path).unwrap_or_else(|error| panic!("{damage:?} of {file}: {error:?}"));
        if opened.moved_aside.is_some() {
            at_opening += 1;
            println!("{damage:?} of {file}: found at the opening");
            let n_missing = check_salvaged(&path, &opened.store, truth, &reads);
            salvaged(&damage, reads.len(), n_missing);
            continue;
        }
        match read_all(&opened.store, truth) {
            Ok(()) => harmless += 1,
            Err(error) => {
                assert_eq!(
                    error.code(),
                    "store.damaged",
                    "{damage:?} of {file}: {error:?}"
                );
                // Only a cut is found later: any other damage shows in the log before the store is
                // opened.
                assert!(
                    matches!(damage, Damage::Cut(_)),
                    "{damage:?} of {file}: {error}"
                );
                later += 1;
                opened.store.close().unwrap_err();
                let reads = what_reads(&path.join("current"), &truth.rows);
                let again = Store::open(&path).unwrap();
                assert!(again.moved_aside.is_some(), "{damage:?} of {file}: {error}");
                println!("{damage:?} of {file}: found by {error}");
                let n_missing = check_salvaged(&path, &again.store, truth, &reads);
                salvaged(&damage, reads.len(), n_missing);
            }
        }
    }
    println!(
        "{n_tried} damages: {at_opening} found at the opening, {later} later, {harmless} harmless; \
         {unopened} that sled does not open, {whole} of which no entry is missing"
    );
    assert!(
        at_opening + later >= COUNTING,
        "most damages should meet something that counts"
    );
}

/// Reads what the database of a damaged store still yields, without any code of the store: rows in
/// order, from both ends up to the first that cannot be read, and each entry of the journal.
/// Returns the keys of the rows that are unchanged.
fn what_reads(database: &Path, sound: &Rows) -> BTreeSet<Vec<u8>> {
    let place = tempfile::tempdir().unwrap();
    let copy = place.path().join("current");
    copy_folder(database, &copy);
    let config = sled::Config::new().path(&copy);
    let opened = catch_unwind(AssertUnwindSafe(|| config.open()));
    let Some(db) = opened.ok().and_then(Result::ok) else {
        return BTreeSet::new();
    };
    let is_sound = |key: &[u8], value: &[u8]| sound.get(key).is_some_and(|sound| sound == value);
    let mut reads = BTreeSet::new();
    let mut note = |key: &[u8], value: &[u8]| {
        if is_sound(key, value) {
            reads.insert(key.to_vec());
        }
    };
    let mut rows = db.iter();
    while let Ok(Some(Ok((key, value)))) = catch_unwind(AssertUnwindSafe(|| rows.next())) {
        note(&key, &value);
    }
    let mut rows = db.iter();
    while let Ok(Some(Ok((key, value)))) = catch_unwind(AssertUnwindSafe(|| rows.next_back())) {
        note(&key, &value);
    }
    for key in sound.keys().filter(|key| key[0] == 0x30) {
        if let Ok(Ok(Some(value))) = catch_unwind(AssertUnwindSafe(|| db.get(key))) {
            note(key, &value);
        }
    }
    reads
}

/// Checks that everything that could be read is in the new store, that the rest is reported as
/// missing, and that no id has other content. Returns how many entries are missing.
fn check_salvaged(path: &Path, store: &Store, truth: &Truth, reads: &BTreeSet<Vec<u8>>) -> u64 {
    let id = store.id();
    let found = store.entries(Seq::START, usize::MAX).unwrap();
    let by_id: BTreeMap<String, &Entry> = truth
        .entries
        .iter()
        .map(|entry| (entry.event_id(id).to_string(), entry))
        .collect();
    for entry in &found {
        if let Some(same) = by_id.get(&entry.event_id(id).to_string()) {
            assert_eq!(entry, *same);
        }
    }
    for pair in found.windows(2) {
        assert!(pair[0].version() < pair[1].version(), "{pair:?}");
    }
    let loss = store
        .open_loss()
        .unwrap()
        .expect("the loss is kept in mind");
    let told = store.entry(loss.entry).unwrap().unwrap();
    assert_eq!(told.fact, Fact::HistoryLost(loss.missing));
    let n_read = found.iter().filter(|entry| truth.entries.contains(entry));
    let n_read = n_read.count() as u64;
    let n_all = truth.entries.len() as u64;
    assert_eq!(loss.missing.entries, n_all - n_read, "{loss:?}");
    assert_eq!(loss.entry, Seq(n_all + 1));
    let known = adopt(store);
    let users = read_users(store, &known);
    // Users may be back from an older page; the next sweep corrects that.
    assert!(users.len() <= truth.users.len() + 20);
    if reads.contains(&[&[0x50], hook().0.as_bytes()].concat()) {
        let cursor = store.cursor(&hook()).unwrap();
        let cursor = cursor.unwrap_or_else(|| panic!("{} read: {loss:?}", reads.len()));
        assert!(cursor.settled < loss.entry);
    }
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
    let after = format_1::rows(path);
    for key in reads.iter().filter(|key| is_kept(key)) {
        let is_there = after.get(key) == truth.rows.get(key);
        assert!(
            is_there,
            "{} of {} that read: {loss:?}",
            hex::encode(key),
            reads.len()
        );
    }
    loss.missing.entries
}

/// Returns whether a row is kept as it is. Others are computed again, or describe the new store.
fn is_kept(key: &[u8]) -> bool {
    match key[0] {
        // What the store says about itself; the end of a first load; fingerprints and the census;
        // plans.
        0x01 | 0x11 | 0x21 | 0x22 | 0x40 | 0x41 => false,
        _ => true,
    }
}

/// Reads everything. Whatever can be read must be right.
fn read_all(store: &Store, truth: &Truth) -> Result<(), StoreError> {
    assert_eq!(store.last_seq().0, truth.entries.len() as u64);
    let mut failure = None;
    for expected in &truth.entries {
        match store.entry(expected.seq) {
            Ok(entry) => assert_eq!(entry.as_ref(), Some(expected)),
            Err(error) => failure = Some(error),
        }
    }
    if let Some(error) = failure {
        return Err(error);
    }
    let known = adopt(store);
    for expected in &truth.users {
        let kept = store.get(known.no, &expected.to_ref())?;
        assert_eq!(kept.map(|kept| kept.record).as_ref(), Some(expected));
    }
    let all = store.list(known.no, Kind::User, None, usize::MAX)?;
    assert_eq!(all.len(), truth.users.len());
    let census = store.fingerprints(known.no, Kind::User, &mut |_, _| {})?;
    assert_eq!(census.count, truth.users.len() as u64);
    Ok(())
}

fn damage(current: &Path, random: &mut fastrand::Rng) -> (String, Damage) {
    // The database mostly; now and then one of the small files beside it.
    let file = if random.u8(..10) > 0 {
        current.join("db")
    } else {
        let mut files: Vec<PathBuf> = fs::read_dir(current)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            // After a clean close the note of the last commit is empty.
            .filter(|path| {
                path.metadata()
                    .is_ok_and(|file| file.is_file() && file.len() > 0)
            })
            .collect();
        files.sort();
        random.choice(files).unwrap()
    };
    let mut bytes = fs::read(&file).unwrap();
    // sled's file is longer than its content.
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let place = random.usize(..used);
    let damage = match random.u8(..3) {
        0 => Damage::Flip(place),
        1 => Damage::Zero(place),
        _ => Damage::Cut(random.usize(used / 2..used)),
    };
    match damage {
        Damage::Flip(place) => bytes[place] ^= 1 << random.u8(..8),
        Damage::Zero(place) => {
            let end = bytes.len().min(place + 4096);
            bytes[place..end].fill(0);
        }
        Damage::Cut(len) => bytes.truncate(len),
    }
    fs::write(&file, bytes).unwrap();
    (file.display().to_string(), damage)
}
