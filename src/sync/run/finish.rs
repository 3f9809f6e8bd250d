//! Brings a run to its end: weighs what it found, commits, settles plans.

use crate::connector::Connector;
use crate::model::{Change, Held, Mode, Outcome, PlanId, Run, Timestamp};
use crate::reconcile;
use crate::store::Closing;

use super::job::Job;
use crate::sync::plan::commit::Target;
use crate::sync::plan::results::Finished;
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::fate::Open;
use crate::sync::removals::held_plans::{self, Ended, Kept, Unseen};
use crate::sync::removals::tally::Scales;
use crate::sync::{Progress, RunError};

/// What a run needs to come to its end.
pub(in crate::sync) struct Finishing {
    /// For whom it writes; none of a dry run.
    pub(in crate::sync) target: Option<Target>,
    pub(in crate::sync) at: Timestamp,
    /// The mark that ends a first load.
    pub(in crate::sync) loaded: Option<Closing>,
    pub(in crate::sync) scales: Scales,
    /// What it could not see all of.
    pub(in crate::sync) unseen: Unseen,
    /// The approved plan that it goes by.
    pub(in crate::sync) permit: Option<PlanId>,
}

impl<C: Connector> Job<C> {
    /// Weighs, commits and settles what a run has gathered. Returns what a dry run would do.
    pub(in crate::sync) async fn finish(
        &self,
        run: &mut Run,
        plan: Plan,
        finishing: Finishing,
    ) -> Result<Vec<Change>, RunError> {
        let Finishing {
            target,
            at,
            loaded,
            scales,
            unseen,
            permit,
        } = finishing;
        let guard = self.removal_policy.guard.clone();
        let (gathered, preview, kept) = self
            .store
            .offload(move |store| {
                let Finished {
                    mut gathered,
                    preview,
                    listed,
                } = plan.finish(store, at, loaded, &scales, &guard, &unseen)?;
                let draft = gathered.held.take();
                let kept = match &target {
                    Some(target) => held_plans::settle(
                        store,
                        Ended {
                            target,
                            at,
                            draft,
                            unseen,
                            permit,
                        },
                    )?,
                    None => draft.map(|draft| Kept {
                        open: listed
                            .as_ref()
                            .map_or(Open::Held, |plan| Open::of(Some(plan.state))),
                        held: Held {
                            plan: listed.map(|plan| plan.id),
                            losses: draft.losses,
                        },
                    }),
                };
                Ok::<_, RunError>((gathered, preview, kept))
            })
            .await?;
        for (kind, counts) in &mut run.counts {
            let gone = gathered.lost.get(&reconcile::loss_of(*kind));
            counts.deleted = gone.copied().unwrap_or(0);
            let unchanged = gathered.unchanged.get(kind).copied().unwrap_or(0);
            counts.updated = counts.updated.saturating_sub(unchanged);
        }
        run.lost = gathered.lost;
        let waits = kept.as_ref().is_some_and(|kept| match kept.open {
            Open::No | Open::Held | Open::Approved => true,
            // Somebody has decided: it stays out, and nobody has to be told again.
            Open::Rejected => false,
        });
        if waits && run.outcome.is_success() {
            run.outcome = Outcome::Held;
        }
        run.held = kept.map(|kept| kept.held);
        if run.mode == Mode::Commit {
            self.observer.hear(Progress::Committed);
        }
        Ok(preview)
    }
}
