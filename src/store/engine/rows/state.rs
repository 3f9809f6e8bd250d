//! Reads records from their blocks, and verifies them by their fingerprints.
//!
//! sled can silently bring back an older page from a damaged file, intact in itself. So a record in
//! its block carries the fingerprint that its bucket has for it, and a read compares the two: a
//! record that is not the last one written is reported as damage.

use std::ops::{Bound, ControlFlow};

use crate::model::{Fingerprint, Id, Kind, Record, RecordRef};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::census::Census;
use crate::store::values::record::Kept;
use crate::store::values::tenant_no::TenantNo;

use super::block::{self, PackedRecord};
use super::bucket::{self, Entries};

/// Reads a record. Commits must wait meanwhile.
pub fn find(db: &sled::Db, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
    let (key, value) = bucket::holding(db, no, record.kind, &record.id)?;
    let mut standing = None;
    if let Some(value) = &value {
        for entry in Entries::of(&key, value)? {
            let entry = entry?;
            if entry.id == record.id {
                standing = Some(entry.fingerprint);
                break;
            }
        }
    }
    let (key, block) = block::holding(db, no, record.kind, &record.id)?;
    match (standing, block.find(&record.id)) {
        (None, None) => Ok(None),
        (Some(standing), Some(entry)) => read(&key, &entry, standing).map(Some),
        (Some(_), None) => Err(codec::flawed(&key, "lacks a record")),
        (None, Some(_)) => Err(codec::flawed(&key, "holds one without a fingerprint")),
    }
}

/// Reads records in the order of their ids, after a given one. Commits must wait meanwhile.
pub fn list(
    db: &sled::Db,
    no: TenantNo,
    kind: Kind,
    after: Option<&Id>,
    limit: usize,
) -> Result<Vec<Kept>, StoreError> {
    let mut entries = block::after(db, no, kind, after)?;
    let mut listed = Vec::new();
    let complete = standing_after(db, no, kind, after, &mut |id, standing| {
        if listed.len() == limit {
            return Ok(ControlFlow::Break(()));
        }
        match entries.next().transpose()? {
            Some((key, entry)) if entry.id == id => {
                listed.push(read(&key, &entry, standing)?);
                Ok(ControlFlow::Continue(()))
            }
            Some((key, _)) => Err(codec::flawed(&key, "holds other records")),
            None => Err(codec::flawed(&keys::state_prefix(no, kind), "missing")),
        }
    })?;
    match entries
        .next()
        .filter(|_| complete.is_continue())
        .transpose()?
    {
        Some((key, _)) => Err(codec::flawed(&key, "holds one without a fingerprint")),
        None => Ok(listed),
    }
}

/// Visits the fingerprints after an id, in the order of their ids, until the visitor breaks.
fn standing_after(
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
