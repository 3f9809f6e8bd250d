//! Plans that wait for an operator, with an entry for each record.
//!
//! Entries are written first, as they are found, under the number of the run; the plan itself
//! comes last and makes them count. Entries without a plan are of a run that did not get
//! there, and are removed by the next.

use std::ops::Bound;

use xxhash_rust::xxh3::xxh3_64;

use crate::model::{HeldPlan, PlanId, PlanState, RecordRef, Removal, Taken, Timestamp};
use crate::store::engine::inner::held;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{codec, v1};
use crate::store::tenant_no::TenantNo;

use super::commit::Commit;

/// Closed plans of a tenant that are kept, with their entries.
const KEPT_PLANS: usize = 20;

/// What an operator says of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Let it go.
    Approve,
    /// Keep everything as it is.
    Reject,
}

/// How many entries a plan has, and their sum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Entries {
    /// How many.
    pub count: u64,
    /// The sum of a hash of each, overflow dropped: order does not matter.
    pub checksum: u64,
}

impl Entries {
    /// Counts removals.
    pub(in crate::store) fn of(removals: impl IntoIterator<Item = Removal>) -> Self {
        let mut entries = Self::default();
        for removal in removals {
            entries.add(&removal);
        }
        entries
    }

    fn add(&mut self, removal: &Removal) {
        self.count += 1;
        self.checksum = self.checksum.wrapping_add(sum(removal));
    }
}

impl Store {
    /// Keeps entries of a plan that is still being made. Returns their count and sum.
    pub fn stage_removals(
        &self,
        no: TenantNo,
        plan: PlanId,
        removals: &[Removal],
    ) -> Result<Entries, StoreError> {
        let mut entries = Entries::default();
        let rows = removals.iter().map(|removal| {
            let key = keys::removal(no, plan, &removal.record);
            entries.add(removal);
            let value = codec::packed_row(&key, &v1::Removal::from(removal));
            (key, Some(value))
        });
        self.write_all(rows.collect())?;
        Ok(entries)
    }

    /// Returns a record's entry in a plan.
    pub fn removal(
        &self,
        no: TenantNo,
        plan: PlanId,
        record: &RecordRef,
    ) -> Result<Option<Removal>, StoreError> {
        let key = keys::removal(no, plan, record);
        self.inner.read("reading a held plan", |db| {
            let value = scan::get(db, &key)?;
            value.map(|value| read(&key, &value)).transpose()
        })
    }

    /// Returns entries of a plan in the order of their records, from behind one on.
    pub fn removals(
        &self,
        no: TenantNo,
        plan: PlanId,
        after: Option<&RecordRef>,
        limit: usize,
    ) -> Result<Vec<Removal>, StoreError> {
        let prefix = keys::removals(no, plan);
        let from = match after {
            Some(record) => Bound::Excluded(keys::removal(no, plan, record)),
            None => Bound::Included(prefix.clone()),
        };
        self.inner.read("reading a held plan", |db| {
            scan::after(db, &prefix, from)
                .take(limit)
                .map(|row| row.and_then(|(key, value)| read(&key, &value)))
                .collect()
        })
    }

    /// Removes the entries of a plan that is not made after all.
    pub fn drop_removals(&self, no: TenantNo, plan: PlanId) -> Result<(), StoreError> {
        self.remove_rows(&keys::removals(no, plan))
    }

    /// Removes entries that runs left without a plan, and what is beyond the plans to keep.
    pub fn tidy_held_plans(&self, no: TenantNo) -> Result<(), StoreError> {
        let plans = self.held_plans(no)?;
        let old = plans.iter().skip(KEPT_PLANS);
        for plan in old.filter(|plan| !plan.state.is_open()) {
            self.inner.write(vec![(keys::held(no, plan.id), None)])?;
            self.drop_removals(no, plan.id)?;
        }
        let prefix = keys::removals_prefix(no);
        let mut from = Bound::Included(prefix.clone());
        loop {
            let next = self.inner.read("reading held plans", |db| {
                scan::after(db, &prefix, from.clone()).next().transpose()
            })?;
            let Some(plan) = next.and_then(|(key, _)| keys::plan_of_removal(&key)) else {
                return Ok(());
            };
            if plans.iter().all(|known| known.id != plan) {
                self.drop_removals(no, plan)?;
            }
            from = Bound::Included(keys::removals(no, PlanId(plan.0 + 1)));
        }
    }

    /// Returns the plans of a tenant, the newest first.
    pub fn held_plans(&self, no: TenantNo) -> Result<Vec<HeldPlan>, StoreError> {
        self.inner.read("reading held plans", |db| {
            scan::prefix(db, &keys::held_prefix(no))
                .rev()
                .map(|row| row.and_then(|(key, value)| read_plan(&key, &value)))
                .collect()
        })
    }

    /// Returns the plan whose removals are out. Only the newest can be.
    pub fn open_plan(&self, no: TenantNo) -> Result<Option<HeldPlan>, StoreError> {
        let newest: Option<HeldPlan> = self.inner.read("reading held plans", |db| {
            let row = scan::prefix(db, &keys::held_prefix(no)).next_back();
            row.transpose()?
                .map(|(key, value)| read_plan(&key, &value))
                .transpose()
        })?;
        Ok(newest.filter(|plan| plan.state.is_open()))
    }

    /// Writes what plans have become and what is told of it, if the open plan is still as the
    /// caller saw it. Returns whether it was: an operator may have decided meanwhile.
    pub fn settle_plans(
        &self,
        seen: Option<&HeldPlan>,
        settled: Commit,
    ) -> Result<bool, StoreError> {
        let _alone = held(&self.inner.numbering);
        if self.open_plan(settled.tenant)?.as_ref() != seen {
            return Ok(false);
        }
        self.commit(settled)?;
        Ok(true)
    }

    /// Takes down what an operator says of a plan. Returns the plan as it is now: if that is
    /// not as it was told to be, the plan was not waiting any more. `None` if there is no such
    /// plan.
    pub fn decide(
        &self,
        no: TenantNo,
        plan: PlanId,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Option<HeldPlan>, StoreError> {
        let _alone = held(&self.inner.numbering);
        let plans = self.held_plans(no)?;
        let Some(mut plan) = plans.into_iter().find(|held| held.id == plan) else {
            return Ok(None);
        };
        plan.state = match (plan.state, decision) {
            (PlanState::Held | PlanState::Rejected { .. }, Decision::Approve) => {
                PlanState::Approved { at: now }
            }
            (PlanState::Held, Decision::Reject) => PlanState::Rejected { at: now },
            // What was approved may be under way, what is closed stays closed.
            (state, Decision::Approve | Decision::Reject) => {
                return Ok(Some(HeldPlan { state, ..plan }));
            }
        };
        self.inner.write(vec![plan_row(no, &plan)])?;
        Ok(Some(plan))
    }
}

/// A hash of what is removed. A person's new name makes no other plan, nor does a question
/// that was asked this time and not the last.
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

/// The row of a plan.
pub(in crate::store) fn plan_row(no: TenantNo, plan: &HeldPlan) -> (Key, Option<Vec<u8>>) {
    codec::put(keys::held(no, plan.id), &v1::HeldPlan::from(plan))
}

/// Reads the value of a plan.
pub(in crate::store) fn read_plan(key: &[u8], value: &[u8]) -> Result<HeldPlan, StoreError> {
    codec::read_row::<v1::HeldPlan<'_>>(key, value).map(Into::into)
}

/// Reads the value of an entry of a plan.
pub(in crate::store) fn read(key: &[u8], value: &[u8]) -> Result<Removal, StoreError> {
    codec::read_packed_row::<v1::Removal<'_>>(key, value).map(Into::into)
}
