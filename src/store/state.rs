//! The records as they are now, and the fingerprints that stand for them.

use std::ops::Bound;
use std::sync::PoisonError;

use crate::model::{Fingerprint, Id, Kind, Record, RecordRef, Seq};

use super::bucket::Entries;
use super::census::Census;
use super::error::StoreError;
use super::{Store, TenantNo, codec, keys, scan};

/// A record as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// The source's JSON text of it, as last received.
    pub raw: Box<str>,
    /// The entry that left it so; [`Seq::START`] since the first load.
    pub version: Seq,
}

impl Store {
    /// Returns a record.
    pub fn get(&self, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
        self.inner.read("reading a record", |db| {
            let key = keys::state(no, record.kind, &record.id);
            match scan::get(db, &key)? {
                Some(value) => read(&key, &value).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Returns records in the order of their ids, from behind one on.
    pub fn list(
        &self,
        no: TenantNo,
        kind: Kind,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        let prefix = keys::state_prefix(no, kind);
        let from = match after {
            Some(id) => Bound::Excluded(keys::state(no, kind, id)),
            None => Bound::Included(prefix.clone()),
        };
        self.inner.read("listing records", |db| {
            scan::after(db, &prefix, from)
                .take(limit)
                .map(|row| row.and_then(|(key, value)| read(&key, &value)))
                .collect()
        })
    }

    /// Returns count and checksum of a kind's fingerprints, as the last commit left them.
    pub fn census(&self, no: TenantNo, kind: Kind) -> Result<Census, StoreError> {
        self.inner
            .read("reading a census", |db| census(db, no, kind))
    }

    /// Visits all fingerprints of a kind in the order of their ids, and proves them against
    /// the census. Commits wait meanwhile, so `visit` must not call the store.
    pub fn fingerprints(
        &self,
        no: TenantNo,
        kind: Kind,
        visit: &mut dyn FnMut(Id, Fingerprint),
    ) -> Result<Census, StoreError> {
        self.inner.read("reading fingerprints", |db| {
            let _still = self
                .inner
                .shared
                .gate
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            prove(db, no, kind, visit)
        })
    }
}

/// Scans the buckets of a kind and compares what they hold with the census.
pub fn prove(
    db: &sled::Db,
    no: TenantNo,
    kind: Kind,
    visit: &mut dyn FnMut(Id, Fingerprint),
) -> Result<Census, StoreError> {
    let expected = census(db, no, kind)?;
    let mut found = Census::default();
    let mut last: Option<Id> = None;
    for row in scan::prefix(db, &keys::bucket_prefix(no, kind)) {
        let (key, value) = row?;
        let mut before = last.take();
        for entry in Entries::of(&key, &value)? {
            let entry = entry?;
            // Within a bucket the order was seen to.
            if before.take().is_some_and(|before| before >= entry.id) {
                return Err(codec::flawed(&key, "overlaps the one before it"));
            }
            found.add_entry(entry.bytes);
            last = Some(entry.id.clone());
            visit(entry.id, entry.fingerprint);
        }
    }
    if found == expected {
        return Ok(found);
    }
    Err(StoreError::damaged(format!(
        "the fingerprints of {} are {} where the census counts {}",
        kind.plural(),
        found.count,
        expected.count
    )))
}

/// Reads the value of a record.
pub fn read(key: &[u8], value: &[u8]) -> Result<Kept, StoreError> {
    let (version, packed) = codec::open_stamped(key, value)?;
    let (record, raw): (Record, Box<str>) = codec::unpack(key, packed)?;
    Ok(Kept {
        record,
        raw,
        version: Seq(version),
    })
}

/// Reads a kind's census; an empty one where nothing was ever written.
pub fn census(db: &sled::Db, no: TenantNo, kind: Kind) -> Result<Census, StoreError> {
    let key = keys::census(no, kind);
    match scan::get(db, &key)? {
        Some(value) => codec::read_row(&key, &value),
        None => Ok(Census::default()),
    }
}
