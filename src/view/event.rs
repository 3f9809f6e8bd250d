//! Events.

use std::collections::BTreeSet;

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

/// Returns all words by which events can be chosen: their types, and patterns of them.
pub fn event_words() -> BTreeSet<String> {
    let types = deliver::EVENT_TYPES.into_iter();
    let words = types.filter_map(|word| {
        let (subject, verb) = word.split_once('.')?;
        Some([word.to_owned(), format!("{subject}.*"), format!("*.{verb}")])
    });
    let mut all: BTreeSet<String> = words.flatten().collect();
    all.insert("*".to_owned());
    all
}
