//! The records in their present state, and the fingerprints that stand for them.

use std::ops::ControlFlow;

use crate::model::{Fingerprint, Id, Kind, Record, RecordRef};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::values::census::Census;
use crate::store::values::record::Kept;
use crate::store::values::tenant_no::TenantNo;

/// Records that a walk reads at once.
const PAGE: usize = 256;

impl Store {
    /// Returns a record.
    pub fn get(&self, no: TenantNo, record: &RecordRef) -> Result<Option<Kept>, StoreError> {
        self.engine
            .read_still("reading a record", |reader| reader.record(no, record))
    }

    /// Returns records in the order of their ids, after a given one.
    pub fn list(
        &self,
        no: TenantNo,
        kind: Kind,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Vec<Kept>, StoreError> {
        self.engine.read_still("listing records", |reader| {
            reader.records(no, kind, after, limit)
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
            .read("reading a census", |reader| reader.census(no, kind))
    }

    /// Visits all fingerprints of a kind in the order of ids, and verifies them against the census.
    /// Commits wait meanwhile, so `visit` must not call the store.
    pub fn fingerprints(
        &self,
        no: TenantNo,
        kind: Kind,
        visit: &mut dyn FnMut(Id, Fingerprint),
    ) -> Result<Census, StoreError> {
        self.engine.read_still("reading fingerprints", |reader| {
            reader.fingerprints(no, kind, visit)
        })
    }
}
