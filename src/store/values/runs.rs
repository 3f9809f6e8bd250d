//! Totals over the runs of a tenant.

use std::collections::BTreeMap;

use crate::model::{Loss, Mode, Run, RunId, Trigger};

/// Totals over all runs of a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunTotals {
    pub count: u64,
    pub last_sweep: Option<RunId>,
    pub lost: BTreeMap<Loss, u64>,
}

impl RunTotals {
    /// Adds the present state of a run, replacing its former state.
    pub fn take(&mut self, run: &Run, before: Option<&Run>) {
        self.count += u64::from(before.is_none());
        if run.is_whole_sweep() {
            if self.last_sweep < Some(run.id) {
                self.last_sweep = Some(run.id);
                self.lost.clear();
            }
        } else if run.mode == Mode::Commit && run.trigger == Trigger::Audit {
            // A run that could not apply everything has still removed what it counted.
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
