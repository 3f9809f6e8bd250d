//! Records as rows: how a block is read, and the fingerprints that verify it.
//!
//! sled can silently bring back an older page from a damaged file, intact in itself. So a record in
//! its block carries the fingerprint that its bucket has for it, and a read compares the two: a
//! record that is not the last one written is reported as damage.

use std::ops::{Bound, ControlFlow};

use crate::model::{Fingerprint, Id, Kind, Record};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::census::Census;
use crate::store::values::record::Kept;
use crate::store::values::tenant_no::TenantNo;

use super::block::PackedRecord;
use super::bucket::{self, Entries};

/// Visits the fingerprints after an id, in the order of their ids, until the visitor breaks.
pub fn standing_after(
    db: &sled::Db,
    no: TenantNo,
    kind: Kind,
    after: Option<&Id>,
    visit: &mut dyn FnMut(Id, Fingerprint) -> Result<ControlFlow<()>, StoreError>,
) -> Result<ControlFlow<()>, StoreError> {
    let prefix = keys::bucket_prefix(no, kind);
    let from = match after {
        Some(id) => bucket::holding(db, no, kind, id)?.0,
        None => prefix.clone(),
    };
    for row in scan::after(db, &prefix, Bound::Included(from)) {
        let (key, value) = row?;
        for entry in Entries::of(&key, &value)? {
            let entry = entry?;
            if after.is_none_or(|after| *after < entry.id)
                && visit(entry.id, entry.fingerprint)?.is_break()
            {
                return Ok(ControlFlow::Break(()));
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// Scans the buckets of a kind and compares their content with the census.
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
            // The order within a bucket was already checked.
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

/// Reads a record from a block and verifies it against its fingerprint.
pub fn read(key: &[u8], entry: &PackedRecord, standing: Fingerprint) -> Result<Kept, StoreError> {
    if entry.print != standing {
        return Err(codec::flawed(key, "not as last written"));
    }
    let v1::Body { record, raw } = codec::from_bytes(key, &entry.body)?;
    let record: Record = record.into();
    if *record.id() != entry.id {
        return Err(codec::flawed(key, "holds one under another's id"));
    }
    Ok(Kept {
        record,
        raw: raw.into_owned().into(),
        version: entry.version,
    })
}

/// Reads a kind's census; an empty one if nothing was ever written.
pub fn census(db: &sled::Db, no: TenantNo, kind: Kind) -> Result<Census, StoreError> {
    let key = keys::census(no, kind);
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v1::Census>(&key, &value)?.into()),
        None => Ok(Census::default()),
    }
}
