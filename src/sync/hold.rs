//! What becomes of held plans at the end of a run.
//!
//! A tenant has one open plan at the most. A run that finds the same removals again leaves it
//! as it is; other removals take its place under a new name; none close it, since the source
//! shows again what was missing. A run that could not see what the plan is about decides
//! nothing.

use std::collections::BTreeSet;

use crate::model::{
    Fact, FindingCode, Held, HeldPlan, Kind, Loss, PlanId, PlanState, Recovery, Run, Timestamp,
};
use crate::store::{Closing, Entries, Store};

use super::RunError;
use super::gather::Draft;
use super::plan::{Target, commit};
use super::sweep::Short;

/// What a run found, for the plans.
pub(super) struct Ended<'a> {
    pub(super) target: &'a Target,
    pub(super) at: Timestamp,
    /// What it holds; none: nothing.
    pub(super) draft: Option<Draft>,
    /// What it could not see all of.
    pub(super) unseen: BTreeSet<Loss>,
    /// The approved plan that it went by.
    pub(super) permit: Option<PlanId>,
}

/// Writes what plans have become. Returns what the run held.
pub(super) fn settle(store: &Store, ended: Ended<'_>) -> Result<Option<Held>, RunError> {
    let tenant = ended.target.tenant;
    let fresh = PlanId::from(ended.target.run);
    let step = loop {
        let open = store.open_plan(tenant).map_err(RunError::store)?;
        let step = decide(open.as_ref(), &ended);
        if step.plans.is_empty() {
            break step;
        }
        let told = Closing::Told {
            plans: step.plans.clone(),
            facts: step.facts.clone(),
        };
        let settled = commit(ended.target, ended.at, Vec::new(), told);
        // An operator who decided meanwhile changes what is to be done.
        if store
            .settle_plans(open.as_ref(), settled)
            .map_err(RunError::store)?
        {
            break step;
        }
    };
    let is_made = step.plans.iter().any(|plan| plan.id == fresh);
    if ended.draft.is_some() && !is_made {
        store
            .drop_removals(tenant, fresh)
            .map_err(RunError::store)?;
    }
    Ok(ended.draft.map(|draft| Held {
        plan: step.current,
        losses: draft.losses,
    }))
}

/// What is to be written.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    plans: Vec<HeldPlan>,
    facts: Vec<Fact>,
    /// The plan that lists what is held.
    current: Option<PlanId>,
}

fn decide(open: Option<&HeldPlan>, ended: &Ended<'_>) -> Step {
    let (run, at) = (ended.target.run, ended.at);
    let sees_all = |plan: &HeldPlan| plan.losses.keys().all(|loss| !ended.unseen.contains(loss));
    match (open, &ended.draft) {
        (None, None) => Step::default(),
        (None, Some(draft)) => Step::default().and_holds(draft, ended, None),
        (Some(open), draft) => {
            let is_same = draft.as_ref().is_some_and(|draft| {
                draft.entries
                    == Entries {
                        count: open.entries,
                        checksum: open.checksum,
                    }
            });
            let as_it_is = Step {
                current: Some(open.id),
                ..Step::default()
            };
            match open.state {
                PlanState::Approved { .. } => {
                    if ended.permit != Some(open.id) || !sees_all(open) {
                        return as_it_is;
                    }
                    let step = Step::default().and_closes(open, PlanState::Applied { at, run });
                    match draft {
                        Some(draft) => step.and_holds(draft, ended, None),
                        None => step,
                    }
                }
                PlanState::Held | PlanState::Rejected { .. } => {
                    if is_same || !sees_all(open) {
                        return as_it_is;
                    }
                    match draft {
                        Some(draft) => {
                            let by = PlanId::from(run);
                            Step::default()
                                .and_closes(open, PlanState::Superseded { at, by })
                                .and_holds(draft, ended, Some(open.id))
                        }
                        None => Step {
                            facts: vec![Fact::Recovered(Recovery::Plan(open.id))],
                            ..Step::default().and_closes(open, PlanState::Recovered { at, run })
                        },
                    }
                }
                PlanState::Applied { .. }
                | PlanState::Superseded { .. }
                | PlanState::Recovered { .. } => as_it_is,
            }
        }
    }
}

impl Step {
    fn and_closes(mut self, plan: &HeldPlan, state: PlanState) -> Self {
        self.plans.push(HeldPlan {
            state,
            ..plan.clone()
        });
        self
    }

    fn and_holds(mut self, draft: &Draft, ended: &Ended<'_>, supersedes: Option<PlanId>) -> Self {
        let id = PlanId::from(ended.target.run);
        self.plans.push(HeldPlan {
            id,
            account: ended.target.account.clone(),
            at: ended.at,
            losses: draft.losses.clone(),
            entries: draft.entries.count,
            checksum: draft.entries.checksum,
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

/// Returns what a run could not see all of.
pub(super) fn unseen(run: &Run, short: &[Short]) -> BTreeSet<Loss> {
    let mut unseen: BTreeSet<Loss> = short
        .iter()
        .flat_map(|short| losses_of(short.kind()))
        .copied()
        .collect();
    for finding in &run.findings {
        match finding.code {
            FindingCode::HiddenRoles => {
                unseen.insert(Loss::RoleAssignments);
            }
            FindingCode::HiddenGroups => {
                unseen.insert(Loss::Memberships);
            }
            FindingCode::ForbiddenCollection => unseen.extend(losses_of(finding.kind)),
            // Nobody knows which one it is, or how many are behind it.
            FindingCode::UnreadableRecord if finding.id.is_none() => {
                unseen.extend(losses_of(finding.kind));
            }
            FindingCode::UnreadableRecord
            | FindingCode::UnreadableReference
            | FindingCode::ReplacedText
            | FindingCode::Rescued
            | FindingCode::Unconfirmed
            // Every record that is known was shown, or was asked for.
            | FindingCode::CountDiffers
            | FindingCode::AuditForbidden
            | FindingCode::AuditGap => {}
        }
    }
    unseen
}

/// Returns everything that can be lost with, or from, records of a kind.
fn losses_of(kind: Kind) -> &'static [Loss] {
    match kind {
        Kind::Role => &[Loss::Roles],
        Kind::Group => &[Loss::Groups, Loss::RoleAssignments],
        Kind::User => &[Loss::Users, Loss::Memberships, Loss::RoleAssignments],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Account, HeldLoss, Reason, RunId, TenantId, Weight};

    fn target(run: u64) -> Target {
        Target {
            // Only the store gives numbers; this one is never looked up.
            tenant: serde_json::from_value(1.into()).unwrap(),
            run: RunId(run),
            account: Account {
                tenant: TenantId("t".into()),
                name: "T".into(),
                region: None,
            },
        }
    }

    fn losses() -> BTreeMap<Loss, HeldLoss> {
        let held = HeldLoss {
            weight: Weight {
                lost: 9,
                known: 10,
                shown: 1,
            },
            reason: Reason::Never,
        };
        [(Loss::Users, held)].into()
    }

    fn draft(checksum: u64) -> Draft {
        Draft {
            losses: losses(),
            entries: Entries { count: 9, checksum },
        }
    }

    fn open(state: PlanState) -> HeldPlan {
        let ended = Ended {
            target: &target(3),
            at: Timestamp::from_millis(1),
            draft: None,
            unseen: BTreeSet::new(),
            permit: None,
        };
        let mut plan = Step::default().and_holds(&draft(7), &ended, None).plans[0].clone();
        plan.state = state;
        plan
    }

    #[test]
    fn what_becomes_of_the_open_plan() {
        let at = Timestamp::from_millis(5);
        let (held, rejected) = (PlanState::Held, PlanState::Rejected { at });
        let approved = PlanState::Approved { at };
        let recovered = "plan-3 recovered; sync.recovered";
        let superseded = "plan-3 superseded, plan-8 held; sync.held";
        // Open plan, checksum of what is held now, whether users were all seen, the permit.
        for (state, now, sees, permit, expected) in [
            (None, None, true, None, ""),
            (None, Some(7), true, None, "plan-8 held; sync.held"),
            (None, Some(7), false, None, "plan-8 held; sync.held"),
            (Some(held), Some(7), true, None, ""),
            (Some(held), Some(8), true, None, superseded),
            (Some(held), Some(8), false, None, ""),
            (Some(held), None, true, None, recovered),
            (Some(held), None, false, None, ""),
            (Some(rejected), Some(7), true, None, ""),
            (Some(rejected), Some(8), true, None, superseded),
            (Some(rejected), None, true, None, recovered),
            (Some(approved), None, true, Some(3), "plan-3 applied; "),
            (
                Some(approved),
                Some(8),
                true,
                Some(3),
                "plan-3 applied, plan-8 held; sync.held",
            ),
            // Approved while the run was under way, or not all of it seen: the next run.
            (Some(approved), Some(7), true, None, ""),
            (Some(approved), None, true, None, ""),
            (Some(approved), None, false, Some(3), ""),
        ] {
            let target = target(8);
            let ended = Ended {
                target: &target,
                at,
                draft: now.map(draft),
                unseen: if sees {
                    [Loss::Memberships].into()
                } else {
                    [Loss::Users].into()
                },
                permit: permit.map(PlanId),
            };

            let step = decide(state.map(open).as_ref(), &ended);

            let plans: Vec<_> = step
                .plans
                .iter()
                .map(|plan| format!("{} {}", plan.id, plan.state.word()))
                .collect();
            let facts: Vec<_> = step.facts.iter().filter_map(Fact::event_type).collect();
            let found = format!("{}; {}", plans.join(", "), facts.join(", "));
            let expected = if expected.is_empty() { "; " } else { expected };
            assert_eq!(found, expected, "{state:?} {now:?} {sees} {permit:?}");
        }
    }
}
