//! Records that are missing and that the source does not let us ask for, and how many complete
//! sweeps in a row missed each.

use std::collections::BTreeMap;

use crate::model::RecordRef;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::tenant_no::TenantNo;

impl Store {
    /// Returns the records that the last complete sweeps did not find, and how many sweeps missed
    /// each.
    pub fn absences(&self, no: TenantNo) -> Result<BTreeMap<RecordRef, u32>, StoreError> {
        self.engine.read("reading absences", |reader| {
            let mut absences = BTreeMap::new();
            for row in reader.prefix(&keys::absent_prefix(no)) {
                let (key, value) = row?;
                let record =
                    keys::absent_of(&key).ok_or_else(|| codec::flawed(&key, "of no record"))?;
                let v1::Absent(count) = codec::read_row(&key, &value)?;
                absences.insert(record, count);
            }
            Ok(absences)
        })
    }

    /// Replaces the absences of a tenant: a record that is not among the new ones was seen again,
    /// or is deleted for good.
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
