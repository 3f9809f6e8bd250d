//! What runs and polls report to the metrics.

use std::collections::BTreeMap;

use crate::model::{Mode, Outcome, Run, TenantName, Timestamp, Traffic, Trigger, Verb};
use crate::store::{Store, StoreError};
use crate::telemetry::{Metrics, Sample};

/// Records a run that ended.
pub(in crate::sync) fn run(metrics: &Metrics, run: &Run) {
    let tenant = &run.tenant_name;
    traffic(metrics, &run.tenant_name, &run.traffic);
    match run.mode {
        Mode::Commit => {}
        Mode::DryRun => return,
    }
    metrics.count(Sample::Runs {
        tenant,
        trigger: &run.trigger,
        outcome: &run.outcome,
    });
    let taken_over = match &run.outcome {
        Outcome::Succeeded | Outcome::Degraded | Outcome::Held | Outcome::Incomplete { .. } => {
            &run.counts
        }
        Outcome::Failed { .. } | Outcome::Running | Outcome::Interrupted => &BTreeMap::new(),
    };
    for (kind, counts) in taken_over {
        for (verb, n_changes) in [
            (Verb::Created, counts.created),
            (Verb::Updated, counts.updated),
            (Verb::Deleted, counts.deleted),
        ] {
            let verb = &verb;
            metrics.add(Sample::Changes { tenant, kind, verb }, n_changes as f64);
        }
    }
    match run.trigger {
        // Such a run reads only what the audit log named, or spaces, or the licence.
        Trigger::Audit | Trigger::Spaces | Trigger::Licence => return,
        Trigger::Start | Trigger::Schedule | Trigger::Command | Trigger::Gap => {}
    }
    attempted(metrics, run);
    for (kind, counts) in &run.counts {
        metrics.set(
            Sample::Unreadable { tenant, kind },
            counts.unreadable as f64,
        );
    }
    if let Some(missed) = run.audit_missed {
        metrics.set(Sample::AuditMissed { tenant }, missed as f64);
    }
}

/// Records the requests that were sent to the tenant.
pub(in crate::sync) fn traffic(metrics: &Metrics, tenant: &TenantName, traffic: &Traffic) {
    metrics.add(Sample::Requests { tenant }, traffic.requests as f64);
    metrics.add(Sample::Retries { tenant }, traffic.retries as f64);
    metrics.add(Sample::Waited { tenant }, traffic.waited.as_secs_f64());
}

/// Restores from the store when each tenant was last read, so that a restart does not look like a
/// tenant that was never read.
pub fn recall(metrics: &Metrics, store: &Store, tenants: &[TenantName]) -> Result<(), StoreError> {
    for tenant in tenants {
        let success = store.last_sweep(tenant)?;
        let last = store.newest_run(tenant, Run::is_sweep)?;
        // The order matters: the newest attempt counts, and the last success stays.
        let attempts = success.iter().chain(&last);
        attempts.for_each(|run| attempted(metrics, run));
    }
    Ok(())
}

fn attempted(metrics: &Metrics, run: &Run) {
    let tenant = &run.tenant_name;
    metrics.set(Sample::LastAttempt { tenant }, seconds(run.started_at));
    if let Some(ended) = run.ended_at.filter(|_| run.outcome.is_success()) {
        metrics.set(Sample::LastSuccess { tenant }, seconds(ended));
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.millis() as f64 / 1000.0
}
