//! Asks for the records that a complete sweep did not show.

use std::collections::{BTreeMap, BTreeSet};

use crate::connector::Connector;
use crate::model::{
    Change, Finding, FindingCode, Kind, Loss, Observed, PlanId, RecordRef, Run, Weight,
};
use crate::reconcile::{self, Guard, Judgement, Known};
use crate::store::{Names, Store, TenantNo, Write};

use super::desk::MAX_FINDINGS;
use super::plan::Plan;
use super::run::Job;
use super::sweep::{Short, Shortfall};
use super::tally::Scales;
use super::{Progress, RunError};

/// Records of a kind that are all asked for. Beyond these a run stops asking where the answers
/// so far decide: one that is there shows that the listing was wrong, and more that are gone
/// than the guard lets go are held anyway.
const ALWAYS_ASKED: u64 = 1_000;

/// What confirming starts from.
pub(super) struct Missing<'a> {
    pub(super) tenant: TenantNo,
    /// Known records that complete sweeps did not show, kind by kind.
    pub(super) records: Vec<RecordRef>,
    /// Kinds of which the source showed nothing at all.
    pub(super) empty: &'a BTreeSet<Kind>,
    /// Kinds of which fewer were shown than the source counts.
    pub(super) shortfalls: &'a BTreeMap<Kind, Shortfall>,
    pub(super) scales: &'a Scales,
    /// The approved plan whose removals are all asked for.
    pub(super) permit: Option<PlanId>,
    /// From how many sweeps in a row records were absent that may not be asked for.
    pub(super) absences: BTreeMap<RecordRef, u32>,
}

/// What confirming came to.
pub(super) struct Confirmed {
    pub(super) plan: Plan,
    /// Absences to keep.
    pub(super) absences: BTreeMap<RecordRef, u32>,
    /// Kinds whose listing left out records that are there.
    pub(super) short: Vec<Short>,
}

/// How the asking for records of one kind goes.
#[derive(Debug, Default)]
struct Asking {
    missing: u64,
    asked: u64,
    answered: u64,
}

impl<C: Connector> Job<C> {
    /// Asks for each missing record: only a clear no deletes it, any other answer rescues.
    pub(super) async fn confirm(
        &self,
        run: &mut Run,
        mut missing: Missing<'_>,
        mut plan: Plan,
    ) -> Result<Confirmed, RunError> {
        if !missing.records.is_empty() {
            self.observer.hear(Progress::Confirming {
                missing: missing.records.len() as u64,
            });
        }
        let mut asking: BTreeMap<Kind, Asking> = BTreeMap::new();
        for record in &missing.records {
            asking.entry(record.kind).or_default().missing += 1;
        }
        let mut absences = BTreeMap::new();
        for record in std::mem::take(&mut missing.records) {
            let kind = record.kind;
            let asking = asking.entry(kind).or_default();
            if asking.asked >= ALWAYS_ASKED && !self.is_permitted(&missing, &record).await? {
                let loss = reconcile::loss_of(kind);
                let is_wrong = asking.answered > 0;
                if is_wrong || is_held(&self.rules.guard, missing.scales, loss, plan.weighed(loss))
                {
                    if let Some(count) = missing.absences.get(&record) {
                        absences.insert(record.clone(), *count);
                    }
                    if !is_wrong {
                        plan.leave_unasked(record);
                    }
                    continue;
                }
            }
            asking.asked += 1;
            let answer = match self.connector.fetch(&record).await {
                Err(error) if error.is_forbidden() => {
                    let before = missing.absences.get(&record).copied().unwrap_or(0);
                    // Where nobody may be asked, the count is all that speaks for those who
                    // were left out: then this sweep is none of those in a row.
                    let is_proof = !missing.shortfalls.contains_key(&kind);
                    let count = before.saturating_add(u32::from(is_proof));
                    if count > 0 {
                        absences.insert(record.clone(), count);
                    }
                    if !is_proof || count < self.rules.absent_sweeps {
                        note(run, unconfirmed(&record, count, self.rules.absent_sweeps));
                        continue;
                    }
                    None
                }
                answer => answer.map_err(RunError::fetch("missing records, one by one"))?,
            };
            if let Some(Ok(observed)) = &answer {
                let findings = observed.findings.iter().cloned();
                findings.for_each(|finding| note(run, finding));
            }
            let tenant = missing.tenant;
            let settled;
            (settled, plan) = self
                .store
                .offload(move |store| settle(store, tenant, &record, answer, plan))
                .await?;
            asking.answered += u64::from(!matches!(settled, Settled::Gone));
            if asking.answered > 0 && missing.empty.contains(&kind) {
                return Err(RunError::EmptyCollection {
                    kind,
                    known: asking.missing,
                });
            }
            take_down(run, kind, settled);
        }
        let short = asking.into_iter().filter_map(|(kind, asking)| {
            let Asking {
                missing,
                asked,
                answered,
            } = asking;
            (asked < missing && answered > 0).then_some(Short::LeftOut {
                kind,
                missing,
                asked,
                answered,
            })
        });
        Ok(Confirmed {
            plan,
            absences,
            short: short.collect(),
        })
    }

    async fn is_permitted(
        &self,
        missing: &Missing<'_>,
        record: &RecordRef,
    ) -> Result<bool, RunError> {
        let Some(plan) = missing.permit else {
            return Ok(false);
        };
        let (tenant, record) = (missing.tenant, record.clone());
        let removal = self
            .store
            .offload(move |store| store.removal(tenant, plan, &record))
            .await
            .map_err(RunError::store)?;
        Ok(removal.is_some())
    }
}

/// Keeps a finding, up to the bound that each kind's sweep has as well.
fn note(run: &mut Run, finding: Finding) {
    if run.findings.len() < Kind::ALL.len() * MAX_FINDINGS {
        run.findings.push(finding);
    }
}

/// Counts what became of a missing record.
fn take_down(run: &mut Run, kind: Kind, settled: Settled) {
    let counts = run.counts.entry(kind).or_default();
    match settled {
        Settled::Gone => counts.deleted += 1,
        Settled::Same(finding) => {
            counts.rescued += 1;
            note(run, finding);
        }
        Settled::Changed(finding) => {
            counts.rescued += 1;
            counts.updated += 1;
            note(run, finding);
        }
    }
}

fn is_held(guard: &Guard, scales: &Scales, loss: Loss, count: u64) -> bool {
    let of = |map: &BTreeMap<Loss, u64>| map.get(&loss).copied().unwrap_or(0);
    let weight = Weight {
        lost: count + of(&scales.before),
        known: of(&scales.known),
        shown: of(&scales.shown),
    };
    guard.weigh(loss, weight).is_some()
}

/// What became of a missing record.
enum Settled {
    Gone,
    Same(Finding),
    Changed(Finding),
}

fn settle(
    store: &Store,
    tenant: TenantNo,
    missing: &RecordRef,
    answer: Option<Result<Observed, Finding>>,
    mut plan: Plan,
) -> Result<(Settled, Plan), RunError> {
    let kept = store.get(tenant, missing).map_err(RunError::store)?;
    let mut kept = kept.ok_or_else(|| RunError::MissingBody {
        record: missing.clone(),
    })?;
    Names::of(tenant)
        .join(store, &mut kept.record)
        .map_err(RunError::store)?;
    let observed = match answer {
        None => {
            plan.remove(store, kept.record)?;
            return Ok((Settled::Gone, plan));
        }
        Some(Err(finding)) => return Ok((Settled::Same(finding), plan)),
        Some(Ok(observed)) => observed,
    };

    let fingerprint = reconcile::fingerprint(&kept.record);
    let known = Known {
        record: kept.record,
        fingerprint,
    };
    let print = reconcile::fingerprint(&observed.record);
    let (judgement, _shown) = reconcile::judge(Some(known), observed.record, &observed.torn, print);
    match judgement {
        Judgement::Same | Judgement::Refreshed { .. } => {
            Ok((Settled::Same(rescued(missing)), plan))
        }
        Judgement::Changed {
            change,
            fingerprint,
        } => {
            debug_assert!(matches!(change, Change::Updated { .. }), "it was known");
            plan.push(
                store,
                Write::Change {
                    change,
                    fingerprint,
                    raw: observed.raw,
                },
            )?;
            Ok((Settled::Changed(rescued(missing)), plan))
        }
    }
}

fn rescued(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::Rescued,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: "the sweep did not show it, but it answered when asked for".to_owned(),
    }
}

fn unconfirmed(record: &RecordRef, absent: u32, needed: u32) -> Finding {
    Finding {
        code: FindingCode::Unconfirmed,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: format!(
            "the sweep did not show it, and these credentials may not ask for it: absent from \
             {absent} of {needed} complete sweeps"
        ),
    }
}
