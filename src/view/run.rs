//! Runs.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::put;
use super::sentence::sentence;
use crate::control::SyncRow;
use crate::model::{Change, Mode, Outcome, Run};

/// Returns a run.
pub fn run(run: &Run) -> Value {
    let counts: serde_json::Map<_, _> = run
        .counts
        .iter()
        .map(|(kind, counts)| (kind.plural().to_owned(), json!(counts)))
        .collect();
    let findings = run.findings.iter().map(|finding| {
        json!({
            "code": finding.code.code(),
            "kind": finding.kind,
            "remote_id": finding.id,
            "detail": finding.detail,
        })
    });
    json!({
        "id": run.id.to_string(),
        "tenant": run.tenant_name,
        "tenant_id": run.tenant,
        "trigger": run.trigger,
        "mode": run.mode,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "outcome": run.outcome.word(),
        "reason": why(&run.outcome),
        "error_code": match &run.outcome {
            Outcome::Failed { code, .. } => Some(code),
            Outcome::Running | Outcome::Succeeded | Outcome::Degraded | Outcome::Held
            | Outcome::Incomplete { .. } | Outcome::Interrupted => None,
        },
        "counts": counts,
        "held": run.held.as_ref().map(|held| json!({
            "plan": held.plan.map(|plan| plan.to_string()),
            "losses": held
                .losses
                .iter()
                .map(|(loss, held)| (loss.word(), held.weight.lost))
                .collect::<BTreeMap<_, _>>(),
        })),
        "requests": run.traffic.requests,
        "retries": run.traffic.retries,
        "waited_seconds": run.traffic.waited.as_secs_f64(),
        "audit_missed": run.audit_missed,
        "spaces": run.spaces,
        "licence": run.licence,
        "findings": findings.collect::<Vec<_>>(),
    })
}

/// Returns a run that was asked for; for a dry run, with what it would change.
pub fn synced(row: &SyncRow, would_change: &[Change]) -> Value {
    let mut json = run(&row.run);
    if row.run.mode == Mode::DryRun {
        let sentences: Vec<_> = would_change.iter().map(sentence).collect();
        put(&mut json, "would_change", sentences);
    }
    if let Some(held) = json.get_mut("held").filter(|held| held.is_object()) {
        let state = row.plan.as_ref().map(|plan| plan.state.word());
        put(held, "state", state);
    }
    json
}

/// Returns why a run did not fully succeed.
pub fn why(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Failed { code, message } => Some(format!("{message} [{code}]")),
        Outcome::Incomplete { reason } => {
            Some(format!("{reason}; what was not seen is left unchanged"))
        }
        Outcome::Degraded => Some("something was not visible or not readable".to_owned()),
        Outcome::Held => Some("removals wait for an operator".to_owned()),
        Outcome::Interrupted => Some("the process ended in the middle of it".to_owned()),
        Outcome::Running | Outcome::Succeeded => None,
    }
}
