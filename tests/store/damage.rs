//! Flipped bytes, zeroed blocks and cut tails: a clear error and a store moved aside, or
//! nothing lost at all; never a panic, never wrong data.

use std::fs;
use std::path::{Path, PathBuf};

use qlik_roster::model::{Entry, Kind, Record, Seq};
use qlik_roster::store::{Store, StoreError};

use crate::support::{Writer, adopt, copy_folder, read_users};

const DAMAGES: usize = 60;

/// What the sound store holds.
#[derive(PartialEq)]
struct Truth {
    entries: Vec<Entry>,
    users: Vec<Record>,
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
    let truth = Truth {
        entries: writer.store.entries(Seq::START, usize::MAX).unwrap(),
        users: read_users(&writer.store, &writer.known)
            .into_values()
            .collect(),
    };
    writer.store.close().unwrap();
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
    for _ in 0..DAMAGES {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("store");
        copy_folder(sound, &path);
        let (file, damage) = damage(&path.join("current"), &mut random);

        let opened =
            Store::open(&path).unwrap_or_else(|error| panic!("{damage:?} of {file}: {error:?}"));
        if opened.moved_aside.is_some() {
            assert_eq!(opened.store.last_seq(), Seq::START);
            at_opening += 1;
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
                later += 1;
                opened.store.close().unwrap_err();
                let again = Store::open(&path).unwrap();
                assert!(again.moved_aside.is_some(), "{damage:?} of {file}: {error}");
            }
        }
    }
    println!(
        "{DAMAGES} damages: {at_opening} found at the opening, {later} later, {harmless} harmless"
    );
    assert!(
        at_opening + later > DAMAGES / 3,
        "most damages should meet something that counts"
    );
}

/// Reads everything; what reads must be the truth.
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
    // sled makes its file longer than what is in it.
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
