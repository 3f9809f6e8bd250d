//! Checks that what we read from a log is what sled wrote.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::Path;

use proptest::prelude::*;

use crate::store::layout::codec;
use crate::store::layout::keys::Key;

use super::segment::{Header, SEGMENT};
use super::{Log, RowChange};

type Rows = BTreeMap<Key, Vec<u8>>;

/// Replays a log into memory.
fn replayed(database: &Path) -> Rows {
    let mut rows = Rows::new();
    let mut log = Log::open(database).unwrap();
    log.replay(&mut |change| {
        match change {
            RowChange::Set(key, value) => {
                rows.insert(key, value);
            }
            RowChange::Delete(key) => {
                rows.remove(&key);
            }
            RowChange::Page {
                low,
                high,
                rows: page,
            } => {
                let end = match high.is_empty() {
                    true => Bound::Unbounded,
                    false => Bound::Excluded(high),
                };
                let old: Vec<Key> = rows
                    .range((Bound::Included(low), end))
                    .map(|row| row.0.clone())
                    .collect();
                for key in old {
                    rows.remove(&key);
                }
                rows.extend(page);
            }
        }
        Ok::<_, io::Error>(())
    })
    .unwrap();
    rows
}

fn value(key: &[u8], len: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let payload: Vec<u8> = (0..len).map(|_| random.u8(..)).collect();
    codec::seal(1, key, &[], &payload)
}

/// Changes a database at random: many small values, some that get files of their own, and
/// deletions.
fn change(db: &sled::Db, n_changes: u32, random: &mut fastrand::Rng) {
    for n in 0..n_changes {
        let number = random.u32(..=n_changes / 2);
        let mut key = vec![0x20 + random.u8(..3)];
        key.extend(number.to_be_bytes());
        match random.u8(..20) {
            0..6 => drop(db.remove(&key).unwrap()),
            6 => {
                let mut edits = sled::Batch::default();
                for more in 0..30_u8 {
                    let key = [key.as_slice(), &[more]].concat();
                    edits.insert(key.clone(), value(&key, 300, random));
                }
                db.apply_batch(edits).unwrap();
            }
            7 if n % 10 == 0 => drop(db.insert(&key, value(&key, 200_000, random)).unwrap()),
            _ => drop(db.insert(&key, value(&key, 200, random)).unwrap()),
        }
    }
}

fn rows_of(db: &sled::Db) -> Rows {
    db.iter()
        .map(|row| {
            row.map(|(key, value)| (key.to_vec(), value.to_vec()))
                .unwrap()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_rows_of_a_log_are_those_that_sled_reads(seed: u64, openings in 1..4_usize, n in 50..900_u32) {
        let folder = tempfile::tempdir().unwrap();
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..openings {
            let db = sled::Config::new().path(folder.path()).flush_every_ms(Some(50)).open().unwrap();
            change(&db, n, &mut random);
            db.flush().unwrap();
            let truth = rows_of(&db);
            drop(db);
            crate::store::engine::opening::database::wait_until_free(folder.path()).unwrap();

            let found = replayed(folder.path());
            prop_assert!(found == truth);
            prop_assert!(!Log::open(folder.path()).unwrap().has_a_gap().unwrap());
        }
    }
}

/// Makes a database; six thousand rows take several segments.
fn filled(path: &Path, n_rows: u32) -> Rows {
    let mut random = fastrand::Rng::with_seed(7);
    let db = sled::Config::new().path(path).open().unwrap();
    for number in 0..n_rows {
        let key = [&[0x30], number.to_be_bytes().as_slice()].concat();
        db.insert(&key, value(&key, 400, &mut random)).unwrap();
    }
    db.flush().unwrap();
    let truth = rows_of(&db);
    drop(db);
    crate::store::engine::opening::database::wait_until_free(path).unwrap();
    truth
}

#[test]
fn what_lies_behind_damage_is_read_and_the_gap_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let truth = filled(folder.path(), 6_000);
    let file = folder.path().join("db");
    let sound = fs::read(&file).unwrap();
    let n_used = sound.iter().rposition(|byte| *byte != 0).unwrap();
    assert!(n_used > 4 * SEGMENT);
    let newest = (newest_end(&sound) - 1) / SEGMENT;

    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..40 {
        let at = random.usize(..n_used - 2 * SEGMENT);
        let mut bytes = sound.clone();
        match random.bool() {
            true => bytes[at] ^= 1 << random.u8(..8),
            false => bytes[at..at + 4096].fill(0),
        }
        if bytes == sound {
            continue;
        }
        fs::write(&file, &bytes).unwrap();
        let rows = replayed(folder.path());
        let n_same = truth
            .iter()
            .filter(|(key, value)| rows.get(*key) == Some(value))
            .count();

        // One of sled's pages has a few dozen of these rows.
        assert!(
            n_same + 200 > truth.len(),
            "{at}: {n_same} of {}",
            truth.len()
        );
        assert!(rows.keys().all(|key| truth.contains_key(key)));
        // What is missing at the end of the newest segment looks like the work of an interrupted
        // process.
        if truth.len() > n_same && at / SEGMENT != newest {
            assert!(
                Log::open(folder.path()).unwrap().has_a_gap().unwrap(),
                "{at}"
            );
        }
    }
}

#[test]
fn a_log_that_ends_in_the_middle_of_a_message_has_no_gap() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 200);
    let file = folder.path().join("db");
    let sound = fs::read(&file).unwrap();
    let n_used = sound.iter().rposition(|byte| *byte != 0).unwrap();

    fs::write(&file, &sound[..n_used - 5]).unwrap();

    assert!(!Log::open(folder.path()).unwrap().has_a_gap().unwrap());
}

#[test]
fn what_is_missing_at_the_end_of_an_older_segment_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 6_000);
    let file = folder.path().join("db");
    let sound = fs::read(&file).unwrap();
    let newest = (newest_end(&sound) - 1) / SEGMENT;
    let mut n_damaged = 0;
    for place in (0..sound.len() / SEGMENT).filter(|place| *place != newest) {
        let end = (place + 1) * SEGMENT;
        let mut bytes = sound.clone();
        bytes[end - 9_000..end].fill(0);
        if bytes != sound {
            n_damaged += 1;
            fs::write(&file, &bytes).unwrap();
            assert!(
                Log::open(folder.path()).unwrap().has_a_gap().unwrap(),
                "{place}"
            );
        }
    }
    assert!(n_damaged > 3, "{n_damaged} segments were damaged");
}

#[test]
fn a_log_that_is_gone_on_with_after_a_stop_has_no_gap() {
    let mut random = fastrand::Rng::with_seed(3);
    for n_lost in [5, 3_000, 70_000] {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 3_000);
        let file = folder.path().join("db");
        for _ in 0..4 {
            // A process is killed while it writes: the last bytes are zeros.
            let mut bytes = fs::read(&file).unwrap();
            let end = newest_end(&bytes);
            let begin = (end - 1) / SEGMENT * SEGMENT + 20;
            bytes[begin.max(end.saturating_sub(n_lost))..end].fill(0);
            fs::write(&file, &bytes).unwrap();
            assert!(!Log::open(folder.path()).unwrap().has_a_gap().unwrap());

            let db = sled::Config::new().path(folder.path()).open().unwrap();
            change(&db, 1_500, &mut random);
            db.flush().unwrap();
            drop(db);
            crate::store::engine::opening::database::wait_until_free(folder.path()).unwrap();

            assert!(!Log::open(folder.path()).unwrap().has_a_gap().unwrap());
        }
    }
}

#[test]
fn a_large_value_whose_file_does_not_read_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(5);
    let db = sled::Config::new().path(folder.path()).open().unwrap();
    db.insert([0x30], value(&[0x30], 200_000, &mut random))
        .unwrap();
    db.flush().unwrap();
    drop(db);
    crate::store::engine::opening::database::wait_until_free(folder.path()).unwrap();
    let has_a_gap = || Log::open(folder.path()).unwrap().has_a_gap().unwrap();
    let mut files = fs::read_dir(folder.path().join("blobs")).unwrap();
    let file = files.next().unwrap().unwrap().path();
    let sound = fs::read(&file).unwrap();
    assert!(!has_a_gap());

    let mut flipped = sound.clone();
    flipped[100_000] ^= 1;
    for damaged in [&flipped[..], &sound[..100_000], &[]] {
        fs::write(&file, damaged).unwrap();
        assert!(has_a_gap(), "{} bytes", damaged.len());
    }

    // The file of a replaced value is gone.
    fs::remove_file(&file).unwrap();
    assert!(!has_a_gap());
}

#[test]
fn a_segment_whose_header_does_not_read_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 6_000);
    let file = folder.path().join("db");
    let sound = fs::read(&file).unwrap();
    let numbered = numbered(&sound);
    assert!(numbered.len() > 4, "{} segments", numbered.len());

    for (_, place) in numbered.values() {
        for byte in [0, 5, 19] {
            let mut bytes = sound.clone();
            bytes[place * SEGMENT + byte] ^= 1;
            fs::write(&file, bytes).unwrap();
            let has_a_gap = Log::open(folder.path()).unwrap().has_a_gap().unwrap();
            assert!(has_a_gap, "byte {byte} of {place}");
        }
    }
}

#[test]
fn a_segment_that_was_on_its_way_to_disk_and_is_not_there_is_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    filled(folder.path(), 6_000);
    let file = folder.path().join("db");
    let mut bytes = fs::read(&file).unwrap();
    let numbered = numbered(&bytes);
    let (newest, _) = numbered.values().next_back().unwrap();
    let (number, (_, place)) = numbered
        .range(newest.stable / SEGMENT as u64..)
        .next()
        .unwrap();
    assert!(*number < newest.lsn / SEGMENT as u64);
    let begin = place * SEGMENT;

    bytes[begin..begin + SEGMENT].fill(0);
    fs::write(&file, bytes).unwrap();

    assert!(Log::open(folder.path()).unwrap().has_a_gap().unwrap());
}

/// Returns the segments in the order of writing, with the header and the position of each in the
/// file.
fn numbered(bytes: &[u8]) -> BTreeMap<u64, (Header, usize)> {
    let segments = bytes.chunks(SEGMENT).enumerate();
    let numbered = segments.filter_map(|(place, segment)| {
        let header = super::segment::header(segment)?;
        Some((header.lsn / SEGMENT as u64, (header, place)))
    });
    numbered.collect()
}

/// Returns where the last message written ends, in the segment with the highest number.
fn newest_end(bytes: &[u8]) -> usize {
    let (_, (_, place)) = numbered(bytes).pop_last().unwrap();
    let segment = bytes.chunks(SEGMENT).nth(place).unwrap();
    let used = segment.iter().rposition(|byte| *byte != 0).unwrap();
    place * SEGMENT + used + 1
}
