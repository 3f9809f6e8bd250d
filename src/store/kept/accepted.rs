//! Findings that an operator has looked at and accepts as they are.

use std::collections::BTreeMap;

use crate::model::{Acceptance, FindingId};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v4};
use crate::store::values::tenant_no::TenantNo;

impl Store {
    /// Returns the findings of a tenant that were accepted, including those that no longer occur.
    pub fn accepted(&self, no: TenantNo) -> Result<BTreeMap<FindingId, Acceptance>, StoreError> {
        self.engine.read("reading accepted findings", |reader| {
            let mut accepted = BTreeMap::new();
            for row in reader.prefix(&keys::accepted_prefix(no)) {
                let (key, value) = row?;
                let id =
                    keys::accepted_of(&key).ok_or_else(|| codec::flawed(&key, "of no finding"))?;
                let acceptance: v4::Acceptance = codec::read_row(&key, &value)?;
                accepted.insert(id, acceptance.into());
            }
            Ok(accepted)
        })
    }

    /// Records that a finding is accepted; on disk when it returns.
    pub fn accept(
        &self,
        no: TenantNo,
        id: FindingId,
        acceptance: &Acceptance,
    ) -> Result<(), StoreError> {
        let row = v4::Acceptance::from(acceptance);
        self.engine
            .write(vec![codec::put(keys::accepted(no, id), &row)])?;
        Ok(())
    }

    /// Withdraws an acceptance.
    pub fn reopen(&self, no: TenantNo, id: FindingId) -> Result<(), StoreError> {
        self.engine.write(vec![(keys::accepted(no, id), None)])?;
        Ok(())
    }
}
