//! Writes the body of an event.
//!
//! Pure: the same bytes for the same entry of the same store, so that every attempt sends
//! what the first one sent, with no body kept anywhere.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::{
    Account, Change, EndpointName, Entry, EventId, Fact, FieldDelta, HeldLoss, Id, Kind, Loss,
    PlanId, Recovery, Seq, StoreId, TenantId, Timestamp, delta, unified,
};

/// The type of the event that an operator sends to try an endpoint.
pub const TEST_EVENT: &str = "endpoint.test";

/// Returns the JSON body of an entry's event, none for an entry that is no event.
pub fn body(store: StoreId, entry: &Entry) -> Option<Vec<u8>> {
    let run = entry.run().map(|run| run.to_string());
    let data = match &entry.fact {
        Fact::Changed(change) => Data::Record(Subject::of(change, entry.seq)),
        Fact::Held {
            plan,
            supersedes,
            losses,
        } => Data::Sync(held(*plan, *supersedes, losses)),
        Fact::Failed { code, message } => Data::Sync(json!({
            "run": run,
            "code": code,
            "message": message,
        })),
        Fact::Recovered(recovery) => Data::Sync(recovered(run, *recovery)),
        Fact::EndpointDisabled {
            endpoint,
            reason,
            failing_since,
        } => Data::Sync(json!({
            "endpoint": endpoint,
            "reason": reason,
            "failing_since": failing_since,
        })),
        Fact::Loaded { .. } => return None,
    };
    let event = Event {
        id: EventId {
            store,
            seq: entry.seq,
        }
        .to_string(),
        r#type: entry.fact.event_type()?,
        timestamp: entry.at,
        sequence: entry.seq,
        account: entry.account().map(Source::of),
        data,
    };
    Some(serde_json::to_vec(&event).expect("an event's keys are texts"))
}

/// Returns the body of a trial event: no entry, no sequence, nobody's data.
pub fn test_body(id: &str, at: Timestamp, endpoint: &EndpointName) -> Vec<u8> {
    json!({
        "id": id,
        "type": TEST_EVENT,
        "timestamp": at,
        "data": { "endpoint": endpoint },
    })
    .to_string()
    .into_bytes()
}

#[derive(Serialize)]
struct Event<'a> {
    id: String,
    r#type: String,
    timestamp: Timestamp,
    sequence: Seq,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<Source<'a>>,
    data: Data,
}

/// What it is about.
#[derive(Serialize)]
#[serde(untagged)]
enum Data {
    Record(Subject),
    Sync(Value),
}

/// The tenant in which it happened.
#[derive(Serialize)]
struct Source<'a> {
    id: &'a TenantId,
    name: &'a str,
    region: Option<&'a str>,
}

impl<'a> Source<'a> {
    fn of(account: &'a Account) -> Self {
        Self {
            id: &account.tenant,
            name: &account.name,
            region: account.region.as_deref(),
        }
    }
}

/// The record that it happened to.
#[derive(Serialize)]
struct Subject {
    /// As it is now, or as it was when it went.
    record: Value,
    /// Counts up with each change of the record; a receiver that kept a higher one can
    /// leave the event out.
    version: Seq,
    /// Of an update: which fields, before and after.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes: Option<BTreeMap<&'static str, FieldDelta>>,
    /// Of a creation: the record deleted just before that stood for the same subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaces: Option<Replaced>,
}

#[derive(Serialize)]
struct Replaced {
    id: String,
    remote_id: String,
}

impl Replaced {
    fn of(kind: Kind, id: &Id) -> Self {
        Self {
            id: unified::unified_id(kind, id),
            remote_id: id.to_string(),
        }
    }
}

impl Subject {
    fn of(change: &Change, version: Seq) -> Self {
        let (changes, replaces) = match change {
            Change::Created { replaces, .. } => {
                let replaced = replaces.as_ref();
                (None, replaced.map(|id| Replaced::of(change.kind(), id)))
            }
            Change::Updated { before, after } => (Some(delta(before, after)), None),
            Change::Deleted { .. } => (None, None),
        };
        Self {
            record: unified::value(change.latest()),
            version,
            changes,
            replaces,
        }
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

fn recovered(run: Option<String>, recovery: Recovery) -> Value {
    let (what, plan) = match recovery {
        Recovery::Plan(plan) => ("plan", Some(plan.to_string())),
        Recovery::Sync => ("sync", None),
    };
    json!({ "run": run, "what": what, "plan": plan })
}

#[cfg(test)]
mod tests;
