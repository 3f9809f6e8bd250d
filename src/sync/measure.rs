//! What a run and a poll leave in the metrics.

use std::collections::BTreeMap;

use crate::model::{Mode, Outcome, Run, TenantName, Timestamp, Traffic, Trigger, Verb};
use crate::store::{Store, StoreError};
use crate::telemetry::{Metric, Metrics};

/// Measures a run that ended.
pub(super) fn run(metrics: &Metrics, run: &Run) {
    let tenant = run.tenant_name.0.as_str();
    traffic(metrics, &run.tenant_name, &run.traffic);
    match run.mode {
        Mode::Commit => {}
        Mode::DryRun => return,
    }
    let labels = [tenant, run.trigger.word(), run.outcome.word()];
    metrics.count(Metric::Runs, &labels);
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
            let labels = [tenant, kind.singular(), &verb.to_string()];
            metrics.add(Metric::Changes, &labels, n_changes as f64);
        }
    }
    match run.trigger {
        // Looked at what the audit log named, and at nothing else.
        Trigger::Audit => return,
        Trigger::Start | Trigger::Schedule | Trigger::Command | Trigger::Gap => {}
    }
    attempted(metrics, run);
    for (kind, counts) in &run.counts {
        let labels = [tenant, kind.singular()];
        metrics.set(Metric::Unreadable, &labels, counts.unreadable as f64);
    }
    if let Some(missed) = run.audit_missed {
        metrics.set(Metric::AuditMissed, &[tenant], missed as f64);
    }
}

/// Measures what was sent to the tenant.
pub(super) fn traffic(metrics: &Metrics, tenant: &TenantName, traffic: &Traffic) {
    let labels = [tenant.0.as_str()];
    metrics.add(Metric::Requests, &labels, traffic.requests as f64);
    metrics.add(Metric::Retries, &labels, traffic.retries as f64);
    metrics.add(Metric::Waited, &labels, traffic.waited.as_secs_f64());
}

/// Takes over from the store when the tenant was last read, so that a restart does not look
/// like a tenant that never was.
pub fn recall(metrics: &Metrics, store: &Store, tenants: &[TenantName]) -> Result<(), StoreError> {
    for tenant in tenants {
        let success = store.last_sweep(tenant)?;
        let last = store.newest_run(tenant, Run::is_sweep)?;
        // In this order: the last attempt counts, and the last success stays.
        let attempts = success.iter().chain(&last);
        attempts.for_each(|run| attempted(metrics, run));
    }
    Ok(())
}

fn attempted(metrics: &Metrics, run: &Run) {
    let labels = [run.tenant_name.0.as_str()];
    metrics.set(Metric::LastAttempt, &labels, seconds(run.started_at));
    if let Some(ended) = run.ended_at.filter(|_| run.outcome.is_success()) {
        metrics.set(Metric::LastSuccess, &labels, seconds(ended));
    }
}

fn seconds(time: Timestamp) -> f64 {
    time.millis() as f64 / 1000.0
}
