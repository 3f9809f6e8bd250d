//! Held plans: which ones wait, and what an operator decides.

mod choice;
mod record_lookup;
mod reply;
mod summary;

use crate::model::{HeldPlan, Mode, PlanId, PlanState, RecordRef};
use crate::store::{Decision, Known};

use self::record_lookup::RecordLookup;
use super::acting::Acting;
use super::find_plan::find;
use super::page::PageBuilder;
use super::query::PlanChoice;
use super::reading::Reading;
use super::records::MAX_READ;
use super::{Approved, Command, ControlError, MAX_PAGE, Page, Query, command, page, query, runs};

pub use choice::RemovalChoice;
pub use reply::{Administrators, Moved, Person, PlanRow, PlanSummary, RemovalRow, Top, TopRow};

impl Query for query::Plans {
    type Answer = Page<PlanRow, PlanId>;

    fn about(&self) -> &'static str {
        "plans"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let mut rows = Vec::new();
        for known in reading.chosen(self.tenant.as_ref())? {
            let plans = reading.store.held_plans(known.no)?.into_iter();
            let wanted = plans.filter(|plan| {
                let is_before = self.before.is_none_or(|before| plan.id < before);
                is_before
                    && match self.which {
                        PlanChoice::All => true,
                        PlanChoice::Held => plan.state == PlanState::Held,
                    }
            });
            rows.extend(wanted.map(|plan| row(known, plan)));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.plan.id));
        Ok(Page::of(rows, page::size(self.limit), |last| last.plan.id))
    }
}

impl Query for query::Plan {
    type Answer = Option<PlanRow>;

    fn about(&self) -> &'static str {
        "plans"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let found = find(reading.store, self.id)?;
        Ok(found.map(|(known, plan)| row(&known, plan)))
    }
}

impl Query for query::Removals {
    type Answer = Page<RemovalRow, RecordRef>;

    fn about(&self) -> &'static str {
        "plans"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let store = reading.store;
        let Some((known, _)) = find(store, self.id)? else {
            return Ok(Page::last(Vec::new()));
        };
        let mut lookup = RecordLookup::new(store, known.no);
        let limit = page::size(self.limit);
        let at_once = match self.choice.is_all() {
            true => limit,
            false => MAX_PAGE,
        };
        let (mut rows, mut next) = (Vec::new(), self.after);
        for _ in 0..MAX_READ / MAX_PAGE {
            let page = store.removals(known.no, self.id, next.as_ref(), at_once)?;
            let is_last = page.len() < at_once;
            for removal in page {
                if rows.len() == limit {
                    return Ok(Page { rows, next });
                }
                next = Some(removal.record.clone());
                if self.choice.takes(&removal) {
                    let (row, _user) = lookup.row(removal)?;
                    rows.push(row);
                }
            }
            if is_last {
                return Ok(Page::last(rows));
            }
            if rows.len() == limit {
                break;
            }
        }
        Ok(Page { rows, next })
    }
}

impl Query for query::PlanSummary {
    type Answer = Option<PlanSummary>;

    fn about(&self) -> &'static str {
        "plans"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let Some((known, _)) = find(reading.store, self.id)? else {
            return Ok(None);
        };
        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let summary = summary::summarise(
            reading.store,
            (known.no, self.id),
            &self.choice,
            &mut builder,
        )?;
        let next = builder.next();
        Ok(Some(PlanSummary { next, ..summary }))
    }
}

impl Command for command::Approve {
    type Answer = Approved;

    fn about(&self) -> &'static str {
        "approve the plan"
    }

    /// Stores the approval first, so that the next run applies it even if this one fails.
    fn carry_out(self, acting: &Acting<'_>) -> Result<Approved, ControlError> {
        let plan = decide(acting, self.id, Decision::Approve)?;
        let run = runs::begin(acting, &plan.tenant, Mode::Commit)?;
        Ok(Approved { plan, run })
    }
}

impl Command for command::Reject {
    type Answer = PlanRow;

    fn about(&self) -> &'static str {
        "reject the plan"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<PlanRow, ControlError> {
        decide(acting, self.id, Decision::Reject)
    }
}

/// Stores an operator's decision about a plan. Returns the plan, which the next run follows.
fn decide(acting: &Acting<'_>, id: PlanId, decision: Decision) -> Result<PlanRow, ControlError> {
    let store = acting.store;
    let Some((known, _)) = find(store, id)? else {
        return Err(ControlError::UnknownPlan { plan: id });
    };
    let decided = store.decide(known.no, id, decision, acting.context.clock.now())?;
    let Some(plan) = decided else {
        return Err(ControlError::UnknownPlan { plan: id });
    };
    match (plan.state, decision) {
        (PlanState::Approved { .. }, Decision::Approve)
        | (PlanState::Rejected { .. }, Decision::Reject) => {
            let word = plan.state.word();
            tracing::info!(by = %acting.by, "{id} was {word} by {}", acting.by);
            Ok(row(&known, plan))
        }
        (PlanState::Superseded { .. }, Decision::Approve | Decision::Reject) => {
            let open = store.open_plan(known.no)?;
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

fn row(known: &Known, plan: HeldPlan) -> PlanRow {
    PlanRow {
        tenant: known.name.clone(),
        plan,
    }
}
