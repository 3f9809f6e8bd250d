//! Finds entries of the journal.

use std::ops::Bound;

use crate::model::{Entry, Seq, Timestamp};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::entry::{LastOrigin, missing, read, read_behind};
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::skim::skim_behind;
use crate::store::layout::{codec, v1};
use crate::store::values::skimmed::Skimmed;

/// How many entries to allocate room for at once: a growing list is copied again and again.
const AT_ONCE: usize = 512;

/// Some entries, or the first of them that is missing.
enum Page<T> {
    Whole(Vec<T>),
    Lacks(Seq),
}

/// Decodes an entry that may have the origin of the one before.
type Read<T> = fn(&mut LastOrigin, &[u8], &[u8]) -> Result<T, StoreError>;

fn page<T>(
    db: &sled::Db,
    after: Seq,
    limit: usize,
    durable: Seq,
    read: Read<T>,
) -> Result<Page<T>, StoreError> {
    let from = Bound::Excluded(keys::journal(after));
    let mut expected = after;
    let n_left = usize::try_from(durable.0.saturating_sub(after.0));
    let mut entries = Vec::with_capacity(limit.min(AT_ONCE).min(n_left.unwrap_or(AT_ONCE)));
    let mut last = LastOrigin::default();
    for row in scan::after(db, &[Keyspace::Journal as u8], from).take(limit) {
        let (key, value) = row?;
        let entry = read(&mut last, &key, &value)?;
        let seq = keys::trailing_number(&key).map(Seq);
        expected = expected.next();
        if seq > Some(durable) {
            return Ok(Page::Whole(entries));
        }
        if seq != Some(expected) {
            return Ok(Page::Lacks(expected));
        }
        entries.push(entry);
    }
    // There are fewer than requested, but they do not reach the end: the rest is missing.
    if entries.len() < limit && expected < durable {
        return Ok(Page::Lacks(expected.next()));
    }
    Ok(Page::Whole(entries))
}

/// Reads entries after a position and after the cut, up to the last one that is on disk.
pub fn entries(
    db: &sled::Db,
    after: Seq,
    limit: usize,
    durable: Seq,
) -> Result<Vec<Entry>, StoreError> {
    pages(db, after, limit, durable, read_behind)
}

/// Reads the same entries, but not the records of users in full.
pub fn skim(
    db: &sled::Db,
    after: Seq,
    limit: usize,
    durable: Seq,
) -> Result<Vec<Skimmed>, StoreError> {
    pages(db, after, limit, durable, skim_behind)
}

fn pages<T>(
    db: &sled::Db,
    after: Seq,
    limit: usize,
    durable: Seq,
    read: Read<T>,
) -> Result<Vec<T>, StoreError> {
    let mut cut = cut_at(db)?;
    loop {
        let lacking = match page(db, after.max(cut), limit, durable, read)? {
            Page::Whole(entries) => return Ok(entries),
            Page::Lacks(seq) => seq,
        };
        // It may have been cut meanwhile; then we read again from the cut.
        let now = cut_at(db)?;
        if now == cut {
            return Err(missing(lacking));
        }
        cut = now;
    }
}

/// Reads an entry, even one that was cut while a row still names it; `None` if it was cut and no
/// row does.
pub fn entry(db: &sled::Db, seq: Seq) -> Result<Option<Entry>, StoreError> {
    // The order matters: the write that cuts an entry also keeps it.
    for key in [keys::journal(seq), keys::kept(seq)] {
        if let Some(value) = scan::get(db, &key)? {
            return read(&key, &value).map(Some);
        }
    }
    if seq <= cut_at(db)? {
        return Ok(None);
    }
    Err(missing(seq))
}

/// Returns the position up to which the journal was cut; [`Seq::START`] if it never was.
pub fn cut_at(db: &sled::Db) -> Result<Seq, StoreError> {
    let key = keys::cut();
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v1::Seq>(&key, &value)?.into()),
        None => Ok(Seq::START),
    }
}

/// Reads the entry at a position where there must be one.
pub fn find(db: &sled::Db, seq: Seq) -> Result<Entry, StoreError> {
    let key = keys::journal(seq);
    match scan::get(db, &key)? {
        Some(value) => read(&key, &value),
        None => Err(missing(seq)),
    }
}

/// Reads the first entry after a position, whatever was cut.
pub fn first_after(db: &sled::Db, after: Seq) -> Result<Option<Entry>, StoreError> {
    let from = Bound::Excluded(keys::journal(after));
    let row = scan::after(db, &[Keyspace::Journal as u8], from).next();
    row.transpose()?
        .map(|(key, value)| read(&key, &value))
        .transpose()
}

/// Returns the last entry that was found before a time. Entries are in the order of their times.
pub fn past(db: &sled::Db, last: Seq, since: Timestamp) -> Result<Seq, StoreError> {
    let (mut past, mut young) = (cut_at(db)?, last.next());
    while past.next() < young {
        let middle = Seq(past.0 + (young.0 - past.0) / 2);
        // The journal may be cut meanwhile; then somebody else has found this entry to be old.
        match first_after(db, Seq(middle.0 - 1))? {
            Some(entry) if entry.seq == middle && entry.at >= since => young = middle,
            Some(_) | None => past = middle,
        }
    }
    Ok(past)
}
