//! Makes a dense journal from the entries that were salvaged.

use crate::model::{Fact, Missing, Seq, Timestamp, Version};
use crate::store::engine::rows::journal;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, entry, v1};

use super::target::Target;

/// What the dense journal lacks, and the time and version that it ends with.
pub struct Made {
    pub missing: Missing,
    pub at: Timestamp,
    pub version: Version,
}

/// Fills gaps up to the last position, and cuts what is missing before the first entry.
pub fn make(target: &mut Target, last: Seq) -> Result<Made, StoreError> {
    let db = target.db.clone();
    let mut known_cut = journal::cut_at(&db)?;
    if known_cut > last {
        // The journal cannot have been cut beyond its last entry.
        known_cut = Seq::START;
        target.set(keys::cut(), None)?;
    }
    let mut made = Made {
        missing: Missing::default(),
        at: Timestamp::from_millis(0),
        version: Version::START,
    };
    let mut expected = None;
    for row in scan::prefix(&db, &[Keyspace::Journal as u8]) {
        let (key, value) = row?;
        let entry = entry::read(&key, &value).ok();
        let Some(entry) = entry.filter(|entry| entry.seq > known_cut && entry.at >= made.at) else {
            target.set(key.to_vec(), None)?;
            continue;
        };
        match expected {
            None => cut(target, &mut made, known_cut, entry.seq)?,
            Some(expected) => fill(target, &mut made, expected, entry.seq)?,
        }
        (made.at, made.version) = (entry.at, made.version.max(entry.version()));
        expected = Some(entry.seq.next());
    }
    match expected {
        None => cut(target, &mut made, known_cut, last.next())?,
        Some(expected) => fill(target, &mut made, expected, last.next())?,
    }
    target.write()?;
    // A kept entry stays only if it was cut from the journal.
    target.keep(Keyspace::Kept, |db, key, value| {
        let cut = journal::cut_at(db).unwrap_or(Seq::START);
        entry::read(key, value).is_ok_and(|entry| entry.seq <= cut)
    })?;
    Ok(made)
}

/// Makes the journal begin at an entry: what is missing before it counts as cut.
fn cut(target: &mut Target, made: &mut Made, known: Seq, first: Seq) -> Result<(), StoreError> {
    let cut = Seq(first.0.saturating_sub(1));
    if cut <= known {
        return Ok(());
    }
    note(made, known.next(), cut);
    let (key, value) = codec::put(keys::cut(), &v1::Seq::from(cut));
    target.set(key, value)
}

/// Puts an entry that says nothing in each missing position. The versions of the entries around a
/// gap leave at least as many numbers free as positions are missing.
fn fill(target: &mut Target, made: &mut Made, from: Seq, end: Seq) -> Result<(), StoreError> {
    if from >= end {
        return Ok(());
    }
    note(made, from, Seq(end.0 - 1));
    let body = entry::pack(None, &Fact::Unreadable, None);
    for seq in (from.0..end.0).map(Seq) {
        made.version = Version(made.version.0 + 1);
        let key = keys::journal(seq);
        let value = entry::seal(&key, made.at, made.version, &body);
        target.set(key, Some(value))?;
    }
    Ok(())
}

fn note(made: &mut Made, first: Seq, last: Seq) {
    let missing = &mut made.missing;
    missing.entries += last.0 + 1 - first.0;
    let before = missing.places.map_or(first, |(first, _)| first);
    missing.places = Some((before, last));
}
