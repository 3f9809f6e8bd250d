//! Finishes a run: weighs what it found, commits, and updates held plans.

use tracing::warn;

use crate::connector::Connector;
use crate::model::{Change, Held, Mode, Outcome, Run};
use crate::reconcile;

use super::context::Context;
use super::job::Job;
use super::outcome;
use crate::sync::plan::results::Finished;
use crate::sync::removals::fate::Open;
use crate::sync::removals::held_plans::{self, Ended, Kept, Unseen};
use crate::sync::sweep::kind::Sweeping;
use crate::sync::{Progress, RunError};

impl<C: Connector> Job<C> {
    /// Judges whether a run saw all that it was meant to see.
    pub(super) fn judge(&self, run: &mut Run, context: &Context, sweeping: &Sweeping) {
        run.outcome = outcome::judged(run, &sweeping.short);
        if context.is_load() && !run.outcome.is_success() {
            warn!(
                tenant.id = %context.tenant.id, tenant.name = %self.name, run.id = %run.id,
                "The first load of `{}` is not complete; receivers are told nothing until it is",
                self.name
            );
        }
    }

    /// Weighs and commits what a run has gathered, and updates held plans. Returns what a dry run
    /// would do.
    pub(super) async fn finish(
        &self,
        run: &mut Run,
        context: &Context,
        sweeping: Sweeping,
        unseen: Unseen,
    ) -> Result<Vec<Change>, RunError> {
        let Sweeping { plan, scales, .. } = sweeping;
        let (permit, at) = (context.permit, self.clock.now());
        // A dry run has no target, since it writes nothing.
        let target = context.target(run).filter(|_| run.mode == Mode::Commit);
        // The mark that ends a first load.
        let loaded = run.outcome.is_success().then(|| outcome::mark(&run.counts));
        let guard = self.removal_policy.guard.clone();
        let (gathered, preview, kept) = self
            .store
            .offload(move |store| {
                let Finished {
                    mut gathered,
                    preview,
                    listed,
                } = plan
                    .end()
                    .finish(store, at, loaded, &scales, &guard, &unseen)?;
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
            // An operator has rejected the plan: it stays rejected, and nobody has to be told
            // again.
            Open::Rejected => false,
        });
        if waits && run.outcome.is_success() {
            run.outcome = Outcome::Held;
        }
        run.held = kept.map(|kept| kept.held);
        if run.mode == Mode::Commit {
            self.observer.report(Progress::Committed);
        }
        Ok(preview)
    }
}
