//! The records as they are now, and the fingerprints that stand for them.
//!
//! sled can bring back an older page from a damaged file, whole in itself and without a word.
//! So a record in its block carries the fingerprint that its bucket has for it, and a read
//! compares the two: a record that is not the last one written is damage, not an answer.

use std::ops::{Bound, ControlFlow};
use std::sync::{PoisonError, RwLockReadGuard};

use crate::model::{Fingerprint, Id, Kind, Record, RecordRef, Version};
use crate::store::engine::rows::block::{self, Entry};
use crate::store::engine::rows::bucket::{self, Entries};
use crate::store::engine::rows::census::Census;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1};
use crate::store::tenant_no::TenantNo;

/// Records that a walk reads at a time.
const PAGE: usize = 256;

/// A record as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// The source's JSON text of it, as last received.
    pub raw: Box<str>,
    /// The version of the entry that left it so; [`Version::START`] since the first load.
    pub version: Version,
}

impl Store {
    /// Returns a record.
    pub fn get(&self, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
        self.inner.read("reading a record", |db| {
            let _still = self.still();
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
        self.inner.read("listing records", |db| {
            let _still = self.still();
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
        })
    }

    /// Shows each record of a kind, in the order of their ids, until `look` has seen enough. Reads page by
    /// page, so that memory does not grow with the tenant; commits may come in between.
    pub fn walk(
        &self,
        no: TenantNo,
        kind: Kind,
        look: &mut dyn FnMut(&Record) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.list(no, kind, after.as_ref(), PAGE)?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = Some(last.record.id().clone());
            for kept in &page {
                if look(&kept.record).is_break() {
                    return Ok(());
                }
            }
        }
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
            let _still = self.still();
            prove(db, no, kind, visit)
        })
    }

    /// Keeps commits out as long as it is held.
    pub(in crate::store) fn still(&self) -> RwLockReadGuard<'_, ()> {
        let gate = &self.inner.shared.gate;
        gate.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Visits the fingerprints from behind an id on, in the order of their ids, until told to
/// break.
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

/// Reads a record of a block that such a fingerprint stands for.
pub fn read(key: &[u8], entry: &Entry, standing: Fingerprint) -> Result<Kept, StoreError> {
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

/// Reads a kind's census; an empty one where nothing was ever written.
pub fn census(db: &sled::Db, no: TenantNo, kind: Kind) -> Result<Census, StoreError> {
    let key = keys::census(no, kind);
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v1::Census>(&key, &value)?.into()),
        None => Ok(Census::default()),
    }
}
