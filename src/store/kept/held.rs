//! Plans that wait for an operator, with a removal for each record.
//!
//! Removals are written first, as they are found, under the number of the run; the plan itself
//! comes last and makes them count. Removals without a plan come from a run that stopped before
//! that, and the next run deletes them.

use std::ops::Bound;

use crate::lock::lock;
use crate::model::{HeldPlan, PlanId, PlanState, RecordRef, Removal, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::held::{plan_row, read, read_plan};
use crate::store::layout::{codec, keys, v1};
use crate::store::values::commit::Commit;
use crate::store::values::held::RemovalSum;
use crate::store::values::tenant_no::TenantNo;

/// Closed plans to keep for each tenant, with their removals.
const KEPT_PLANS: usize = 20;

/// An operator's decision on a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Approve it.
    Approve,
    /// Reject it: every record stays as it is.
    Reject,
}

impl Store {
    /// Writes removals of a plan that is still being made. Returns their count and sum.
    pub fn stage_removals(
        &self,
        no: TenantNo,
        plan: PlanId,
        removals: &[Removal],
    ) -> Result<RemovalSum, StoreError> {
        let mut sum = RemovalSum::default();
        let rows = removals.iter().map(|removal| {
            let key = keys::removal(no, plan, &removal.record);
            sum.add(removal);
            let value = codec::packed_row(&key, &v1::Removal::from(removal));
            (key, Some(value))
        });
        self.write_all(rows.collect())?;
        Ok(sum)
    }

    /// Returns what a plan removes from a record; `None` if the plan does not remove anything
    /// there.
    pub fn removal(
        &self,
        no: TenantNo,
        plan: PlanId,
        record: &RecordRef,
    ) -> Result<Option<Removal>, StoreError> {
        let key = keys::removal(no, plan, record);
        self.engine.read("reading a held plan", |reader| {
            let value = reader.get(&key)?;
            value.map(|value| read(&key, &value)).transpose()
        })
    }

    /// Returns removals of a plan in the order of their records, after a given one.
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
        self.engine.read("reading a held plan", |reader| {
            reader
                .after(&prefix, from)
                .take(limit)
                .map(|row| row.and_then(|(key, value)| read(&key, &value)))
                .collect()
        })
    }

    /// Deletes the removals of a plan that will not be made after all.
    pub fn drop_removals(&self, no: TenantNo, plan: PlanId) -> Result<(), StoreError> {
        self.remove_rows(&keys::removals(no, plan))
    }

    /// Deletes removals that runs left without a plan, and closed plans beyond the number to keep.
    pub fn tidy_held_plans(&self, no: TenantNo) -> Result<(), StoreError> {
        let plans = self.held_plans(no)?;
        let old = plans.iter().skip(KEPT_PLANS);
        for plan in old.filter(|plan| !plan.state.is_open()) {
            self.engine.write(vec![(keys::held(no, plan.id), None)])?;
            self.drop_removals(no, plan.id)?;
        }
        let prefix = keys::removals_prefix(no);
        let mut from = Bound::Included(prefix.clone());
        loop {
            let next = self.engine.read("reading held plans", |reader| {
                reader.after(&prefix, from.clone()).next().transpose()
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
        self.engine.read("reading held plans", |reader| {
            reader
                .prefix(&keys::held_prefix(no))
                .rev()
                .map(|row| row.and_then(|(key, value)| read_plan(&key, &value)))
                .collect()
        })
    }

    /// Returns the plan that is open, or `None` if there is none. Only the newest plan can be open.
    pub fn open_plan(&self, no: TenantNo) -> Result<Option<HeldPlan>, StoreError> {
        let newest: Option<HeldPlan> = self.engine.read("reading held plans", |reader| {
            let row = reader.prefix(&keys::held_prefix(no)).next_back();
            row.transpose()?
                .map(|(key, value)| read_plan(&key, &value))
                .transpose()
        })?;
        Ok(newest.filter(|plan| plan.state.is_open()))
    }

    /// Writes the new states of plans and the facts that report them, if the open plan is still as
    /// the caller saw it. Returns whether it was: an operator may have decided meanwhile.
    pub fn settle_plans(
        &self,
        seen: Option<&HeldPlan>,
        settled: Commit,
    ) -> Result<bool, StoreError> {
        let _alone = lock(&self.guards.numbering);
        if self.open_plan(settled.tenant)?.as_ref() != seen {
            return Ok(false);
        }
        self.commit(settled)?;
        Ok(true)
    }

    /// Records an operator's decision on a plan. Returns the plan as it is now: if its state does
    /// not match the decision, the plan was no longer waiting. `None` if there is no such plan.
    pub fn decide(
        &self,
        no: TenantNo,
        plan: PlanId,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Option<HeldPlan>, StoreError> {
        let _alone = lock(&self.guards.numbering);
        let plans = self.held_plans(no)?;
        let Some(mut plan) = plans.into_iter().find(|held| held.id == plan) else {
            return Ok(None);
        };
        plan.state = match (plan.state, decision) {
            (PlanState::Held | PlanState::Rejected { .. }, Decision::Approve) => {
                PlanState::Approved { at: now }
            }
            (PlanState::Held, Decision::Reject) => PlanState::Rejected { at: now },
            // An approved plan may be under way; a closed one stays closed.
            (state, Decision::Approve | Decision::Reject) => {
                return Ok(Some(HeldPlan { state, ..plan }));
            }
        };
        self.engine.write(vec![plan_row(no, &plan)])?;
        Ok(Some(plan))
    }
}
