//! Held plans: what waits, and what an operator says of it.

mod lens;
mod reply;
mod summary;

use crate::clock::Clock;
use crate::model::{HeldPlan, PlanId, PlanState, RecordRef, TenantName};
use crate::store::{Decision, Known, Store, StoreError};

use self::lens::Lens;
use super::{ControlError, MAX_PAGE, Reply};

pub use reply::{Administrators, Moved, Person, PlanRow, PlanSummary, RemovalRow, Top, TopRow};

/// Lists the plans of some tenants, the newest first.
pub(super) fn list(store: &Store, tenants: &[&Known], limit: usize) -> Result<Reply, ControlError> {
    let mut rows = Vec::new();
    for known in tenants {
        let plans = store.held_plans(known.no).map_err(ControlError::store)?;
        rows.extend(plans.into_iter().map(|plan| row(known, plan)));
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.plan.id));
    rows.truncate(limit);
    Ok(Reply::Plans(rows))
}

/// Returns a plan, none if there is no such plan.
pub(super) fn show(store: &Store, id: PlanId) -> Result<Reply, ControlError> {
    let found = find(store, id)?;
    Ok(Reply::Plan(found.map(|(known, plan)| row(&known, plan))))
}

/// Lists what a plan would take away.
pub(super) fn removals(
    store: &Store,
    id: PlanId,
    after: Option<&RecordRef>,
    limit: usize,
) -> Result<Reply, ControlError> {
    let Some((known, _)) = find(store, id)? else {
        return Ok(Reply::Removals(Vec::new()));
    };
    let read = || {
        let mut lens = Lens::new(store, known.no);
        let page = store.removals(known.no, id, after, limit.min(MAX_PAGE))?;
        let rows = page.into_iter();
        rows.map(|removal| lens.row(removal).map(|(row, _user)| row))
            .collect::<Result<Vec<_>, StoreError>>()
    };
    read().map(Reply::Removals).map_err(ControlError::store)
}

/// Sums up what a plan would take away, none if there is no such plan.
pub(super) fn summary(store: &Store, id: PlanId) -> Result<Reply, ControlError> {
    let Some((known, _)) = find(store, id)? else {
        return Ok(Reply::PlanSummary(None));
    };
    summary::summarise(store, known.no, id)
        .map(|summary| Reply::PlanSummary(Some(summary)))
        .map_err(ControlError::store)
}

/// Takes down what an operator says of a plan. Returns the tenant whose next run goes by it.
pub(super) fn decide(
    store: &Store,
    clock: &Clock,
    id: PlanId,
    decision: Decision,
) -> Result<(TenantName, HeldPlan), ControlError> {
    let Some((known, _)) = find(store, id)? else {
        return Err(ControlError::UnknownPlan { plan: id });
    };
    let decided = store
        .decide(known.no, id, decision, clock.now())
        .map_err(ControlError::store)?;
    let Some(plan) = decided else {
        return Err(ControlError::UnknownPlan { plan: id });
    };
    match (plan.state, decision) {
        (PlanState::Approved { .. }, Decision::Approve)
        | (PlanState::Rejected { .. }, Decision::Reject) => Ok((known.name, plan)),
        (PlanState::Superseded { .. }, Decision::Approve | Decision::Reject) => {
            let open = store.open_plan(known.no).map_err(ControlError::store)?;
            Err(ControlError::SupersededPlan {
                plan: id,
                now: open.map(|open| open.id),
            })
        }
        (state, Decision::Approve | Decision::Reject) => Err(ControlError::ClosedPlan {
            plan: id,
            state: state.word(),
        }),
    }
}

fn find(store: &Store, id: PlanId) -> Result<Option<(Known, HeldPlan)>, ControlError> {
    for known in store.tenants().map_err(ControlError::store)? {
        let plans = store.held_plans(known.no).map_err(ControlError::store)?;
        if let Some(plan) = plans.into_iter().find(|plan| plan.id == id) {
            return Ok(Some((known, plan)));
        }
    }
    Ok(None)
}

fn row(known: &Known, plan: HeldPlan) -> PlanRow {
    PlanRow {
        tenant: known.name.clone(),
        plan,
    }
}
