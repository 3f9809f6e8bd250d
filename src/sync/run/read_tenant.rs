//! Reads what a run covers: single records, or a whole tenant while polls go on beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::connector::Connector;
use crate::model::{Kind, Mode, RecordRef, Run};
use crate::store::TenantNo;

use super::beside::{Beside, MAX_BESIDE, Pen, Reading, Wanted};
use super::context::Context;
use super::job::Job;
use crate::sync::RunError;
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::sweep::confirm::Missing;
use crate::sync::sweep::kind::Sweeping;

impl<C: Connector> Job<C> {
    /// Asks for single records, and puts what differs from the known state into the plan.
    pub(super) async fn read_records(
        &self,
        run: &mut Run,
        no: TenantNo,
        wanted: Wanted,
        beside: Option<Beside>,
        plan: Plan,
    ) -> Result<Sweeping, RunError> {
        let limit = match beside {
            Some(_) => MAX_BESIDE,
            None => usize::MAX,
        };
        let refreshed = self.refresh(run, no, wanted, limit, plan).await?;
        if let Some(beside) = beside {
            beside.asked.note(refreshed.asked.take());
        }
        Ok(refreshed)
    }

    /// Reads the listing of each kind to its end, and puts what differs from the known state into
    /// the plan. Except for a first load, puts down the caller's pen meanwhile, so that polls go
    /// on. A dry run does not take it back, and blocks no poll as long as it keeps the returned
    /// [`Reading`].
    pub(super) async fn read_listings<'a>(
        &self,
        run: &mut Run,
        context: &Context,
        plan: Plan,
        alone: &Arc<OwnedMutexGuard<()>>,
        pen: &mut Pen<'a>,
    ) -> Result<(Sweeping, Option<Reading<'a>>), RunError> {
        let beside = (!context.is_load()).then(|| Beside::of(alone));
        let asked = beside.as_ref().map(|beside| beside.asked.clone());
        let mut sweeping = Sweeping::of(plan, asked.unwrap_or_default());
        let reading = beside.map(|beside| pen.put_down(beside));
        for kind in Kind::ALL {
            sweeping = self
                .sweep(run, context.known.as_ref(), kind, sweeping)
                .await?;
        }
        match run.mode {
            Mode::Commit => {
                // A poll that is under way ends first.
                pen.take().await;
                Ok((sweeping, None))
            }
            Mode::DryRun => Ok((sweeping, reading)),
        }
    }

    /// Asks for the records that complete sweeps did not show.
    pub(super) async fn ask_for_missing(
        &self,
        run: &mut Run,
        context: &Context,
        sweeping: &mut Sweeping,
    ) -> Result<(), RunError> {
        let Some(no) = context.known.as_ref().map(|known| known.no) else {
            return Ok(());
        };
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
            records: std::mem::take(&mut sweeping.missing),
            complete: &sweeping.complete,
            empty: &sweeping.empty,
            shortfalls: &sweeping.shortfalls,
            scales: &sweeping.scales,
            permit: context.permit,
            absences,
        };
        let confirmed = self.confirm(run, missing, &mut sweeping.plan).await?;
        kept.extend(confirmed.absences);
        if run.mode == Mode::Commit {
            self.store
                .offload(move |store| store.keep_absences(no, &kept))
                .await
                .map_err(RunError::store)?;
        }
        sweeping.short.extend(confirmed.short);
        Ok(())
    }

    /// Notes how much a run of the whole tenant has seen. Returns what it did not see in full.
    pub(super) fn note_seen(&self, run: &mut Run, sweeping: &Sweeping) -> Unseen {
        note_shortfalls(run, self.connector.name(), sweeping);
        run.population.clone_from(&sweeping.scales.shown);
        match sweeping.asked.holds() {
            // The sweep may have read before the records that are now held were removed.
            true => Unseen::everything(),
            false => Unseen::of(run, &sweeping.short),
        }
    }
}

/// Notes the kinds of which the source counts more records than it lists or confirms.
fn note_shortfalls(run: &mut Run, source: &str, sweeping: &Sweeping) {
    let is_said = |kind: Kind| sweeping.short.iter().any(|short| short.kind() == kind);
    for (kind, shortfall) in &sweeping.shortfalls {
        let rescued = run.counts.get(kind).map_or(0, |counts| counts.rescued);
        let finding = shortfall.finding(source, *kind, rescued);
        run.findings.extend(finding.filter(|_| !is_said(*kind)));
    }
}
