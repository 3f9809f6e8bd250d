//! One run, step by step.

use std::collections::BTreeMap;
use std::sync::Arc;

use tracing::{info, warn};

use crate::connector::Connector;
use crate::model::{Change, Mode, PlanId, PlanState, RecordRef, Run, Tenant, TenantName, Trigger};
use crate::store::{Known, NewRun, Store, StoreError, TenantNo};

use super::beside::{Beside, MAX_BESIDE, Pen, Scope};
use super::failure_events::tell;
use super::finish::Finishing;
use super::job::Job;
use super::measure;
use super::outcome;
use super::read_tenant::note_shortfalls;
use super::running::{Report, Running};
use crate::sync::plan::commit::{Resumed, Target, resume};
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::sweep::confirm::Missing;
use crate::sync::sweep::kind::Sweeping;
use crate::sync::tenants::freshness::Ended;
use crate::sync::{Progress, Rank, RunError};

impl<C: Connector> Job<C> {
    /// Starts a run, after the one under way if there is one.
    ///
    /// It goes on when whoever asked for it has gone: what it has handed to other threads would
    /// go on anyway, and the next run must not begin before that has ended.
    #[expect(
        clippy::disallowed_methods,
        reason = "a run ends by itself, and its turn with it; at the end of the process its \
                  worker aborts it, or the closed store ends it"
    )]
    pub(in crate::sync) fn start(self: &Arc<Self>, trigger: Trigger, mode: Mode) -> Running {
        let job = Arc::clone(self);
        Running(tokio::spawn(async move { job.run(trigger, mode).await }))
    }

    /// Returns the name under which the tenant is read in our stead, if it is. What the operator
    /// has named is read under that name; others may turn out to be one of these.
    pub(in crate::sync) async fn aside(&self) -> Option<TenantName> {
        if self.claim.me().rank == Rank::Named {
            return None;
        }
        if let Some(known) = self.claim.known() {
            return self.claim.aside(known);
        }
        let _place = self.claim.place().await;
        // What goes wrong here will go wrong in the run, which tells.
        let tenant = self.connector.identify().await.ok()?;
        self.claim.better(&tenant)
    }

    /// Does one run. It fails only where the store does: whatever the tenant answers is an
    /// outcome of the run.
    async fn run(&self, trigger: Trigger, mode: Mode) -> Result<Report, StoreError> {
        let _turn = self.turns.sweep().await;
        // Polls go on while it waits for its place.
        let _place = self.claim.place().await;
        let mut pen = self.turns.pen().await;
        self.run_in_turn(trigger, mode, Scope::All, &mut pen).await
    }

    /// Does one run for the holder of the pen; one of the whole tenant has its place.
    pub(in crate::sync) async fn run_in_turn(
        &self,
        trigger: Trigger,
        mode: Mode,
        scope: Scope,
        pen: &mut Pen<'_>,
    ) -> Result<Report, StoreError> {
        let beside = scope.beside().cloned();
        let _place = match &scope {
            Scope::All => None,
            Scope::Records { .. } => self.claim.brief_place().await,
        };
        let before = self.store.last_seq();
        let is_sweep = matches!(scope, Scope::All) && mode == Mode::Commit;
        if is_sweep {
            self.audit.sweep_begins();
            self.freshness.run_begins();
        }
        let mut run = self.begin(trigger, mode).await?;
        if matches!(scope, Scope::All) {
            self.observer.hear(Progress::Begun);
        }
        let mut preview = Vec::new();
        let result = self.steps(&mut run, &mut preview, scope, pen).await;
        pen.take().await;
        if beside.is_none() {
            self.observer.hear(Progress::Ended);
        }

        // What was asked beside a sweep is the sweep's.
        if beside.is_none() {
            run.traffic = self.connector.take_traffic();
        }
        run.ended_at = Some(self.clock.now());
        let fatal = match result {
            Ok(()) => None,
            Err(RunError::Store { source }) if source.is_fatal() => Some(source),
            Err(error) => {
                run.outcome = outcome::failed(&error);
                None
            }
        };
        if let Some(fatal) = fatal {
            return Err(fatal);
        }
        if is_sweep {
            self.conclude(&mut run, before).await?;
            if run.held.is_none() && run.outcome.is_success() {
                self.answers.clear();
            }
        }
        if is_sweep {
            self.freshness.run_ended(match run.outcome.is_success() {
                true => Ended::Well,
                false => Ended::Badly,
            });
        }
        outcome::log(&run);
        measure::run(&self.metrics, &run);
        if is_sweep {
            let told = run.clone();
            self.store.offload(move |store| tell(store, &told)).await?;
            self.observer.hear(Progress::Committed);
            // Else `status` would show for ever that it commits.
            self.observer.hear(Progress::Ended);
        }
        let saved = run.clone();
        self.store
            .offload(move |store| store.save_run(&saved))
            .await?;
        Ok(Report { run, preview })
    }

    async fn begin(&self, trigger: Trigger, mode: Mode) -> Result<Run, StoreError> {
        let new = NewRun {
            tenant_name: self.name.clone(),
            tenant: None,
            trigger,
            mode,
            started_at: self.clock.now(),
        };
        self.store.offload(move |store| store.begin_run(new)).await
    }

    async fn steps(
        &self,
        run: &mut Run,
        preview: &mut Vec<Change>,
        scope: Scope,
        pen: &mut Pen<'_>,
    ) -> Result<(), RunError> {
        let tenant = self
            .connector
            .identify()
            .await
            .map_err(RunError::fetch("own record"))?;
        run.tenant = Some(tenant.id.clone());
        let turn = self.claim.take(&tenant.id);
        let turn = turn.map_err(|other| RunError::contested(other, self.claim.me()))?;
        let alone = match scope.beside() {
            Some(beside) => Arc::clone(&beside.alone),
            None => Arc::new(turn.come().await),
        };
        self.audit.met(&tenant.id);
        let known = self.know(&tenant, run.mode).await?;
        let permit = match &known {
            // A sweep that reads has taken up what there was, and the rows are its own.
            Some(_) if scope.beside().is_some() => None,
            Some(known) if run.mode == Mode::Commit => self.take_up(&tenant, run, known.no).await?,
            Some(_) | None => None,
        };
        // What was approved goes by what a whole sweep shows.
        let permit = permit.filter(|_| matches!(scope, Scope::All));

        let target = known.as_ref().map(|known| Target {
            tenant: known.no,
            run: run.id,
            account: tenant.account(),
        });
        let is_load = known.as_ref().is_none_or(|known| known.loaded.is_none());
        let plan = match &target {
            Some(target) if run.mode == Mode::Commit && is_load => {
                Plan::load(target.clone(), self.clock.now())
            }
            Some(target) if run.mode == Mode::Commit => Plan::gather(target.clone(), permit),
            Some(target) => {
                let no = target.tenant;
                let open = self.store.offload(move |store| store.open_plan(no));
                Plan::preview(Some(no), open.await.map_err(RunError::store)?)
            }
            None => Plan::preview(None, None),
        };
        // A dry run writes nothing: polls go on to its end.
        let mut reading = None;
        let (sweeping, unseen) = match (scope, &known) {
            (Scope::Records { records, beside }, Some(known)) => {
                let limit = match beside {
                    Some(_) => MAX_BESIDE,
                    None => usize::MAX,
                };
                let refreshed = self.refresh(run, known.no, records, limit, plan).await?;
                if let Some(beside) = beside {
                    beside.asked.note(refreshed.asked.take());
                }
                // Of nothing has it seen all.
                (refreshed, Unseen::everything())
            }
            (Scope::All | Scope::Records { .. }, _) => {
                let beside = (!is_load).then(|| Beside::of(&alone));
                let mut sweeping;
                (sweeping, reading) = self
                    .read_all(run, known.as_ref(), plan, beside, pen)
                    .await?;
                if let Some(known) = &known {
                    sweeping = self.ask(run, known.no, permit, sweeping).await?;
                }
                note_shortfalls(run, &sweeping);
                run.population.clone_from(&sweeping.scales.shown);
                let unseen = match sweeping.asked.holds() {
                    // It may have read before what is held was taken away.
                    true => Unseen::everything(),
                    false => Unseen::of(run, &sweeping.short),
                };
                (sweeping, unseen)
            }
        };

        run.outcome = outcome::judged(run, &sweeping.short);
        let loaded = run.outcome.is_success().then(|| outcome::mark(&run.counts));
        if is_load && loaded.is_none() {
            warn!(
                tenant.id = %tenant.id, tenant.name = %self.name, run.id = %run.id,
                "The first load of `{}` is not complete; receivers hear nothing until it is",
                self.name
            );
        }
        let finishing = Finishing {
            target: target.filter(|_| run.mode == Mode::Commit),
            at: self.clock.now(),
            loaded,
            unseen,
            scales: sweeping.scales,
            permit,
        };
        *preview = self.finish(run, sweeping.plan, finishing).await?;
        drop(reading);
        if is_load {
            // Of a first load nobody is told.
            preview.clear();
        }
        Ok(())
    }

    /// Takes up what earlier runs left. Returns the plan that an operator has approved.
    pub(super) async fn take_up(
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
            self.observer.hear(Progress::Committed);
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

    /// Asks for what complete sweeps did not show.
    async fn ask(
        &self,
        run: &mut Run,
        no: TenantNo,
        permit: Option<PlanId>,
        sweeping: Sweeping,
    ) -> Result<Sweeping, RunError> {
        let absences = self
            .store
            .offload(move |store| store.absences(no))
            .await
            .map_err(RunError::store)?;
        let incomplete = |record: &RecordRef| !sweeping.complete.contains(&record.kind);
        let mut kept: BTreeMap<_, _> = absences
            .iter()
            .filter(|(record, _)| incomplete(record))
            .map(|(record, count)| (record.clone(), *count))
            .collect();
        let missing = Missing {
            tenant: no,
            records: sweeping.missing,
            complete: &sweeping.complete,
            empty: &sweeping.empty,
            shortfalls: &sweeping.shortfalls,
            scales: &sweeping.scales,
            permit,
            absences,
        };
        let confirmed = self.confirm(run, missing, sweeping.plan).await?;
        kept.extend(confirmed.absences);
        if run.mode == Mode::Commit {
            self.store
                .offload(move |store| store.keep_absences(no, &kept))
                .await
                .map_err(RunError::store)?;
        }
        let mut short = sweeping.short;
        short.extend(confirmed.short);
        Ok(Sweeping {
            plan: confirmed.plan,
            short,
            missing: Vec::new(),
            ..sweeping
        })
    }

    /// Looks the tenant up in the store. A dry run does not leave a trace of it there.
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
