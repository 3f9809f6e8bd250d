//! One run, step by step.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::connector::Connector;
use crate::model::{
    Account, Change, Kind, Mode, RecordRef, Run, Tenant, TenantName, Timestamp, Trigger,
};
use crate::signal::Wake;
use crate::store::{Known, NewRun, Store, StoreError};
use crate::telemetry::Metrics;

use super::hearing::Hearing;
use super::plan::{Plan, Resumed, Target, resume};
use super::sweep::Sweeping;
use super::{Claims, Listening, Observer, Progress, RunError, measure, outcome};

/// All that a run of one tenant needs.
#[derive(Debug)]
pub struct Job<C> {
    pub(super) name: TenantName,
    pub(super) connector: Arc<C>,
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) observer: Observer,
    pub(super) hearing: Hearing,
    pub(super) metrics: Metrics,
    claims: Claims,
    /// Held by the run or the poll under way: a tenant has one at a time.
    pub(super) turn: Mutex<()>,
}

/// A run under way, or a poll.
#[derive(Debug)]
pub(super) struct Running<T = Report>(pub(super) JoinHandle<Result<T, StoreError>>);

/// What a run reads.
#[derive(Debug)]
pub(super) enum Scope {
    /// The whole tenant.
    All,
    /// These records and no others.
    Records(BTreeSet<RecordRef>),
}

impl<T> Running<T> {
    /// Waits until it has ended.
    pub(super) async fn ended(&mut self) -> Result<T, StoreError> {
        match (&mut self.0).await {
            Ok(report) => report,
            Err(broken) => match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Aborted: the process ends, and whoever waits here with it.
                Err(_aborted) => std::future::pending().await,
            },
        }
    }

    /// Ends it at its next await: what it has committed stays.
    pub(super) fn abort(&self) {
        self.0.abort();
    }
}

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// The run's record, as the store keeps it.
    pub run: Run,
    /// What would change; only of a dry run.
    pub preview: Vec<Change>,
}

impl<C: Connector> Job<C> {
    /// Makes the job of a tenant: `connector` reads it, `store` keeps it, `observer` hears how
    /// it goes, `claims` are shared by all jobs over the store.
    pub fn new(
        name: TenantName,
        connector: Arc<C>,
        store: Store,
        clock: Clock,
        observer: Observer,
        claims: Claims,
    ) -> Self {
        Self {
            name,
            connector,
            store,
            clock,
            observer,
            hearing: Hearing::new(Listening::Off),
            metrics: Metrics::default(),
            claims,
            turn: Mutex::new(()),
        }
    }

    /// Makes it listen to the tenant's audit log.
    #[must_use]
    pub fn listening(self, listening: Listening) -> Self {
        Self {
            hearing: Hearing::new(listening),
            ..self
        }
    }

    /// Returns what wakes the poll of the audit log before its time.
    pub fn poll_wake(&self) -> Wake {
        self.hearing.poll_wake()
    }

    /// Makes it count into these metrics.
    #[must_use]
    pub fn measured(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Starts a run, after the one under way if there is one.
    ///
    /// It goes on when whoever asked for it has gone: what it has handed to other threads would
    /// go on anyway, and the next run must not begin before that has ended.
    #[expect(
        clippy::disallowed_methods,
        reason = "a run ends by itself, and its turn with it; at the end of the process its \
                  worker aborts it, or the closed store ends it"
    )]
    pub(super) fn start(self: &Arc<Self>, trigger: Trigger, mode: Mode) -> Running {
        let job = Arc::clone(self);
        Running(tokio::spawn(async move { job.run(trigger, mode).await }))
    }

    /// Does one run. It fails only where the store does: whatever the tenant answers is an
    /// outcome of the run.
    async fn run(&self, trigger: Trigger, mode: Mode) -> Result<Report, StoreError> {
        let _turn = self.turn.lock().await;
        self.run_in_turn(trigger, mode, Scope::All).await
    }

    /// Does one run for the holder of the turn.
    pub(super) async fn run_in_turn(
        &self,
        trigger: Trigger,
        mode: Mode,
        scope: Scope,
    ) -> Result<Report, StoreError> {
        let before = self.store.last_seq();
        let is_sweep = matches!(scope, Scope::All) && mode == Mode::Commit;
        let mut run = self.begin(trigger, mode).await?;
        let mut preview = Vec::new();
        let result = self.steps(&mut run, &mut preview, scope).await;

        run.traffic = self.connector.take_traffic();
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
        }
        outcome::log(&run);
        measure::run(&self.metrics, &run);
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
    ) -> Result<(), RunError> {
        let tenant = self
            .connector
            .identify()
            .await
            .map_err(RunError::fetch("own record"))?;
        run.tenant = Some(tenant.id.clone());
        let claimed = self.claims.claim(&tenant.id, &self.name);
        claimed.map_err(|other| RunError::SameTenant { other })?;
        self.hearing.met(&tenant.id);
        let known = self.know(&tenant, run.mode).await?;
        if let Some(known) = &known
            && run.mode == Mode::Commit
        {
            let no = known.no;
            if let Resumed::CarriedOut(earlier) =
                self.store.offload(move |store| resume(store, no)).await?
            {
                info!(tenant.id = %tenant.id, run.id = %earlier, "Finished what {earlier} had begun");
                self.observer.hear(Progress::Committed);
            }
        }

        let plan = plan(run, known.as_ref(), &tenant, self.clock.now());
        let sweeping = match (scope, &known) {
            (Scope::Records(records), Some(known)) => {
                Sweeping::of(self.refresh(run, known.no, records, plan).await?)
            }
            (Scope::All | Scope::Records(_), _) => {
                let mut sweeping = Sweeping::of(plan);
                for kind in Kind::ALL {
                    sweeping = self.sweep(run, known.as_ref(), kind, sweeping).await?;
                }
                sweeping
            }
        };
        let plan = match &known {
            Some(known) => {
                self.confirm(run, known.no, sweeping.missing, sweeping.plan)
                    .await?
            }
            None => sweeping.plan,
        };

        run.outcome = outcome::judged(run, &sweeping.short);
        let loaded = run.outcome.is_success().then(|| outcome::mark(&run.counts));
        let now = self.clock.now();
        let is_load = known.as_ref().is_none_or(|known| known.loaded.is_none());
        if is_load && loaded.is_none() {
            warn!(
                tenant.id = %tenant.id, run.id = %run.id,
                "The first load of `{}` is not complete; receivers hear nothing until it is",
                self.name
            );
        }
        *preview = self
            .store
            .offload(move |store| plan.finish(store, now, loaded))
            .await?;
        match run.mode {
            Mode::Commit => self.observer.hear(Progress::Committed),
            // Of a first load nobody is told.
            Mode::DryRun if is_load => preview.clear(),
            Mode::DryRun => {}
        }
        Ok(())
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

/// Opens the plan that fits the run: a tenant whose first load has not got to its end is loaded.
fn plan(run: &Run, known: Option<&Known>, tenant: &Tenant, now: Timestamp) -> Plan {
    let Some(known) = known.filter(|_| run.mode == Mode::Commit) else {
        return Plan::Preview(Vec::new());
    };
    let account = Account {
        tenant: tenant.id.clone(),
        name: tenant.name.clone(),
        region: tenant.region.clone(),
    };
    let target = Target {
        tenant: known.no,
        run: run.id,
        account,
    };
    match known.loaded {
        None => Plan::load(target, now),
        Some(_) => Plan::gather(target),
    }
}
