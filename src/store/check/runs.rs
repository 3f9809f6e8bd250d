//! Checks that runs are where they belong, and are counted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::model::{Loss, Mode, Outcome, Run, RunId, TenantName, Trigger};
use crate::store::engine::rows::runs;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1, v2, v6, v9};

use super::Check;

/// Reads a run in the layout that it has in a format of the store.
fn read(format: u32, key: &[u8], value: &[u8]) -> Result<Run, StoreError> {
    let run: v9::run::Run = match format {
        ..6 => v6::run::Run::from(codec::read_row::<v2::Run>(key, value)?).into(),
        6..9 => codec::read_row::<v6::run::Run>(key, value)?.into(),
        9.. => codec::read_row(key, value)?,
    };
    Ok(run.into())
}

impl Check<'_> {
    pub(super) fn runs(&mut self) {
        match self.view.format {
            1 => self.numbered_runs(),
            _ => self.runs_by_tenant(),
        }
    }

    /// Checks the runs of format 1.
    fn numbered_runs(&mut self) {
        for row in scan::prefix(self.view.db, &[Keyspace::NumberedRun as u8]) {
            let Some((key, value)) = self.take("the runs", row) else {
                return;
            };
            let Some(run) = self.take("a run", codec::read_row::<v1::Run>(&key, &value)) else {
                continue;
            };
            if keys::trailing_number(&key) != Some(run.id.0) {
                self.fault(run.id.to_string(), "is kept under another number");
            }
        }
    }

    fn runs_by_tenant(&mut self) {
        let mut last = RunId(0);
        for name in self.names_of_runs() {
            let _still = self.view.still();
            last = last.max(self.runs_of(&name));
        }
        let noted = runs::last_run(self.view.db);
        if let Some(noted) = self.take("the last number of a run", noted)
            && noted < last
        {
            let what = format!("is {noted}, and {last} is there");
            self.fault("the last number of a run", what);
        }
        let _still = self.view.still();
        self.open_runs();
    }

    /// Returns the tenants that have runs, or a tally of runs.
    fn names_of_runs(&mut self) -> BTreeSet<TenantName> {
        let db = self.view.db;
        let mut names = BTreeSet::new();
        for name in runs::names(db) {
            names.extend(self.take("the tallies of runs", name));
        }
        // From one tenant to the next, skipping the runs in between.
        let mut from = Bound::Included(vec![Keyspace::Run as u8]);
        loop {
            let next = scan::after(db, &[Keyspace::Run as u8], from)
                .next()
                .transpose();
            let Some(Some((key, _))) = self.take("the runs", next) else {
                return names;
            };
            let Some((name, _)) = keys::run_of(&key) else {
                self.fault(keys::describe(&key), "of no tenant and number");
                from = Bound::Excluded(key.to_vec());
                continue;
            };
            from = Bound::Excluded(keys::run(&name, RunId(u64::MAX)));
            names.insert(name);
        }
    }

    /// Compares the runs of a tenant with their tally. Returns the last run.
    fn runs_of(&mut self, name: &TenantName) -> RunId {
        let db = self.view.db;
        let mut last = RunId(0);
        let mut found = (0, None);
        let mut losses: BTreeMap<Loss, u64> = BTreeMap::new();
        for row in scan::prefix(db, &keys::runs(name)) {
            let Some((key, value)) = self.take("the runs", row) else {
                return last;
            };
            found.0 += 1;
            let read = read(self.view.format, &key, &value);
            let Some(run) = self.take("a run", read) else {
                continue;
            };
            if keys::run_of(&key) != Some((run.tenant_name.clone(), run.id)) {
                self.fault(run.id.to_string(), "is kept under another tenant or number");
                continue;
            }
            last = last.max(run.id);
            self.open_run(&run);
            if run.is_whole_sweep() {
                found.1 = Some(run.id);
                losses.clear();
            } else if run.mode == Mode::Commit && run.trigger == Trigger::Audit {
                for (loss, n_lost) in run.lost {
                    *losses.entry(loss).or_default() += n_lost;
                }
            }
        }
        let place = format!("the tally of the runs of {name}");
        if let Some(tally) = self.take(&*place, runs::tally(db, name)) {
            // Runs that are no longer kept may have caused losses as well.
            let is_less = |(loss, n_lost): (&Loss, &u64)| {
                tally.lost.get(loss).copied().unwrap_or(0) < *n_lost
            };
            if (tally.count, tally.last_sweep) != found || losses.iter().any(is_less) {
                self.fault(place, "is not what the runs come to");
            }
        }
        last
    }

    /// Checks that a run in progress has a row that says so.
    fn open_run(&mut self, run: &Run) {
        let key = keys::open_run(run.id);
        let read = scan::get(self.view.db, &key).map(|row| row.is_some());
        let Some(is_open) = self.take(run.id.to_string(), read) else {
            return;
        };
        if is_open != (run.outcome == Outcome::Running) {
            self.fault(
                run.id.to_string(),
                "is said to go on, or goes on and is not said to",
            );
        }
    }

    fn open_runs(&mut self) {
        for row in scan::prefix(self.view.db, &[Keyspace::OpenRun as u8]) {
            let Some((key, value)) = self.take("the runs that go on", row) else {
                return;
            };
            let read = codec::read_row::<v2::OpenRun>(&key, &value);
            let (Some(v2::OpenRun(name)), Some(id)) = (
                self.take("a run that goes on", read),
                keys::trailing_number(&key),
            ) else {
                continue;
            };
            let run = keys::run(&name, RunId(id));
            if let Some(None) = self.take("a run that goes on", scan::get(self.view.db, &run)) {
                self.fault(RunId(id).to_string(), "is said to go on, and is not there");
            }
        }
    }
}
