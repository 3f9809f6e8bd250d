//! Everything that happened, entry by entry, as far as it is on disk.

use std::ops::Bound;

use crate::model::{Entry, Fact, Origin, Seq, Timestamp};

use super::error::StoreError;
use super::keys::{self, Space};
use super::{Store, codec, scan};

impl Store {
    /// Returns the place of the last entry.
    pub fn last_seq(&self) -> Seq {
        self.inner.shared.durable()
    }

    /// Returns entries in order, from behind a place on.
    pub fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let durable = self.last_seq();
        let mut expected = after;
        self.inner.read("reading the journal", |db| {
            let from = Bound::Excluded(keys::journal(after));
            let mut entries = Vec::new();
            for row in scan::after(db, &[Space::Journal as u8], from).take(limit) {
                let (key, value) = row?;
                let entry = read(&key, &value)?;
                expected = expected.next();
                if entry.seq > durable {
                    return Ok(entries);
                }
                if entry.seq != expected {
                    return Err(missing(expected));
                }
                entries.push(entry);
            }
            // Fewer than asked for, and yet not up to the end: the rest is missing.
            if entries.len() < limit && expected < durable {
                return Err(missing(expected.next()));
            }
            Ok(entries)
        })
    }

    /// Returns one entry; none where the journal has no such place.
    pub fn entry(&self, seq: Seq) -> Result<Option<Entry>, StoreError> {
        if seq == Seq::START || seq > self.last_seq() {
            return Ok(None);
        }
        self.inner
            .read("reading the journal", |db| find(db, seq).map(Some))
    }
}

/// Reads the entry at a place where there must be one.
pub fn find(db: &sled::Db, seq: Seq) -> Result<Entry, StoreError> {
    let key = keys::journal(seq);
    match scan::get(db, &key)? {
        Some(value) => read(&key, &value),
        None => Err(missing(seq)),
    }
}

/// Reads the value of an entry.
pub fn read(key: &[u8], value: &[u8]) -> Result<Entry, StoreError> {
    let seq = keys::trailing_number(key).ok_or_else(|| codec::flawed(key, "no place"))?;
    let (at, packed) = codec::open_stamped(key, value)?;
    let (origin, fact): (Option<Origin>, Fact) = codec::unpack(key, packed)?;
    Ok(Entry {
        seq: Seq(seq),
        at: Timestamp::from_millis(at.cast_signed()),
        origin,
        fact,
    })
}

fn missing(seq: Seq) -> StoreError {
    StoreError::damaged(format!("journal entry {seq}: missing"))
}
