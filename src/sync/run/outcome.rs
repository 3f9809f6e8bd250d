//! How a run is judged and logged.

use std::collections::BTreeMap;
use std::time::Duration;

use tracing::{info, warn};

use crate::model::{FindingCode, Kind, KindCounts, Outcome, Run};

use crate::store::Closing;
use crate::telemetry::chain;

use crate::sync::RunError;
use crate::sync::sweep::incomplete::Short;

/// Judges a run whose sweeps all reached their end.
pub(in crate::sync) fn judged(run: &Run, short: &[Short]) -> Outcome {
    if !short.is_empty() {
        let reason = short.iter().map(ToString::to_string);
        return Outcome::Incomplete {
            reason: reason.collect::<Vec<_>>().join(", "),
        };
    }
    // A record found only by its id is the safeguard at work, a sweep needs no audit log, and a
    // replaced character hides nothing; any other finding means that we did not see everything.
    let unseen = run.findings.iter().any(|finding| match finding.code {
        FindingCode::Rescued
        | FindingCode::AuditForbidden
        | FindingCode::AuditGap
        | FindingCode::ReplacedText => false,
        FindingCode::UnreadableRecord
        | FindingCode::UnreadableReference
        | FindingCode::HiddenRoles
        | FindingCode::HiddenGroups
        | FindingCode::ForbiddenCollection
        | FindingCode::Unconfirmed
        | FindingCode::CountDiffers => true,
    });
    if unseen {
        Outcome::Degraded
    } else {
        Outcome::Succeeded
    }
}

/// Returns the outcome of a run that was given up.
pub(in crate::sync) fn failed(error: &RunError) -> Outcome {
    Outcome::Failed {
        code: error.code().to_owned(),
        message: chain(error),
    }
}

/// Returns the mark that ends a first load, with the counts of the run.
pub(in crate::sync) fn mark(counts: &BTreeMap<Kind, KindCounts>) -> Closing {
    let seen = |kind| counts.get(&kind).map_or(0, |counts| counts.seen);
    Closing::Loaded {
        roles: seen(Kind::Role),
        groups: seen(Kind::Group),
        users: seen(Kind::User),
    }
}

/// Logs a run in one line.
pub(in crate::sync) fn log(run: &Run) {
    let took = run.ended_at.unwrap_or(run.started_at).since(run.started_at);
    let sum = |of: fn(&KindCounts) -> u64| run.counts.values().map(of).sum::<u64>();
    let seen = sum(|counts| counts.seen);
    let (created, updated) = (sum(|counts| counts.created), sum(|counts| counts.updated));
    let (deleted, rescued) = (sum(|counts| counts.deleted), sum(|counts| counts.rescued));
    let unreadable = sum(|counts| counts.unreadable);
    let name = &run.tenant_name;
    let tenant = run
        .tenant
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let word = run.outcome.word();
    match &run.outcome {
        Outcome::Failed { code, message } => warn!(
            tenant.id = %tenant, tenant.name = %name, run.id = %run.id, error.code = %code, error = %message,
            requests = run.traffic.requests, retries = run.traffic.retries,
            duration_ms = millis(took),
            "Sync of `{name}` failed: {message} [{code}]"
        ),
        Outcome::Incomplete { reason } => warn!(
            tenant.id = %tenant, tenant.name = %name, run.id = %run.id, run.seen = seen, run.created = created,
            run.updated = updated, requests = run.traffic.requests,
            retries = run.traffic.retries, duration_ms = millis(took),
            "Sync of `{name}` is incomplete; what was not seen is left unchanged: {reason}"
        ),
        Outcome::Held => warn!(
            tenant.id = %tenant, tenant.name = %name, run.id = %run.id, run.seen = seen, run.created = created,
            run.updated = updated, run.deleted = deleted, requests = run.traffic.requests,
            duration_ms = millis(took),
            "Sync of `{name}` holds removals back for an operator: {}",
            run.held.as_ref().map(ToString::to_string).unwrap_or_default()
        ),
        Outcome::Running | Outcome::Succeeded | Outcome::Degraded | Outcome::Interrupted => info!(
            tenant.id = %tenant, tenant.name = %name, run.id = %run.id, run.seen = seen, run.created = created,
            run.updated = updated, run.deleted = deleted, run.rescued = rescued,
            run.unreadable = unreadable, run.audit_missed = run.audit_missed, requests = run.traffic.requests,
            retries = run.traffic.retries, waited_ms = millis(run.traffic.waited),
            duration_ms = millis(took),
            "Sync of `{name}` {word}: {seen} seen, {created} created, {updated} updated, \
             {deleted} deleted in {took:.1?}"
        ),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
