//! The runs of each tenant, by number.
//!
//! Months of runs are kept, so no query may read them all: the runs of a tenant are stored
//! together, and beside them the answers that are needed most often: how many there are, and which
//! was the last whole sweep ([`RunTotals`]). Runs in progress have rows of their own, by which an
//! opening finds those that an earlier process left.

use std::collections::BTreeMap;

use crate::lock::lock;
use crate::model::{
    Loss, Mode, Outcome, Run, RunId, TenantId, TenantName, Timestamp, Traffic, Trigger,
};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v2, v9};
use crate::store::values::row::Row;
use crate::store::values::runs::RunTotals;

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The tenant, as the operator calls it.
    pub tenant_name: TenantName,
    /// The tenant's id; `None` until the tenant has told it.
    pub tenant: Option<TenantId>,
    /// What triggered it.
    pub trigger: Trigger,
    /// Whether its results take effect.
    pub mode: Mode,
    /// When it begins.
    pub started_at: Timestamp,
}

/// The last whole sweep of a tenant: the single source for when everything was last read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinceSweep {
    /// The last run that read everything and succeeded, however long ago; `None` if there was none.
    pub sweep: Option<Run>,
    /// How many losses the partial runs since then have caused, those that read only what the audit
    /// log named. Includes runs that are no longer kept.
    pub lost: BTreeMap<Loss, u64>,
}

impl Store {
    /// Gives a run a number and stores it as being in progress.
    pub fn begin_run(&self, new: NewRun) -> Result<Run, StoreError> {
        let _alone = lock(&self.guards.numbering);
        let id = self
            .engine
            .read("reading the last run's number", |reader| {
                Ok(RunId(reader.last_run()?.0 + 1))
            })?;
        let run = Run {
            id,
            tenant_name: new.tenant_name,
            tenant: new.tenant,
            trigger: new.trigger,
            mode: new.mode,
            started_at: new.started_at,
            ended_at: None,
            outcome: Outcome::Running,
            counts: BTreeMap::new(),
            population: BTreeMap::new(),
            lost: BTreeMap::new(),
            held: None,
            traffic: Traffic::default(),
            findings: Vec::new(),
            audit_missed: None,
            spaces: None,
            licence: None,
        };
        let mut rows = self.rows_of(&run)?;
        rows.push(codec::put(keys::last_run(), &v2::LastRun(run.id)));
        self.engine.write(rows)?;
        Ok(run)
    }

    /// Stores the present state of a run.
    pub fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        let _alone = lock(&self.guards.numbering);
        let rows = self.rows_of(run)?;
        self.engine.write(rows).map(drop)
    }

    /// Returns runs of all tenants or of one, the newest first.
    pub fn runs(&self, tenant: Option<&TenantName>, limit: usize) -> Result<Vec<Run>, StoreError> {
        self.runs_before(tenant, None, limit)
    }

    /// Returns runs that began before a given one, of all tenants or of one, the newest first;
    /// `None` starts from the newest.
    pub fn runs_before(
        &self,
        tenant: Option<&TenantName>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, StoreError> {
        self.engine.read("reading runs", |reader| match tenant {
            Some(name) => reader.runs_before(name, before).take(limit).collect(),
            None => reader.runs_of_all(before, limit),
        })
    }

    /// Returns the newest run of a tenant that matches. Reads back from the newest run to that one.
    pub fn newest_run(
        &self,
        tenant: &TenantName,
        wanted: impl Fn(&Run) -> bool,
    ) -> Result<Option<Run>, StoreError> {
        self.engine.read("reading runs", |reader| {
            reader
                .runs(tenant)
                .rev()
                .find(|run| run.as_ref().map_or(true, &wanted))
                .transpose()
        })
    }

    /// Returns the last run of a tenant that read everything and succeeded, however long ago.
    pub fn last_sweep(&self, tenant: &TenantName) -> Result<Option<Run>, StoreError> {
        Ok(self.since_sweep(tenant)?.sweep)
    }

    /// Returns the last whole sweep of a tenant, and what was lost since.
    pub fn since_sweep(&self, tenant: &TenantName) -> Result<SinceSweep, StoreError> {
        self.engine.read("reading the last sweep", |reader| {
            let RunTotals {
                last_sweep, lost, ..
            } = reader.tally(tenant)?;
            let missing = |id| {
                let how = "is noted as the last sweep and missing";
                codec::flawed(&keys::run(tenant, id), how)
            };
            let sweep = last_sweep.map(|id| reader.run(tenant, id)?.ok_or_else(|| missing(id)));
            Ok(SinceSweep {
                sweep: sweep.transpose()?,
                lost,
            })
        })
    }

    /// Returns a run; `None` if there is no such run.
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.engine.read("reading a run", |reader| {
            for name in reader.tenants_with_runs() {
                if let Some(run) = reader.run(&name?, id)? {
                    return Ok(Some(run));
                }
            }
            Ok(None)
        })
    }

    /// Ends the runs that an earlier process left in progress, and returns them.
    pub fn close_interrupted_runs(&self, now: Timestamp) -> Result<Vec<Run>, StoreError> {
        let mut runs = self.engine.read("reading runs that go on", |reader| {
            let open = reader.prefix(&[Keyspace::OpenRun as u8]).map(|row| {
                let (key, value) = row?;
                let v2::OpenRun(name) = codec::read_row(&key, &value)?;
                let id = keys::trailing_number(&key).map(RunId);
                let run = id.map(|id| reader.run(&name, id)).transpose()?.flatten();
                run.ok_or_else(|| codec::flawed(&key, "is missing"))
            });
            open.collect::<Result<Vec<Run>, _>>()
        })?;
        for run in &mut runs {
            run.outcome = Outcome::Interrupted;
            run.ended_at = Some(now);
            self.save_run(run)?;
        }
        Ok(runs)
    }

    /// Removes runs of a tenant, and adjusts its count. Nobody else may write its runs meanwhile.
    pub(in crate::store) fn remove_runs(
        &self,
        tenant: &TenantName,
        runs: &[RunId],
    ) -> Result<(), StoreError> {
        let mut tally = self
            .engine
            .read("reading runs", |reader| reader.tally(tenant))?;
        tally.count = tally.count.saturating_sub(runs.len() as u64);
        let gone = runs.iter().map(|id| (keys::run(tenant, *id), None));
        let mut rows: Vec<_> = gone.collect();
        rows.push(codec::put(keys::tally(tenant), &v2::Tally::from(&tally)));
        self.engine.write(rows).map(drop)
    }

    /// Composes the rows for the present state of a run.
    fn rows_of(&self, run: &Run) -> Result<Vec<Row>, StoreError> {
        let name = &run.tenant_name;
        let (mut tally, before) = self.engine.read("reading runs", |reader| {
            Ok((reader.tally(name)?, reader.run(name, run.id)?))
        })?;
        tally.take(run, before.as_ref());
        let open = keys::open_run(run.id);
        Ok(vec![
            codec::put(keys::run(name, run.id), &v9::run::Run::from(run)),
            codec::put(keys::tally(name), &v2::Tally::from(&tally)),
            match run.outcome {
                Outcome::Running => codec::put(open, &v2::OpenRun(name.clone())),
                Outcome::Succeeded
                | Outcome::Degraded
                | Outcome::Held
                | Outcome::Incomplete { .. }
                | Outcome::Failed { .. }
                | Outcome::Interrupted => (open, None),
            },
        ])
    }
}
