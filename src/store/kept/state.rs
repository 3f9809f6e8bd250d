//! The records in their present state, and the fingerprints that stand for them.

use std::ops::ControlFlow;

use crate::model::{Fingerprint, Id, Kind, Record, RecordRef};
use crate::store::engine::rows::block;
use crate::store::engine::rows::bucket::{self, Entries};
use crate::store::engine::rows::state::{census, prove, read, standing_after};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys};
use crate::store::values::census::Census;
use crate::store::values::record::Kept;
use crate::store::values::tenant_no::TenantNo;

/// Records that a walk reads at once.
const PAGE: usize = 256;

impl Store {
    /// Returns a record.
    pub fn get(&self, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
        self.engine.read("reading a record", |db| {
            let _still = self.engine.still();
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

    /// Returns records in the order of their ids, after a given one.
    pub fn list(
        &self,
        no: TenantNo,
        kind: Kind,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        self.engine.read("listing records", |db| {
            let _still = self.engine.still();
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

    /// Passes each record of a kind, in the order of ids, to `look` until it has seen enough. Reads
    /// page by page, so that memory does not grow with the tenant; commits may come in between.
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
        self.engine
            .read("reading a census", |db| census(db, no, kind))
    }

    /// Visits all fingerprints of a kind in the order of ids, and verifies them against the census.
    /// Commits wait meanwhile, so `visit` must not call the store.
    pub fn fingerprints(
        &self,
        no: TenantNo,
        kind: Kind,
        visit: &mut dyn FnMut(Id, Fingerprint),
    ) -> Result<Census, StoreError> {
        self.engine.read("reading fingerprints", |db| {
            let _still = self.engine.still();
            prove(db, no, kind, visit)
        })
    }
}
