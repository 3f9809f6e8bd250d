//! Events.

use serde_json::Value;

use crate::control::EventRow;
use crate::deliver;

/// Returns an event as a receiver gets it, or the mark of a first load, which no receiver gets.
pub fn event(row: &EventRow) -> serde_json::Result<Value> {
    match deliver::body(row.store, &row.entry) {
        Some(body) => serde_json::from_slice(&body),
        None => serde_json::to_value(&row.entry),
    }
}
