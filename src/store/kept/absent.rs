//! Records that are absent and may not be asked for: in how many complete sweeps in a row.

use std::collections::BTreeMap;

use crate::model::RecordRef;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1};
use crate::store::tenant_no::TenantNo;

impl Store {
    /// Returns the records that were absent from the last complete sweeps, and from how many.
    pub fn absences(&self, no: TenantNo) -> Result<BTreeMap<RecordRef, u32>, StoreError> {
        self.engine.read("reading absences", |db| {
            let mut absences = BTreeMap::new();
            for row in scan::prefix(db, &keys::absent_prefix(no)) {
                let (key, value) = row?;
                let record =
                    keys::absent_of(&key).ok_or_else(|| codec::flawed(&key, "of no record"))?;
                let v1::Absent(count) = codec::read_row(&key, &value)?;
                absences.insert(record, count);
            }
            Ok(absences)
        })
    }

    /// Makes the absences of a tenant these: a record that is not among them was seen, or is
    /// gone for good.
    pub fn keep_absences(
        &self,
        no: TenantNo,
        absences: &BTreeMap<RecordRef, u32>,
    ) -> Result<(), StoreError> {
        let before = self.absences(no)?;
        let seen = before
            .keys()
            .filter(|record| !absences.contains_key(record));
        let gone = seen.map(|record| (keys::absent(no, record), None));
        let new = absences
            .iter()
            .filter(|(record, count)| before.get(record) != Some(count));
        let new =
            new.map(|(record, count)| codec::put(keys::absent(no, record), &v1::Absent(*count)));
        self.write_all(gone.chain(new).collect())
    }
}
