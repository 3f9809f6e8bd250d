//! The content of events that are not about a record: runs, and the removals that they hold.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::space;
use crate::model::{Entry, Fact, HeldLoss, Loss, Missing, PlanId, Recovery, loss_rows};

/// Returns the `data` of an entry that is not about a record, or `None` for any other entry.
pub(in crate::deliver) fn data(entry: &Entry) -> Option<Value> {
    let run = entry.run().map(|run| run.to_string());
    match &entry.fact {
        Fact::Changed(_)
        | Fact::Loaded { .. }
        | Fact::LicenceChanged(_)
        | Fact::Unreadable
        | Fact::RightChanged(_)
        | Fact::RoleContentChanged { .. } => None,
        Fact::SpaceChanged(change) => Some(space::data(change)),
        Fact::Held {
            plan,
            supersedes,
            losses,
        } => Some(held(*plan, *supersedes, losses)),
        Fact::Failed { code, message } => Some(json!({
            "run": run,
            "code": code,
            "message": message,
        })),
        Fact::EndpointDisabled {
            endpoint,
            reason,
            failing_since,
        } => Some(json!({
            "endpoint": endpoint,
            "reason": reason,
            "failing_since": failing_since,
        })),
        Fact::Recovered(recovery) => Some(recovered(run.as_deref(), *recovery)),
        Fact::HistoryLost(Missing {
            entries,
            places,
            records,
        }) => Some(json!({
            "events": entries,
            "from": places.map(|(first, _)| first),
            "to": places.map(|(_, last)| last),
            "records": records,
        })),
    }
}

/// Returns the `data` about removals that wait: counts and reasons, without names. The plan lists
/// the records.
fn held(plan: PlanId, supersedes: Option<PlanId>, losses: &BTreeMap<Loss, HeldLoss>) -> Value {
    json!({
        "plan": plan.to_string(),
        "supersedes": supersedes.map(|plan| plan.to_string()),
        "losses": loss_rows(losses),
    })
}

fn recovered(run: Option<&str>, recovery: Recovery) -> Value {
    let (what, plan) = match recovery {
        Recovery::Plan(plan) => ("plan", Some(plan.to_string())),
        Recovery::Sync => ("sync", None),
    };
    json!({ "run": run, "what": what, "plan": plan })
}
