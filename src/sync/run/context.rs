//! The context of a run: the tenant that it reads, what is known of that tenant, and the plan that
//! an operator has approved.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tracing::info;

use crate::connector::Connector;
use crate::model::{Mode, PlanId, PlanState, Run, Tenant};
use crate::store::{Known, TenantNo};

use super::beside::Scope;
use super::job::Job;
use super::progress::Progress;
use crate::sync::RunError;
use crate::sync::plan::commit::{Resumed, Target, resume};
use crate::sync::plan::run_plan::Plan;

/// What a run needs to know before it reads.
pub(super) struct Context {
    pub(super) tenant: Tenant,
    /// What the store knows of the tenant; `None` for a dry run of a tenant that was never read.
    pub(super) known: Option<Known>,
    /// The plan whose removals an operator has approved.
    pub(super) permit: Option<PlanId>,
}

impl Context {
    /// Returns whether the tenant was never read to the end, so that this is a first load.
    pub(super) fn is_load(&self) -> bool {
        let known = self.known.as_ref();
        known.is_none_or(|known| known.loaded.is_none())
    }

    /// Returns the tenant and run to write for; `None` if the store does not know the tenant.
    pub(super) fn target(&self, run: &Run) -> Option<Target> {
        self.known.as_ref().map(|known| Target {
            tenant: known.no,
            run: run.id,
            account: self.tenant.account(),
        })
    }
}

impl<C: Connector> Job<C> {
    /// Asks the tenant who it is.
    pub(super) async fn identify(&self, run: &mut Run) -> Result<Tenant, RunError> {
        let tenant = self.connector.identify().await;
        let tenant = tenant.map_err(RunError::fetch("own record"))?;
        run.tenant = Some(tenant.id.clone());
        Ok(tenant)
    }

    /// Waits for the tenant's turn among all jobs that may claim it; a run beside a sweep shares
    /// the sweep's turn.
    pub(super) async fn turn_of(
        &self,
        tenant: &Tenant,
        scope: &Scope,
    ) -> Result<Arc<OwnedMutexGuard<()>>, RunError> {
        let turn = self.claim.take(&tenant.id);
        let turn = turn.map_err(|other| RunError::contested(other, self.claim.me()))?;
        let alone = match scope.beside() {
            Some(beside) => Arc::clone(&beside.alone),
            None => Arc::new(turn.come().await),
        };
        self.audit.met(&tenant.id);
        Ok(alone)
    }

    /// Finds out what is known of the tenant, and finishes what earlier runs left.
    pub(super) async fn context(
        &self,
        run: &Run,
        tenant: Tenant,
        scope: &Scope,
    ) -> Result<Context, RunError> {
        let known = self.know(&tenant, run.mode).await?;
        let permit = match &known {
            // The sweep has already resumed what earlier runs left, and the staged rows are its
            // own.
            Some(_) if scope.beside().is_some() => None,
            Some(known) if run.mode == Mode::Commit => self.take_up(&tenant, run, known.no).await?,
            Some(_) | None => None,
        };
        Ok(Context {
            tenant,
            known,
            // An approval applies only to a run of the whole tenant.
            permit: permit.filter(|_| matches!(scope, Scope::All)),
        })
    }

    /// Starts the plan of a run: for a first load, for a later run, or for a dry run.
    pub(super) async fn begin_plan(&self, run: &Run, context: &Context) -> Result<Plan, RunError> {
        let Some(target) = context.target(run) else {
            return Ok(Plan::preview(None, None));
        };
        match run.mode {
            Mode::Commit if context.is_load() => Ok(Plan::load(target, self.clock.now())),
            Mode::Commit => Ok(Plan::gather(target, context.permit)),
            Mode::DryRun => {
                let no = target.tenant;
                let open = self.store.offload(move |store| store.open_plan(no));
                Ok(Plan::preview(
                    Some(no),
                    open.await.map_err(RunError::store)?,
                ))
            }
        }
    }

    /// Resumes what earlier runs left. Returns the plan that an operator has approved.
    async fn take_up(
        &self,
        tenant: &Tenant,
        run: &Run,
        no: TenantNo,
    ) -> Result<Option<PlanId>, RunError> {
        let (resumed, open) = self
            .store
            .offload(move |store| {
                store.tidy_held_plans(no).map_err(RunError::store)?;
                let resumed = resume(store, no)?;
                Ok((resumed, store.open_plan(no).map_err(RunError::store)?))
            })
            .await?;
        if let Resumed::CarriedOut(earlier) = resumed {
            info!(
                tenant.id = %tenant.id, tenant.name = %self.name, run.id = %run.id, earlier = %earlier,
                "Finished the changes that {earlier} of `{}` had begun to apply",
                self.name
            );
            self.observer.report(Progress::Committed);
        }
        Ok(open.and_then(|plan| match plan.state {
            PlanState::Approved { .. } => Some(plan.id),
            PlanState::Held
            | PlanState::Applied { .. }
            | PlanState::Rejected { .. }
            | PlanState::Superseded { .. }
            | PlanState::Recovered { .. } => None,
        }))
    }

    /// Looks the tenant up in the store. A dry run leaves no trace of it there.
    async fn know(&self, tenant: &Tenant, mode: Mode) -> Result<Option<Known>, RunError> {
        let (tenant, name, now) = (tenant.clone(), self.name.clone(), self.clock.now());
        let known = self.store.offload(move |store| match mode {
            Mode::Commit => store.adopt(&tenant, &name, now).map(Some),
            Mode::DryRun => {
                let tenants = store.tenants()?;
                Ok(tenants
                    .into_iter()
                    .find(|known| known.tenant.id == tenant.id))
            }
        });
        known.await.map_err(RunError::store)
    }
}
