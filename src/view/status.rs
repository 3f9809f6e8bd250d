//! The overall state: the rows of `status`.

use std::time::Duration;

use serde_json::{Value, json};

use super::endpoint::endpoint;
use super::put;
use crate::clock::ClockJump;
use crate::control::{
    EndpointRow, EndpointState, ExportRow, LastCrash, ReloadOutcome, Reloaded, SeparationRow,
    TenantRow, UnreadRow,
};
use crate::model::{Outcome, PlanState};

/// Returns the state of a tenant.
pub fn tenant_status(row: &TenantRow) -> Value {
    let [roles, groups, users] = row.counts;
    let last = row.last_run.as_ref();
    json!({
        "tenant": row.name,
        "tenant_id": row.tenant.id,
        "state": word_of_tenant(row),
        "last_success": row.last_success,
        "last_run": last.map(|run| run.id.to_string()),
        "users": users,
        "groups": groups,
        "roles": roles,
        "held_plan": row.held.as_ref().map(|plan| plan.id.to_string()),
        "progress": row.progress.as_ref().map(ToString::to_string),
        "overdue_seconds": row.overdue.map(|overdue| overdue.as_secs()),
        "long_lists": row.long_lists,
        "held_plan_state": row.held.as_ref().map(|plan| plan.state.word()),
    })
}

/// Returns the word for a tenant's state. A plan that its last run held may have been rejected
/// since.
pub fn word_of_tenant(row: &TenantRow) -> &'static str {
    let Some(last) = &row.last_run else {
        return "never read";
    };
    let plan = row.held.as_ref().map(|plan| plan.state);
    match (&last.outcome, plan) {
        (Outcome::Held | Outcome::Succeeded, Some(PlanState::Rejected { .. })) => "rejected",
        (outcome, _) => outcome.word(),
    }
}

/// Returns the state of a tenant that was never reached.
pub fn unread(row: &UnreadRow) -> Value {
    json!({
        "tenant": row.name,
        "state": "never reached",
        "last_success": null,
        "detail": row.why,
    })
}

/// Returns a rule that has names that match nothing.
pub fn separation_status(row: &SeparationRow) -> Value {
    json!({
        "rule": row.rule,
        "state": "unmatched",
        "unmatched": row.unmatched,
    })
}

/// Returns the state of an endpoint.
pub fn endpoint_status(row: &EndpointRow) -> Value {
    let mut json = endpoint(row);
    put(&mut json, "state", word_of_endpoint(row));
    put(&mut json, "unmatched", json!(row.unmatched));
    json
}

/// Returns the word for the state of an endpoint's deliveries.
pub fn word_of_endpoint(row: &EndpointRow) -> &'static str {
    match &row.state {
        EndpointState::Taking if row.behind == 0 && row.waiting == 0 => "up to date",
        EndpointState::Taking => "behind",
        EndpointState::NotConfigured
        | EndpointState::New
        | EndpointState::Backfilling { .. }
        | EndpointState::InTrouble { .. }
        | EndpointState::Disabled { .. }
        | EndpointState::Stopped { .. } => row.state.word(),
    }
}

/// Returns the state of an export.
pub fn export_status(row: &ExportRow) -> Value {
    let failure = row.failure.as_ref();
    json!({
        "export": row.name,
        "state": word_of_export(row),
        "folder": row.folder,
        "written": row.written,
        "next": row.next,
        "failed_at": failure.map(|failure| failure.at),
        "code": failure.map(|failure| &failure.code),
        "detail": failure.map(|failure| &failure.message),
    })
}

/// Returns the word for the state of an export.
pub fn word_of_export(row: &ExportRow) -> &'static str {
    match (&row.failure, row.written) {
        (Some(_), _) => "failed",
        (None, Some(_)) => "written",
        (None, None) => "not written yet",
    }
}

/// Returns how the clock was last set.
pub fn clock(jump: ClockJump, ago: Duration) -> Value {
    json!({
        "clock": word_of_clock(jump),
        "by_seconds": jump.size().as_secs(),
        "seconds_ago": ago.as_secs(),
    })
}

/// Returns the word for the direction in which the clock was set.
pub fn word_of_clock(jump: ClockJump) -> &'static str {
    match jump {
        ClockJump::Back(_) => "set back",
        ClockJump::Ahead(_) => "set ahead",
    }
}

/// Returns which part of the daemon crashed last.
pub fn crash(crash: &LastCrash) -> Value {
    json!({
        "crash": crash.part,
        "state": "started again",
        "seconds_ago": crash.ago.as_secs(),
        "total": crash.total,
        "code": crash.code(),
    })
}

/// Returns what became of reading the configuration again.
pub fn reloaded(reloaded: &Reloaded) -> Value {
    let (changed, needs_restart, problems) = match &reloaded.outcome {
        ReloadOutcome::Taken {
            changed,
            needs_restart,
        } => (Some(changed), Some(needs_restart), None),
        ReloadOutcome::Refused { problems } => (None, None, Some(problems)),
    };
    json!({
        "configuration": word_of_reload(reloaded),
        "at": reloaded.at,
        "changed": changed,
        "needs_restart": needs_restart,
        "problems": problems,
        "code": reloaded.code(),
    })
}

/// Returns the word for what became of it.
pub fn word_of_reload(reloaded: &Reloaded) -> &'static str {
    match &reloaded.outcome {
        ReloadOutcome::Refused { .. } => "refused",
        ReloadOutcome::Taken { needs_restart, .. } if needs_restart.is_empty() => "in force",
        ReloadOutcome::Taken { .. } => "needs a restart",
    }
}

/// Returns the word for whether a daemon runs.
pub fn daemon(word: &'static str) -> Value {
    json!({ "daemon": word })
}
