//! Answers questions from the store, and passes commands on.

use std::time::Duration;

use crate::clock::{Clock, LastTurn};
use crate::doing;
use crate::model::{HeldPlan, Kind, Mode, Pause, PlanId, RunId, Space, TenantName, Trigger};
use crate::store::{Decision, Known, Retention, Store, StoreError};
use crate::sync::{Moment, NoRun, TenantRegistry};

use super::reading::Reading;
use super::{
    ControlError, Endpoints, MAX_PAGE, PlanRow, Reply, Request, RunChoice, Status, SyncRow,
    TenantRow, deliveries, inspect, linked, meanings::Meanings, plans,
};

/// Answers an operator's questions.
#[derive(Debug)]
pub struct Control {
    store: Store,
    clock: Clock,
    registry: TenantRegistry,
    endpoints: Endpoints,
    retention: Retention,
    meanings: Meanings,
    last_turn: LastTurn,
}

impl Control {
    /// Makes the answering side of a store, with the tenants whose runs a command may set off
    /// and the endpoints whose deliveries.
    pub fn new(
        store: Store,
        clock: Clock,
        registry: TenantRegistry,
        endpoints: Endpoints,
        retention: Retention,
        last_turn: LastTurn,
    ) -> Self {
        Self {
            store,
            clock,
            registry,
            endpoints,
            retention,
            meanings: Meanings::default(),
            last_turn,
        }
    }

    /// Returns whether the store has failed for good, so that no answer will come any more.
    pub fn is_broken(&self) -> bool {
        self.store.is_broken()
    }

    /// Returns what the answers are read from.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the tenants that are to be read, and whose runs have failed ever since.
    pub async fn never_read(&self) -> Result<Vec<TenantName>, StoreError> {
        let registry = self.registry.clone();
        let unread = self
            .store
            .offload(move |store| linked::unread(store, &registry))
            .await?;
        let failed = unread.into_iter().filter(|row| row.why.is_some());
        Ok(failed.map(|row| row.name).collect())
    }

    /// Returns the tenants that have not been read as a whole although three runs were due or more.
    pub fn overdue(&self) -> Vec<TenantName> {
        let linked = self.registry.list().into_iter();
        let overdue = linked.filter(|linked| linked.overdue().is_some());
        overdue.map(|linked| linked.name().clone()).collect()
    }

    /// Returns how long ago each tenant that a loop reads was last read as a whole.
    pub fn ages(&self) -> Vec<(TenantName, Duration)> {
        let linked = self.registry.list().into_iter();
        linked
            .filter_map(|linked| Some((linked.name().clone(), linked.age()?)))
            .collect()
    }

    /// Returns whether history was lost and no operator has taken note of it.
    pub async fn has_lost_history(&self) -> Result<bool, StoreError> {
        let loss = self.store.offload(Store::open_loss).await?;
        Ok(loss.is_some())
    }

    /// Answers one question.
    pub async fn answer(&self, request: Request) -> Result<Reply, ControlError> {
        match request {
            Request::Sync { tenant, mode } => {
                let synced = self.sync(&tenant, mode).await?;
                Ok(synced.map_or_else(Reply::Paused, Reply::Synced))
            }
            Request::Approve { id } => self.approve(id).await,
            Request::Status => self.status().await.map(Reply::Status),
            Request::Progress => Ok(Reply::Progress(self.progress())),
            Request::Doing => Ok(Reply::Doing(doing::now())),
            other => {
                let registry = self.registry.clone();
                let clock = self.clock.clone();
                let endpoints = self.endpoints.clone();
                let meanings = self.meanings.clone();
                self.store
                    .offload(move |store| {
                        let reading = Reading::of(store, &registry, &meanings);
                        let reading = reading.map_err(ControlError::store)?;
                        read(&reading, &clock, &endpoints, &registry, other)
                    })
                    .await
            }
        }
    }

    async fn status(&self) -> Result<Status, ControlError> {
        let (endpoints, retention) = (self.endpoints.clone(), self.retention);
        let (registry, now) = (self.registry.clone(), self.clock.now());
        let meanings = self.meanings.clone();
        let turned = self.last_turn.last();
        self.store
            .offload(move |store| {
                let reading = Reading::of(store, &registry, &meanings)?;
                let now = store.ages_by(now)?;
                let space = store.space(&retention, &endpoints.names(), now);
                let mut status = reading.status(&endpoints, space?)?;
                status.unread = linked::unread(store, &registry)?;
                status.turned = turned;
                for row in &mut status.tenants {
                    let linked = registry.get(&row.name);
                    row.progress = linked.as_ref().and_then(|it| it.progress());
                    row.overdue = linked.and_then(|it| it.overdue());
                }
                Ok(status)
            })
            .await
            .map_err(ControlError::store)
    }

    /// Returns how far the runs under way are.
    fn progress(&self) -> Vec<(TenantName, Moment)> {
        let all = self.registry.list().into_iter();
        all.filter_map(|linked| Some((linked.name().clone(), linked.progress()?)))
            .collect()
    }

    async fn sync(
        &self,
        tenant: &TenantName,
        mode: Mode,
    ) -> Result<Result<SyncRow, Pause>, ControlError> {
        let linked = self
            .registry
            .get(tenant)
            .ok_or_else(|| unknown(tenant, self.registry.names().iter()))?;
        match linked.run(Trigger::Command, mode).await {
            Ok(report) => {
                let id = report.run.held.as_ref().and_then(|held| held.plan);
                let plan = self.plan(id).await?;
                Ok(Ok(SyncRow {
                    run: report.run,
                    preview: report.preview,
                    plan,
                }))
            }
            Err(NoRun::Paused(pause)) => Ok(Err(pause)),
            Err(NoRun::Store(source)) => Err(ControlError::store(source)),
        }
    }

    async fn plan(&self, id: Option<PlanId>) -> Result<Option<HeldPlan>, ControlError> {
        let Some(id) = id else {
            return Ok(None);
        };
        let shown = self
            .store
            .offload(move |store| plans::show(store, id))
            .await?;
        Ok(match shown {
            Reply::Plan(row) => row.map(|row| row.plan),
            _ => None,
        })
    }

    /// Takes the approval down first: whatever happens to the run, the next one goes by it.
    async fn approve(&self, id: PlanId) -> Result<Reply, ControlError> {
        let clock = self.clock.clone();
        let (tenant, _) = self
            .store
            .offload(move |store| plans::decide(store, &clock, id, Decision::Approve))
            .await?;
        let synced = match self.sync(&tenant, Mode::Commit).await? {
            Ok(synced) => synced,
            Err(pause) => return Ok(Reply::Paused(pause)),
        };
        match self
            .store
            .offload(move |store| plans::show(store, id))
            .await?
        {
            Reply::Plan(Some(plan)) => Ok(Reply::Approved { plan, synced }),
            _ => Err(ControlError::UnknownPlan { plan: id }),
        }
    }
}

fn read(
    reading: &Reading<'_>,
    clock: &Clock,
    endpoints: &Endpoints,
    registry: &TenantRegistry,
    request: Request,
) -> Result<Reply, ControlError> {
    let store = reading.store;
    let reply = match request {
        Request::Tenants => linked::rows(store, registry).map(Reply::Tenants),
        Request::Records {
            kind,
            tenant,
            choice,
            after,
            limit,
        } => {
            let tenants = reading.chosen(tenant.as_ref())?;
            reading.records(kind, &tenants, &choice, after, limit.clamp(1, MAX_PAGE))
        }
        Request::Find {
            kind,
            tenant,
            called,
        } => {
            let tenants = reading.chosen(tenant.as_ref())?;
            let found = reading.find(kind, &tenants, &called);
            found.map(|rows| Reply::Records { rows, next: None })
        }
        Request::Holders {
            tenant,
            record,
            after,
            limit,
        } => {
            let known = reading.one(&tenant)?;
            reading.holders(known, &record, after, limit.min(MAX_PAGE))
        }
        Request::Inherited { tenant, user } => {
            let known = reading.one(&tenant)?;
            reading.inherited(known, &user).map(Reply::Inherited)
        }
        Request::Runs {
            tenant,
            which,
            before,
            limit,
        } => {
            let page = runs(store, tenant.as_ref(), which, before, limit.min(MAX_PAGE));
            let has_none = matches!(&page, Ok(Reply::Runs { rows, .. }) if rows.is_empty());
            if before.is_none() && has_none {
                // A tenant that was linked once, and never reached, may have runs.
                reading.chosen(tenant.as_ref())?;
            }
            page
        }
        Request::Run { id } => store.run(id).map(Reply::Run),
        Request::CheckStore => store.check().map(Reply::StoreChecked),
        Request::CompactStore => {
            let compacted = store.compact_beside();
            return compacted
                .map(Reply::StoreCompacted)
                .map_err(|source| ControlError::Compact { source });
        }
        Request::HistoryLosses => store.open_losses().map(Reply::HistoryLosses),
        Request::AcceptLosses => store.accept_losses(clock.now()).map(Reply::HistoryLosses),
        Request::Events {
            tenant,
            choice,
            page,
            limit,
        } => {
            let tenants = reading.chosen(tenant.as_ref())?;
            let tenants = tenant.is_some().then_some(tenants.as_slice());
            reading.events(tenants, &choice, page, limit.clamp(1, MAX_PAGE))
        }
        Request::Event { event } => reading.event(&event)?,
        Request::Findings(asked) => return inspect::answer(reading, clock, registry, asked),
        Request::Plans { tenant, limit } => {
            let tenants = reading.chosen(tenant.as_ref())?;
            return plans::list(store, &tenants, limit.min(MAX_PAGE));
        }
        Request::Plan { id } => return plans::show(store, id),
        Request::PlanSummary { id } => return plans::summary(store, id),
        Request::Removals { id, after, limit } => {
            return plans::removals(store, id, after.as_ref(), limit);
        }
        Request::Reject { id } => {
            let (tenant, plan) = plans::decide(store, clock, id, Decision::Reject)?;
            return Ok(Reply::Rejected(PlanRow { tenant, plan }));
        }
        Request::Deliveries(asked) => {
            let answer = deliveries::answer(store, endpoints, clock.now(), asked);
            return answer.map(Reply::Deliveries);
        }
        Request::Approve { id } => return Err(ControlError::UnknownPlan { plan: id }),
        Request::Sync { tenant, .. } => return Err(reading.unknown(&tenant)),
        // Is answered before.
        Request::Status | Request::Progress | Request::Doing => return Err(ControlError::Ending),
    };
    reply.map_err(ControlError::store)
}

/// Runs that one question reads at the most: months of them may have succeeded.
const MAX_RUNS_READ: usize = 10_000;

/// Reads runs back, and keeps those that are wanted.
fn runs(
    store: &Store,
    tenant: Option<&TenantName>,
    which: RunChoice,
    mut next: Option<RunId>,
    limit: usize,
) -> Result<Reply, StoreError> {
    let at_once = match which {
        RunChoice::All => limit.max(1),
        RunChoice::Failed => MAX_PAGE,
    };
    let mut rows = Vec::new();
    for _ in 0..MAX_RUNS_READ / MAX_PAGE {
        let page = store.runs_before(tenant, next, at_once)?;
        let n_read = page.len();
        for run in page {
            if rows.len() == limit {
                return Ok(Reply::Runs { rows, next });
            }
            next = Some(run.id);
            let is_wanted = match which {
                RunChoice::All => true,
                RunChoice::Failed => run.outcome.is_failure(),
            };
            if is_wanted {
                rows.push(run);
            }
        }
        if rows.len() == limit && which == RunChoice::All {
            break;
        }
        if n_read < at_once {
            next = None;
            break;
        }
    }
    Ok(Reply::Runs { rows, next })
}

fn unknown<'a>(name: &TenantName, known: impl Iterator<Item = &'a TenantName>) -> ControlError {
    ControlError::unknown_tenant(name, known.map(|name| (name, Vec::new())))
}

impl Reading<'_> {
    fn status(&self, endpoints: &Endpoints, space: Space) -> Result<Status, StoreError> {
        let tenants = self.tenants.iter().map(|known| self.tenant(known));
        Ok(Status {
            last: self.store.last_seq(),
            space,
            tenants: tenants.collect::<Result<_, StoreError>>()?,
            endpoints: endpoints.status(self.store, &self.configured, &self.tenants)?,
            unread: Vec::new(),
            turned: None,
            losses: self.store.open_losses()?,
        })
    }

    fn tenant(&self, known: &Known) -> Result<TenantRow, StoreError> {
        let count = |kind| Ok::<_, StoreError>(self.store.census(known.no, kind)?.count);
        let last_run = self.store.runs(Some(&known.name), 1)?.into_iter().next();
        let success = self.store.last_sweep(&known.name)?;
        Ok(TenantRow {
            name: known.name.clone(),
            tenant: known.tenant.clone(),
            counts: [count(Kind::Role)?, count(Kind::Group)?, count(Kind::User)?],
            last_success: success.and_then(|run| run.ended_at),
            last_run,
            held: self.store.open_plan(known.no)?,
            progress: None,
            overdue: None,
        })
    }
}
