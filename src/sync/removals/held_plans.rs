//! Writes what becomes of held plans at the end of a run.
//!
//! A tenant has at most one open plan. [`Fate`] says what becomes of it, given what the run holds
//! and what it could see ([`removals`]).

mod removals;

use crate::model::{Fact, Held, HeldPlan, PlanId, PlanState, Recovery, Timestamp};
use crate::store::{Closing, Store};

use super::fate::{Fate, Heir, Holds, Open, Sight, Went};
use crate::sync::RunError;
use crate::sync::plan::commit::{Target, commit};
use crate::sync::plan::results::Draft;

pub(in crate::sync) use removals::{Unseen, are_listed, still_waiting};

/// What a run found, as far as plans depend on it.
pub(in crate::sync) struct Ended<'a> {
    pub(in crate::sync) target: &'a Target,
    pub(in crate::sync) at: Timestamp,
    /// What it holds; `None` if it holds nothing.
    pub(in crate::sync) draft: Option<Draft>,
    /// What it could not see in full.
    pub(in crate::sync) unseen: Unseen,
    /// The approved plan that it applied.
    pub(in crate::sync) permit: Option<PlanId>,
}

/// What a run held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sync) struct Kept {
    pub(in crate::sync) held: Held,
    /// The state of the plan that lists it.
    pub(in crate::sync) open: Open,
}

/// Writes what becomes of plans. Returns what the run held.
pub(in crate::sync) fn settle(
    store: &Store,
    mut ended: Ended<'_>,
) -> Result<Option<Kept>, RunError> {
    let tenant = ended.target.tenant;
    let new = PlanId::from(ended.target.run);
    let (open, fate, step) = loop {
        let open = store.open_plan(tenant).map_err(RunError::store)?;
        let fate = fate(store, open.as_ref(), &ended)?;
        if let (Fate::Superseded(Heir::FoundAndUnseen), Some(open), Some(draft)) =
            (fate, &open, &ended.draft)
        {
            let heir = removals::inherit(store, tenant, open, &ended.unseen, new, draft)?;
            ended.draft = Some(heir);
        }
        let step = Step::of(fate, open.as_ref(), &ended);
        if step.plans.is_empty() {
            break (open, fate, step);
        }
        let told = Closing::Report {
            plans: step.plans.clone(),
            facts: step.facts.clone(),
        };
        let settled = commit(ended.target, ended.at, Vec::new(), told);
        // If an operator has decided in the meantime, what has to be done changes.
        if store
            .settle_plans(open.as_ref(), settled)
            .map_err(RunError::store)?
        {
            break (open, fate, step);
        }
    };
    if ended.draft.is_some() && !fate.opens() {
        store.drop_removals(tenant, new).map_err(RunError::store)?;
    }
    Ok(ended.draft.map(|draft| Kept {
        held: Held {
            plan: step.current,
            losses: match (&open, draft.losses.is_empty()) {
                // Removals that only wait with others have no limit of their own.
                (Some(open), true) => open.losses.clone(),
                (_, _) => draft.losses,
            },
        },
        open: match fate.opens() {
            true => Open::Held,
            false => Open::of(open.map(|open| open.state)),
        },
    }))
}

/// Decides what becomes of the open plan.
fn fate(store: &Store, open: Option<&HeldPlan>, ended: &Ended<'_>) -> Result<Fate, RunError> {
    let state = Open::of(open.map(|open| open.state));
    let Some(open) = open else {
        let holds = match ended.draft {
            Some(_) => Holds::Others,
            None => Holds::AllIsBack,
        };
        return Ok(Fate::of(state, holds, Sight::Whole, Went::WithoutIt));
    };
    let tenant = ended.target.tenant;
    let new = PlanId::from(ended.target.run);
    let holds = removals::holds(store, tenant, open, ended.draft.as_ref(), new)?;
    let sight = removals::sight(store, tenant, open, &ended.unseen)?;
    let went = match ended.permit == Some(open.id) {
        true => Went::ByIt,
        false => Went::WithoutIt,
    };
    Ok(Fate::of(state, holds, sight, went))
}

/// What has to be written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    plans: Vec<HeldPlan>,
    facts: Vec<Fact>,
    /// The plan that lists what is held.
    current: Option<PlanId>,
}

impl Step {
    fn of(fate: Fate, open: Option<&HeldPlan>, ended: &Ended<'_>) -> Self {
        let (run, at) = (ended.target.run, ended.at);
        let mut step = Self::default();
        let by = PlanId::from(run);
        let closed = match fate {
            Fate::Nothing | Fate::Opens | Fate::StaysForItsRun => None,
            Fate::Stays => {
                step.current = open.map(|open| open.id);
                None
            }
            Fate::Applied | Fate::AppliedAndOpens => Some(PlanState::Applied { at, run }),
            Fate::Superseded(_) => Some(PlanState::Superseded { at, by }),
            Fate::Recovered => Some(PlanState::Recovered { at, run }),
        };
        if let (Some(state), Some(open)) = (closed, open) {
            step.plans.push(HeldPlan {
                state,
                ..open.clone()
            });
            if fate == Fate::Recovered {
                step.facts.push(Fact::Recovered(Recovery::Plan(open.id)));
            }
        }
        let supersedes = match fate {
            Fate::Superseded(_) => open.map(|open| open.id),
            Fate::Nothing
            | Fate::Opens
            | Fate::Stays
            | Fate::StaysForItsRun
            | Fate::Applied
            | Fate::AppliedAndOpens
            | Fate::Recovered => None,
        };
        match &ended.draft {
            Some(draft) if fate.opens() => step.and_holds(draft, ended, supersedes),
            Some(_) | None => step,
        }
    }

    fn and_holds(mut self, draft: &Draft, ended: &Ended<'_>, supersedes: Option<PlanId>) -> Self {
        let id = PlanId::from(ended.target.run);
        self.plans.push(HeldPlan {
            id,
            account: ended.target.account.clone(),
            at: ended.at,
            losses: draft.losses.clone(),
            entries: draft.removals.count,
            checksum: draft.removals.checksum,
            state: PlanState::Held,
        });
        self.facts.push(Fact::Held {
            plan: id,
            supersedes,
            losses: draft.losses.clone(),
        });
        self.current = Some(id);
        self
    }
}

#[cfg(test)]
mod tests;
