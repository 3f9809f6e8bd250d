//! Encodes the rows of held plans, and the count and sum that verify a plan's removals.

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{HeldPlan, Removal, Taken};
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::held::RemovalSum;
use crate::store::values::row::Row;
use crate::store::values::tenant_no::TenantNo;

impl RemovalSum {
    /// Counts removals.
    pub fn of(removals: impl IntoIterator<Item = Removal>) -> Self {
        let mut sum = Self::default();
        for removal in removals {
            sum.add(&removal);
        }
        sum
    }

    /// Adds one more.
    pub(in crate::store) fn add(&mut self, removal: &Removal) {
        self.count += 1;
        self.checksum = self.checksum.wrapping_add(sum(removal));
    }
}

/// Returns a hash of what is removed. The plan stays the same if a person's name changes, or if the
/// source was asked about the record this time and not the last.
fn sum(removal: &Removal) -> u64 {
    let access = match &removal.what {
        Taken::Record { .. } => None,
        Taken::Access { roles, groups } => Some((
            roles.keys().cloned().collect(),
            groups.keys().cloned().collect(),
        )),
    };
    let record = (&removal.record).into();
    xxh3_64(&codec::pack(&v1::Summed { record, access }))
}

/// Encodes a plan as a row.
pub(in crate::store) fn plan_row(no: TenantNo, plan: &HeldPlan) -> Row {
    codec::put(keys::held(no, plan.id), &v1::HeldPlan::from(plan))
}

/// Decodes a plan.
pub(in crate::store) fn read_plan(key: &[u8], value: &[u8]) -> Result<HeldPlan, StoreError> {
    codec::read_row::<v1::HeldPlan<'_>>(key, value).map(Into::into)
}

/// Decodes a removal.
pub(in crate::store) fn read(key: &[u8], value: &[u8]) -> Result<Removal, StoreError> {
    codec::read_packed_row::<v1::Removal<'_>>(key, value).map(Into::into)
}
