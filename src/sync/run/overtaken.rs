//! Withdraws what a sweep has planned for records that polls have asked for meanwhile.

use crate::connector::Connector;
use crate::model::{Observed, PlanId, RecordRef, Run, Verb};
use crate::reconcile::{self, Judgement};
use crate::store::{Names, Store, TenantNo, Write};

use super::context::Context;
use super::job::Job;
use super::lent::Lent;
use crate::sync::RunError;
use crate::sync::plan::results::{Differs, Replaced, Withdrawn};
use crate::sync::plan::run_plan::Plan;
use crate::sync::sweep::kind::Sweeping;

/// The most records that a sweep asks for because a poll saw them differently. Usually there are
/// few; polls ask for the rest.
const MAX_ASKED: usize = 1_000;

impl<C: Connector> Job<C> {
    /// Withdraws the records that polls have asked for since the sweep began: their answers are
    /// newer.
    pub(super) async fn yield_to_polls(
        &self,
        run: &mut Run,
        context: &Context,
        sweeping: &mut Sweeping,
    ) -> Result<(), RunError> {
        let asked = sweeping.asked.take();
        if asked.is_empty() {
            return Ok(());
        }
        let known = context.known.as_ref();
        let approved = known.map(|known| known.no).zip(context.permit);
        let is_asked = |record: &mut RecordRef| asked.contains(record);
        let mut touched: Vec<_> = sweeping.missing.extract_if(.., is_asked).collect();
        let (withdrawn, mut approved) = sweeping
            .plan
            .offload(&self.store, move |store, plan| {
                let withdrawn = plan.withdraw(store, &asked)?;
                keep_approved(store, approved, &mut touched)?;
                Ok::<_, RunError>((withdrawn, touched))
            })
            .await?;
        sweeping.missing.append(&mut approved);
        for one in &withdrawn {
            let counts = run.counts.entry(one.record.kind).or_default();
            let count = match one.verb {
                Verb::Created => &mut counts.created,
                Verb::Updated => &mut counts.updated,
                Verb::Deleted => &mut counts.deleted,
            };
            *count = count.saturating_sub(1);
        }
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
                    self.take_over(run, no, observed, &mut sweeping.plan)
                        .await?;
                }
                // Gone since, or unavailable now: a poll asks for it.
                Some((_, Ok(_) | Err(_))) | None => self.audit.look_again([record]),
            }
        }
        Ok(())
    }

    /// Replaces what was withdrawn with what the record itself now says.
    async fn take_over(
        &self,
        run: &mut Run,
        no: TenantNo,
        observed: Observed,
        plan: &mut Lent<Plan>,
    ) -> Result<(), RunError> {
        let kind = observed.record.kind();
        let is_changed = plan
            .offload(&self.store, move |store, plan| {
                take_over(store, no, observed, plan)
            })
            .await?;
        if is_changed {
            run.counts.entry(kind).or_default().updated += 1;
        }
        Ok(())
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
    let known = reconcile::KnownRecord {
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
                reported: None,
            };
            if let Replaced::Nothing(write) = plan.replace(store, write)? {
                plan.push(store, write)?;
            }
            Ok(true)
        }
    }
}
