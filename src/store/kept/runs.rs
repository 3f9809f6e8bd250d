//! The runs of each tenant, by number.
//!
//! Months of them are kept, so no question may read them all: a tenant's runs stand together,
//! and beside them what is asked most, how many there are and which was the last whole sweep
//! ([`Tally`]). The runs that go on have rows of their own, by which an opening finds what
//! an earlier process left.

use std::collections::{BTreeMap, BinaryHeap};

use crate::model::{
    Loss, Mode, Outcome, Run, RunId, TenantId, TenantName, Timestamp, Traffic, Trigger,
};
use crate::store::engine::inner::held;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Space};
use crate::store::layout::{codec, v2};

/// A row as a write sets it; `None` removes it.
type Change = (Key, Option<Vec<u8>>);

/// What is known of a run when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRun {
    /// The tenant, as the operator calls it.
    pub tenant_name: TenantName,
    /// The tenant's id; none until the tenant has told it.
    pub tenant: Option<TenantId>,
    /// What set it off.
    pub trigger: Trigger,
    /// Whether its results count.
    pub mode: Mode,
    /// When it begins.
    pub started_at: Timestamp,
}

/// The last whole sweep of a tenant: the one truth of what is known since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinceSweep {
    /// The last run that read everything and succeeded, however long ago.
    pub sweep: Option<Run>,
    /// How much the runs since have taken away that only looked at what the audit log named,
    /// also those that are not kept any more.
    pub lost: BTreeMap<Loss, u64>,
}

/// What is kept of all runs of a tenant together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub last_sweep: Option<RunId>,
    pub lost: BTreeMap<Loss, u64>,
}

impl Tally {
    /// Takes in a run as it is now, in place of what was kept of it before.
    pub fn take(&mut self, run: &Run, before: Option<&Run>) {
        self.count += u64::from(before.is_none());
        if run.is_whole_sweep() {
            if self.last_sweep < Some(run.id) {
                self.last_sweep = Some(run.id);
                self.lost.clear();
            }
        } else if run.mode == Mode::Commit && run.trigger == Trigger::Audit {
            // Also one that could not take everything over has taken away what it has.
            for (loss, lost) in &run.lost {
                let known = before.and_then(|before| before.lost.get(loss));
                let more = lost.saturating_sub(known.copied().unwrap_or(0));
                if more > 0 {
                    *self.lost.entry(*loss).or_default() += more;
                }
            }
        }
    }
}

impl Store {
    /// Gives a run a number and keeps it as going on.
    pub fn begin_run(&self, new: NewRun) -> Result<Run, StoreError> {
        let _alone = held(&self.inner.numbering);
        let last = self.inner.read("reading the last run's number", last_run)?;
        let run = Run {
            id: RunId(last.0 + 1),
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
        };
        let mut rows = self.rows_of(&run)?;
        rows.push(codec::put(keys::last_run(), &v2::LastRun(run.id)));
        self.inner.write(rows)?;
        Ok(run)
    }

    /// Keeps a run as it is now.
    pub fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        let _alone = held(&self.inner.numbering);
        let rows = self.rows_of(run)?;
        self.inner.write(rows).map(drop)
    }

    /// Returns runs, all or a tenant's, the newest first.
    pub fn runs(&self, tenant: Option<&TenantName>, limit: usize) -> Result<Vec<Run>, StoreError> {
        self.runs_before(tenant, None, limit)
    }

    /// Returns runs that began before another, all or a tenant's, the newest first; without
    /// another from the newest on.
    pub fn runs_before(
        &self,
        tenant: Option<&TenantName>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Vec<Run>, StoreError> {
        self.inner.read("reading runs", |db| match tenant {
            Some(name) => newest_before(db, name, before).take(limit).collect(),
            None => newest_of_all(db, before, limit),
        })
    }

    /// Returns the newest run of a tenant that is wanted. It reads back to that one.
    pub fn newest_run(
        &self,
        tenant: &TenantName,
        wanted: impl Fn(&Run) -> bool,
    ) -> Result<Option<Run>, StoreError> {
        self.inner.read("reading runs", |db| {
            newest(db, tenant)
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
        self.inner.read("reading the last sweep", |db| {
            let Tally {
                last_sweep, lost, ..
            } = tally(db, tenant)?;
            let missing = |id| {
                let how = "is noted as the last sweep and missing";
                codec::flawed(&keys::run(tenant, id), how)
            };
            let sweep = last_sweep.map(|id| find(db, tenant, id)?.ok_or_else(|| missing(id)));
            Ok(SinceSweep {
                sweep: sweep.transpose()?,
                lost,
            })
        })
    }

    /// Returns a run.
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.inner.read("reading a run", |db| {
            for name in names(db) {
                if let Some(run) = find(db, &name?, id)? {
                    return Ok(Some(run));
                }
            }
            Ok(None)
        })
    }

    /// Ends the runs that an earlier process left going on, and returns them.
    pub fn close_interrupted_runs(&self, now: Timestamp) -> Result<Vec<Run>, StoreError> {
        let mut runs = self.inner.read("reading runs that go on", |db| {
            let open = scan::prefix(db, &[Space::OpenRun as u8]).map(|row| {
                let (key, value) = row?;
                let v2::OpenRun(name) = codec::read_row(&key, &value)?;
                let id = keys::trailing_number(&key).map(RunId);
                let run = id.map(|id| find(db, &name, id)).transpose()?.flatten();
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

    /// Removes runs of a tenant, and counts them off. Nobody else may be at its runs meanwhile.
    pub(in crate::store) fn remove_runs(
        &self,
        tenant: &TenantName,
        runs: &[RunId],
    ) -> Result<(), StoreError> {
        let mut tally = self.inner.read("reading runs", |db| tally(db, tenant))?;
        tally.count = tally.count.saturating_sub(runs.len() as u64);
        let gone = runs.iter().map(|id| (keys::run(tenant, *id), None));
        let mut rows: Vec<_> = gone.collect();
        rows.push(codec::put(keys::tally(tenant), &v2::Tally::from(&tally)));
        self.inner.write(rows).map(drop)
    }

    /// Composes the rows of a run as it is now.
    fn rows_of(&self, run: &Run) -> Result<Vec<Change>, StoreError> {
        let name = &run.tenant_name;
        let (mut tally, before) = self.inner.read("reading runs", |db| {
            Ok((tally(db, name)?, find(db, name, run.id)?))
        })?;
        tally.take(run, before.as_ref());
        let open = keys::open_run(run.id);
        Ok(vec![
            codec::put(keys::run(name, run.id), &v2::Run::from(run)),
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

/// Reads the last number that was given to a run.
pub fn last_run(db: &sled::Db) -> Result<RunId, StoreError> {
    let key = keys::last_run();
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v2::LastRun>(&key, &value)?.0),
        None => Ok(RunId(0)),
    }
}

/// Reads how many runs a tenant has, and which was its last whole sweep.
pub fn tally(db: &sled::Db, tenant: &TenantName) -> Result<Tally, StoreError> {
    let key = keys::tally(tenant);
    match scan::get(db, &key)? {
        Some(value) => Ok(codec::read_row::<v2::Tally>(&key, &value)?.into()),
        None => Ok(Tally::default()),
    }
}

/// Returns the names under which there are runs, in their order.
pub fn names(db: &sled::Db) -> impl Iterator<Item = Result<TenantName, StoreError>> + use<> {
    scan::prefix(db, &[Space::Tally as u8]).map(|row| {
        let (key, _) = row?;
        keys::tenant_of_tally(&key).ok_or_else(|| codec::flawed(&key, "of no tenant"))
    })
}

/// Reads the runs of a tenant, the oldest first; the other end reads from the newest on.
pub fn all(
    db: &sled::Db,
    tenant: &TenantName,
) -> impl DoubleEndedIterator<Item = Result<Run, StoreError>> + use<> {
    scan::prefix(db, &keys::runs(tenant)).map(|row| row.and_then(|(key, value)| read(&key, &value)))
}

/// Reads the value of a run.
pub fn read(key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    codec::read_row::<v2::Run>(key, value).map(Into::into)
}

fn newest(
    db: &sled::Db,
    tenant: &TenantName,
) -> impl Iterator<Item = Result<Run, StoreError>> + use<> {
    all(db, tenant).rev()
}

/// Reads the runs of a tenant back from one on, which is not among them.
fn newest_before(
    db: &sled::Db,
    tenant: &TenantName,
    before: Option<RunId>,
) -> impl Iterator<Item = Result<Run, StoreError>> + use<> {
    let end = keys::run(tenant, before.unwrap_or(RunId(u64::MAX)));
    scan::before(db, keys::runs(tenant), end)
        .map(|row| row.and_then(|(key, value)| read(&key, &value)))
}

fn find(db: &sled::Db, tenant: &TenantName, id: RunId) -> Result<Option<Run>, StoreError> {
    let key = keys::run(tenant, id);
    scan::get(db, &key)?
        .map(|value| read(&key, &value))
        .transpose()
}

/// Merges the runs of all tenants, of which each is in order, and reads no further than asked.
fn newest_of_all(
    db: &sled::Db,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<Run>, StoreError> {
    let mut tenants = Vec::new();
    let mut next = BinaryHeap::new();
    for name in names(db) {
        let mut runs = newest_before(db, &name?, before);
        if let Some(run) = runs.next().transpose()? {
            next.push((run.id, tenants.len()));
            tenants.push((run, runs));
        }
    }
    let mut merged = Vec::new();
    while merged.len() < limit
        && let Some((_, place)) = next.pop()
        && let Some((run, runs)) = tenants.get_mut(place)
    {
        match runs.next().transpose()? {
            Some(older) => {
                next.push((older.id, place));
                merged.push(std::mem::replace(run, older));
            }
            None => merged.push(run.clone()),
        }
    }
    Ok(merged)
}
