//! Reads what a run covers: single records, or a whole tenant while polls go on beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;

use crate::connector::Connector;
use crate::model::{Kind, Mode, Observed, PlanId, RecordRef, Run, Verb};
use crate::reconcile::{self, Judgement};
use crate::store::{Names, Store, TenantNo, Write};

use super::beside::{Beside, MAX_BESIDE, Pen, Reading, Scope};
use super::context::Context;
use super::job::Job;
use crate::sync::RunError;
use crate::sync::plan::results::{Differs, Replaced, Withdrawn};
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::sweep::confirm::Missing;
use crate::sync::sweep::kind::Sweeping;

/// The most records that a sweep asks for because a poll saw them differently. Usually there are
/// few; polls ask for the rest.
const MAX_ASKED: usize = 1_000;

/// What a run has read.
pub(super) struct Read<'a> {
    pub(super) sweeping: Sweeping,
    /// What it could not see in full.
    pub(super) unseen: Unseen,
    /// Present in a dry run, which writes nothing: polls go on until it ends.
    pub(super) reading: Option<Reading<'a>>,
}

impl<C: Connector> Job<C> {
    /// Reads the records in the scope, and puts what differs from the known state into the plan.
    pub(super) async fn read<'a>(
        &self,
        run: &mut Run,
        context: &Context,
        scope: Scope,
        plan: Plan,
        alone: &Arc<OwnedMutexGuard<()>>,
        pen: &mut Pen<'a>,
    ) -> Result<Read<'a>, RunError> {
        match (scope, &context.known) {
            (Scope::Records { records, beside }, Some(known)) => {
                let limit = match beside {
                    Some(_) => MAX_BESIDE,
                    None => usize::MAX,
                };
                let refreshed = self.refresh(run, known.no, records, limit, plan).await?;
                if let Some(beside) = beside {
                    beside.asked.note(refreshed.asked.take());
                }
                Ok(Read {
                    sweeping: refreshed,
                    // Such a run has not seen any collection in full.
                    unseen: Unseen::everything(),
                    reading: None,
                })
            }
            (Scope::All | Scope::Records { .. }, _) => {
                let beside = (!context.is_load()).then(|| Beside::of(alone));
                self.read_whole(run, context, plan, beside, pen).await
            }
        }
    }

    /// Reads the whole tenant, and asks for the records that the listings did not show.
    async fn read_whole<'a>(
        &self,
        run: &mut Run,
        context: &Context,
        plan: Plan,
        beside: Option<Beside>,
        pen: &mut Pen<'a>,
    ) -> Result<Read<'a>, RunError> {
        let (mut sweeping, reading) = self.read_all(run, context, plan, beside, pen).await?;
        if let Some(known) = &context.known {
            sweeping = self.ask(run, known.no, context.permit, sweeping).await?;
        }
        note_shortfalls(run, self.connector.name(), &sweeping);
        run.population.clone_from(&sweeping.scales.shown);
        let unseen = match sweeping.asked.holds() {
            // The sweep may have read before the records that are now held were removed.
            true => Unseen::everything(),
            false => Unseen::of(run, &sweeping.short),
        };
        Ok(Read {
            sweeping,
            unseen,
            reading,
        })
    }

    /// Asks for the records that complete sweeps did not show.
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

    /// Reads each kind to its end. The caller has the pen and puts it down meanwhile for polls that
    /// go on `beside`. A dry run does not take it back, and blocks no poll as long as it keeps the
    /// returned [`Reading`].
    async fn read_all<'a>(
        &self,
        run: &mut Run,
        context: &Context,
        plan: Plan,
        beside: Option<Beside>,
        pen: &mut Pen<'a>,
    ) -> Result<(Sweeping, Option<Reading<'a>>), RunError> {
        let known = context.known.as_ref();
        let asked = beside.as_ref().map(|beside| beside.asked.clone());
        let mut sweeping = Sweeping::of(plan, asked.unwrap_or_default());
        let reading = beside.map(|beside| pen.put_down(beside));
        for kind in Kind::ALL {
            sweeping = self.sweep(run, known, kind, sweeping).await?;
        }
        let reading = match run.mode {
            Mode::Commit => {
                // A poll that is under way ends first.
                pen.take().await;
                drop(reading);
                None
            }
            Mode::DryRun => reading,
        };
        let sweeping = self.yield_to_polls(run, context, sweeping).await?;
        Ok((sweeping, reading))
    }

    /// Withdraws the records that polls have asked for since the sweep began: their answers are
    /// newer.
    async fn yield_to_polls(
        &self,
        run: &mut Run,
        context: &Context,
        mut sweeping: Sweeping,
    ) -> Result<Sweeping, RunError> {
        let asked = sweeping.asked.take();
        if asked.is_empty() {
            return Ok(sweeping);
        }
        let known = context.known.as_ref();
        let approved = known.map(|known| known.no).zip(context.permit);
        let (mut plan, mut missing) = (sweeping.plan, sweeping.missing);
        let (withdrawn, missing, plan) = self
            .store
            .offload(move |store| {
                let withdrawn = plan.withdraw(store, &asked)?;
                let mut touched: Vec<_> = missing.extract_if(.., |it| asked.contains(it)).collect();
                keep_approved(store, approved, &mut touched)?;
                missing.append(&mut touched);
                Ok::<_, RunError>((withdrawn, missing, plan))
            })
            .await?;
        sweeping.missing = missing;
        for one in &withdrawn {
            let counts = run.counts.entry(one.record.kind).or_default();
            let count = match one.verb {
                Verb::Created => &mut counts.created,
                Verb::Updated => &mut counts.updated,
                Verb::Deleted => &mut counts.deleted,
            };
            *count = count.saturating_sub(1);
        }
        let mut sweeping = Sweeping { plan, ..sweeping };
        // One of the two answers is older; the record itself tells which.
        let differing = withdrawn
            .into_iter()
            .filter(|it| it.differs == Differs::Yes);
        for (place, Withdrawn { record, .. }) in differing.enumerate() {
            let answer = match (known, place < MAX_ASKED) {
                (Some(known), true) => Some((known.no, self.connector.fetch(&record).await)),
                (Some(_) | None, _) => None,
            };
            match answer {
                Some((no, Ok(Some(Ok(observed))))) => {
                    sweeping = self.take_over(run, no, observed, sweeping).await?;
                }
                // Gone since, or unavailable now: a poll asks for it.
                Some((_, Ok(_) | Err(_))) | None => self.audit.look_again([record]),
            }
        }
        Ok(sweeping)
    }

    /// Replaces what was withdrawn by what the record itself now says.
    async fn take_over(
        &self,
        run: &mut Run,
        no: TenantNo,
        observed: Observed,
        mut sweeping: Sweeping,
    ) -> Result<Sweeping, RunError> {
        let kind = observed.record.kind();
        let mut plan = sweeping.plan;
        let (is_changed, plan) = self
            .store
            .offload(move |store| {
                let is_changed = take_over(store, no, observed, &mut plan)?;
                Ok::<_, RunError>((is_changed, plan))
            })
            .await?;
        sweeping.plan = plan;
        if is_changed {
            run.counts.entry(kind).or_default().updated += 1;
        }
        Ok(sweeping)
    }
}

/// Keeps the records that are still known and whose removal an operator has approved. Polls do not
/// apply approvals, so they have held these removals. The sweep asks for the records once more, and
/// removes those that are still gone.
fn keep_approved(
    store: &Store,
    approved: Option<(TenantNo, PlanId)>,
    records: &mut Vec<RecordRef>,
) -> Result<(), RunError> {
    let Some((no, plan)) = approved else {
        records.clear();
        return Ok(());
    };
    for record in std::mem::take(records) {
        let is_listed = store.removal(no, plan, &record).map_err(RunError::store)?;
        let kept = store.get(no, &record).map_err(RunError::store)?;
        if is_listed.is_some() && kept.is_some() {
            records.push(record);
        }
    }
    Ok(())
}

/// Puts the changes of a known record into the plan. Returns whether there were any.
fn take_over(
    store: &Store,
    no: TenantNo,
    observed: Observed,
    plan: &mut Plan,
) -> Result<bool, RunError> {
    let record = observed.record.to_ref();
    let Some(mut kept) = store.get(no, &record).map_err(RunError::store)? else {
        return Ok(false);
    };
    let joined = Names::of(no).join(store, &mut kept.record);
    joined.map_err(RunError::store)?;
    let known = reconcile::Known {
        fingerprint: reconcile::fingerprint(&kept.record),
        record: kept.record,
    };
    let print = reconcile::fingerprint(&observed.record);
    let (judgement, _shown) = reconcile::judge(Some(known), observed.record, &observed.torn, print);
    match judgement {
        Judgement::Same | Judgement::Refreshed { .. } => Ok(false),
        Judgement::Changed {
            change,
            fingerprint,
        } => {
            let write = Write::Change {
                change,
                fingerprint,
                raw: observed.raw,
            };
            if let Replaced::Nothing(write) = plan.replace(store, write)? {
                plan.push(store, write)?;
            }
            Ok(true)
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
