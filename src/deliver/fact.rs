//! What an event says that is about no record: runs and what they hold.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::model::{Entry, Fact, HeldLoss, Loss, PlanId, Recovery, RunId};

/// Returns the `data` of an entry that is about no record; none for any other.
pub(super) fn data(entry: &Entry) -> Option<Value> {
    match &entry.fact {
        Fact::Changed(_) | Fact::Loaded { .. } => None,
        Fact::Held {
            plan,
            supersedes,
            losses,
        } => Some(held(*plan, *supersedes, losses)),
        Fact::Failed { code, message } => Some(json!({
            "run": entry.run.to_string(),
            "code": code,
            "message": message,
        })),
        Fact::Recovered(recovery) => Some(recovered(entry.run, *recovery)),
    }
}

/// What is held: counts and reasons, nobody's name. The plan lists the records.
fn held(plan: PlanId, supersedes: Option<PlanId>, losses: &BTreeMap<Loss, HeldLoss>) -> Value {
    let losses = losses.iter().map(|(loss, held)| {
        json!({
            "kind": loss.word(),
            "lost": held.weight.lost,
            "known": held.weight.known,
            "shown": held.weight.shown,
            "reason": held.reason.to_string(),
        })
    });
    json!({
        "plan": plan.to_string(),
        "supersedes": supersedes.map(|plan| plan.to_string()),
        "losses": losses.collect::<Vec<_>>(),
    })
}

fn recovered(run: RunId, recovery: Recovery) -> Value {
    let (what, plan) = match recovery {
        Recovery::Plan(plan) => ("plan", Some(plan.to_string())),
        Recovery::Sync => ("sync", None),
    };
    json!({ "run": run.to_string(), "what": what, "plan": plan })
}
