//! Asks for the records that a complete sweep did not show.

use crate::connector::Connector;
use crate::model::{Change, Finding, FindingCode, Kind, Observed, RecordRef, Run};
use crate::reconcile::{self, Judgement, Known};
use crate::store::{Store, TenantNo, Write};

use super::desk::MAX_FINDINGS;
use super::plan::Plan;
use super::run::Job;
use super::{Progress, RunError};

impl<C: Connector> Job<C> {
    /// Asks for each missing record: only a clear no deletes it, any other answer rescues.
    pub(super) async fn confirm(
        &self,
        run: &mut Run,
        tenant: TenantNo,
        missing: Vec<RecordRef>,
        mut plan: Plan,
    ) -> Result<Plan, RunError> {
        if !missing.is_empty() {
            self.observer.hear(Progress::Confirming {
                missing: missing.len() as u64,
            });
        }
        for record in missing {
            let answer = match self.connector.fetch(&record).await {
                Err(error) if error.is_forbidden() => {
                    note(run, unanswered(&record));
                    continue;
                }
                answer => answer.map_err(RunError::fetch("missing records, one by one"))?,
            };
            let kind = record.kind;
            let settled;
            (settled, plan) = self
                .store
                .offload(move |store| settle(store, tenant, &record, answer, plan))
                .await?;
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
        Ok(plan)
    }
}

/// Keeps a finding, up to the bound that each kind's sweep has as well.
fn note(run: &mut Run, finding: Finding) {
    if run.findings.len() < Kind::ALL.len() * MAX_FINDINGS {
        run.findings.push(finding);
    }
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
    let kept = kept.ok_or_else(|| RunError::MissingBody {
        record: missing.clone(),
    })?;
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
    let (judgement, _shown) = reconcile::judge(Some(known), observed.record, print);
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

fn unanswered(record: &RecordRef) -> Finding {
    Finding {
        code: FindingCode::ForbiddenCollection,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: "the sweep did not show it, and these credentials may not ask for it; it stays"
            .to_owned(),
    }
}
