//! Notes that all spaces of a tenant must be read again, because the audit log reported a change of
//! a space without saying which one.

use crate::lock::lock;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v9};
use crate::store::values::tenant_no::TenantNo;

impl Store {
    /// Notes that all spaces must be read again. The note is on disk when this returns.
    pub fn note_all_spaces(&self, no: TenantNo) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let notes = self.noted_all_spaces(no)? + 1;
        let row = v9::spaces_due::SpacesDue { notes };
        self.engine
            .write(vec![codec::put(keys::spaces_due(no), &row)])
            .map(drop)
    }

    /// Returns how often it was noted that all spaces must be read again; 0 if there is no need.
    pub fn noted_all_spaces(&self, no: TenantNo) -> Result<u64, StoreError> {
        let key = keys::spaces_due(no);
        let what = "reading whether all spaces are to be read";
        let row = self.row(what, &key, codec::read_row::<v9::spaces_due::SpacesDue>)?;
        Ok(row.map_or(0, |row| row.notes))
    }

    /// Deletes the note once all spaces were read. `notes` is the count before they were read: if
    /// it has changed since, they must be read again, and the note stays.
    pub fn forget_all_spaces(&self, no: TenantNo, notes: u64) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        if notes == 0 || self.noted_all_spaces(no)? != notes {
            return Ok(());
        }
        self.engine
            .write(vec![(keys::spaces_due(no), None)])
            .map(drop)
    }
}
