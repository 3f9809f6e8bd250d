//! From format 1 to 2: stores runs by tenant, which were numbered across all tenants before.

use std::collections::BTreeMap;

use crate::model::{RunId, TenantName};
use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1, v2};

/// The totals of each tenant over the runs that were read so far.
#[derive(Default)]
pub struct RunsByTenant {
    tallies: BTreeMap<TenantName, v2::Tally>,
    last: Option<RunId>,
}

impl Rewrite for RunsByTenant {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        if key.first() != Some(&(Keyspace::NumberedRun as u8)) {
            out.push((key, value));
            return Ok(());
        }
        let run: v1::Run = codec::read_row(&key, &value)?;
        self.count(&run);
        if let v1::Outcome::Running = run.outcome {
            let key = keys::open_run(run.id);
            let value = codec::row(&key, &v2::OpenRun(run.tenant_name.clone()));
            out.push((key.into(), value.into()));
        }
        let key = keys::run(&run.tenant_name, run.id);
        let value = codec::row(&key, &converted(run));
        out.push((key.into(), value.into()));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Row>) {
        for (name, tally) in std::mem::take(&mut self.tallies) {
            let key = keys::tally(&name);
            let value = codec::row(&key, &tally);
            out.push((key.into(), value.into()));
        }
        if let Some(last) = self.last {
            let key = keys::last_run();
            let value = codec::row(&key, &v2::LastRun(last));
            out.push((key.into(), value.into()));
        }
    }
}

impl RunsByTenant {
    fn count(&mut self, run: &v1::Run) {
        let tally = self.tallies.entry(run.tenant_name.clone()).or_default();
        tally.count += 1;
        if is_whole_sweep(run) {
            // Runs come in the order of their numbers.
            tally.last_sweep = Some(run.id);
            tally.lost.clear();
        } else if let (v1::Mode::Commit, v1::Trigger::Audit) = (run.mode, run.trigger) {
            for (loss, lost) in &run.lost {
                let same = |(known, _): &&mut (v1::Loss, u64)| known == loss;
                match tally.lost.iter_mut().find(same) {
                    Some((_, sum)) => *sum += lost,
                    None => tally.lost.push((*loss, *lost)),
                }
            }
        }
        self.last = self.last.max(Some(run.id));
    }
}

/// Returns whether a run read the whole tenant to its end and applied what it found.
fn is_whole_sweep(run: &v1::Run) -> bool {
    let is_sweep = match (run.mode, run.trigger) {
        (
            v1::Mode::Commit,
            v1::Trigger::Start | v1::Trigger::Schedule | v1::Trigger::Command | v1::Trigger::Gap,
        ) => true,
        (v1::Mode::DryRun, _) | (v1::Mode::Commit, v1::Trigger::Audit) => false,
    };
    is_sweep
        && match run.outcome {
            v1::Outcome::Succeeded | v1::Outcome::Degraded | v1::Outcome::Held => true,
            v1::Outcome::Running
            | v1::Outcome::Incomplete { .. }
            | v1::Outcome::Failed { .. }
            | v1::Outcome::Interrupted => false,
        }
}

fn converted(run: v1::Run) -> v2::Run {
    let v1::Run {
        id,
        tenant_name,
        tenant,
        trigger,
        mode,
        started_at,
        ended_at,
        outcome,
        counts,
        population,
        lost,
        held,
        traffic,
        findings,
        audit_missed,
    } = run;
    v2::Run {
        id,
        tenant_name,
        tenant,
        trigger,
        mode,
        started_at,
        ended_at,
        outcome,
        counts,
        population,
        lost,
        held,
        traffic,
        findings: findings.into_iter().map(finding).collect(),
        audit_missed,
    }
}

fn finding(finding: v1::Finding) -> v2::Finding {
    let v1::Finding {
        code,
        kind,
        id,
        detail,
    } = finding;
    let code = match code {
        v1::FindingCode::UnreadableRecord => v2::FindingCode::UnreadableRecord,
        v1::FindingCode::HiddenRoles => v2::FindingCode::HiddenRoles,
        v1::FindingCode::HiddenGroups => v2::FindingCode::HiddenGroups,
        v1::FindingCode::Rescued => v2::FindingCode::Rescued,
        v1::FindingCode::ForbiddenCollection => v2::FindingCode::ForbiddenCollection,
        v1::FindingCode::AuditForbidden => v2::FindingCode::AuditForbidden,
        v1::FindingCode::AuditGap => v2::FindingCode::AuditGap,
        v1::FindingCode::Unconfirmed => v2::FindingCode::Unconfirmed,
    };
    v2::Finding {
        code,
        kind,
        id,
        detail,
    }
}
