//! Finds a plan by its id, in any tenant.

use crate::model::{HeldPlan, PlanId};
use crate::store::{Known, Store, StoreError};

/// Returns a plan with its tenant; `None` if there is no such plan.
pub(super) fn find(store: &Store, id: PlanId) -> Result<Option<(Known, HeldPlan)>, StoreError> {
    for known in store.tenants()? {
        let plans = store.held_plans(known.no)?;
        if let Some(plan) = plans.into_iter().find(|plan| plan.id == id) {
            return Ok(Some((known, plan)));
        }
    }
    Ok(None)
}
