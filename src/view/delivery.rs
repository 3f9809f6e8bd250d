//! Deliveries: attempts, parked and pending ones.

use serde_json::{Value, json};

use super::put;
use crate::control::{AttemptRow, ParkedRow, WaitingRow};
use crate::store::Deferred;

/// Returns a delivery attempt.
pub fn attempt(row: &AttemptRow) -> Value {
    let attempt = &row.attempt;
    json!({
        "time": attempt.at,
        "endpoint": row.endpoint,
        "event": attempt.item.to_string(),
        "type": attempt.event_type,
        "attempt": attempt.number,
        "status": attempt.status,
        "took_ms": attempt.took_ms,
        "result": if attempt.error.is_some() { "failed" } else { "delivered" },
        "error": attempt.error,
    })
}

/// Returns an attempt, including the receiver's answer.
pub fn shown_attempt(row: &AttemptRow) -> Value {
    let mut json = attempt(row);
    put(&mut json, "answer", &*row.attempt.answer);
    json
}

/// Returns a parked delivery.
pub fn parked(row: &ParkedRow) -> Value {
    let parked = &row.parked;
    json!({
        "endpoint": row.endpoint,
        "event": parked.item.to_string(),
        "type": row.event_type,
        "parked_at": parked.at,
        "attempts": parked.attempts,
        "reason": parked.reason,
    })
}

/// Returns a delivery that waits for another attempt.
pub fn waiting(row: &WaitingRow) -> Value {
    json!({
        "endpoint": row.endpoint,
        "event": row.item.to_string(),
        "type": row.event_type,
        "due": row.deferred.due,
        "attempts": row.deferred.attempts,
        "why": why_it_waits(&row.deferred),
    })
}

/// Says why a delivery waits.
pub fn why_it_waits(deferred: &Deferred) -> &'static str {
    match (deferred.due, deferred.is_endpoints) {
        (_, true) => "its endpoint is in trouble",
        (Some(_), false) => "its last attempt failed",
        (None, false) => "an earlier one about the same record goes first",
    }
}
