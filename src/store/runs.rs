//! The runs, by number.

use std::collections::BTreeMap;

use crate::model::{Mode, Outcome, Run, RunId, TenantId, TenantName, Timestamp, Traffic, Trigger};

use super::error::StoreError;
use super::inner::held;
use super::keys::{self, Space};
use super::{Store, codec, scan};

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

impl Store {
    /// Gives a run a number and keeps it as going on.
    pub fn begin_run(&self, new: NewRun) -> Result<Run, StoreError> {
        let _alone = held(&self.inner.numbering);
        let last = self.runs(None, 1)?.first().map_or(0, |run| run.id.0);
        let run = Run {
            id: RunId(last + 1),
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
        self.save_run(&run)?;
        Ok(run)
    }

    /// Keeps a run as it is now.
    pub fn save_run(&self, run: &Run) -> Result<(), StoreError> {
        self.inner.write(vec![codec::put(keys::run(run.id), run)])?;
        Ok(())
    }

    /// Returns runs, all or a tenant's, the newest first.
    pub fn runs(&self, tenant: Option<&TenantName>, limit: usize) -> Result<Vec<Run>, StoreError> {
        self.read_runs(limit, |run| {
            tenant.is_none_or(|name| run.tenant_name == *name)
        })
    }

    /// Returns a run.
    pub fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.inner.read("reading a run", |db| {
            let key = keys::run(id);
            match scan::get(db, &key)? {
                Some(value) => codec::read_row(&key, &value).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Ends the runs that an earlier process left going on, and returns them.
    pub fn close_interrupted_runs(&self, now: Timestamp) -> Result<Vec<Run>, StoreError> {
        let mut runs = self.read_runs(usize::MAX, |run| run.outcome == Outcome::Running)?;
        for run in &mut runs {
            run.outcome = Outcome::Interrupted;
            run.ended_at = Some(now);
            self.save_run(run)?;
        }
        Ok(runs)
    }

    fn read_runs(
        &self,
        limit: usize,
        wanted: impl Fn(&Run) -> bool,
    ) -> Result<Vec<Run>, StoreError> {
        self.inner.read("reading runs", |db| {
            scan::prefix(db, &[Space::Run as u8])
                .rev()
                .map(|row| row.and_then(|(key, value)| codec::read_row::<Run>(&key, &value)))
                .filter(|run| run.as_ref().map_or(true, &wanted))
                .take(limit)
                .collect()
        })
    }
}
