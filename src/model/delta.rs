//! Which fields of a record differ between two of its states, as shown to people and receivers.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};

use super::{Field, FieldValue, Record};

/// How one field changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum FieldDelta {
    /// A single value, before and after; null if there is none.
    Value {
        /// As it was known.
        before: Value,
        /// As it is now.
        after: Value,
    },
    /// A list whose order means nothing: what was added and what was removed.
    List {
        /// Values that only the new list has.
        added: Vec<Value>,
        /// Values that only the old list had.
        removed: Vec<Value>,
    },
}

/// Returns the fields whose content differs, by the unified schema's names.
///
/// `updated_at` is left out: if it is all that moved, nothing changed. A list that becomes visible
/// or invisible is a [`FieldDelta::Value`] from or to null, since nobody can say what was added or
/// removed.
pub fn delta(before: &Record, after: &Record) -> BTreeMap<&'static str, FieldDelta> {
    let pairs = before.fields().into_iter().zip(after.fields());
    let mut deltas = BTreeMap::new();
    for ((field, before), (other, after)) in pairs {
        let is_content = !matches!(
            field,
            Field::UserUpdated | Field::GroupUpdated | Field::RoleUpdated
        );
        // Ids are unique within a kind, and a change concerns one record, so the two must match.
        if is_content
            && field == other
            && let Some(delta) = delta_of(before, after)
        {
            deltas.insert(field.name(), delta);
        }
    }
    deltas
}

fn delta_of(before: FieldValue<'_>, after: FieldValue<'_>) -> Option<FieldDelta> {
    match (before, after) {
        (FieldValue::Text(before), FieldValue::Text(after)) => value(&before, &after),
        (FieldValue::Flag(before), FieldValue::Flag(after)) => value(&before, &after),
        (FieldValue::Time(before), FieldValue::Time(after)) => value(&before, &after),
        (FieldValue::UserStatus(before), FieldValue::UserStatus(after)) => value(before, after),
        (FieldValue::GroupType(before), FieldValue::GroupType(after)) => value(before, after),
        (FieldValue::RoleType(before), FieldValue::RoleType(after)) => value(before, after),
        (FieldValue::Roles(before), FieldValue::Roles(after)) => named(before, after),
        (FieldValue::Groups(before), FieldValue::Groups(after)) => named(before, after),
        (FieldValue::Words(before), FieldValue::Words(after)) => words(before, after),
        (
            FieldValue::Text(_)
            | FieldValue::Flag(_)
            | FieldValue::Time(_)
            | FieldValue::UserStatus(_)
            | FieldValue::GroupType(_)
            | FieldValue::RoleType(_)
            | FieldValue::Roles(_)
            | FieldValue::Groups(_)
            | FieldValue::Words(_),
            _,
        ) => unreachable!("a field has values of one sort"),
    }
}

fn value<T: PartialEq + Serialize>(before: &T, after: &T) -> Option<FieldDelta> {
    (before != after).then(|| FieldDelta::Value {
        before: json!(before),
        after: json!(after),
    })
}

/// Compares by id. The names belong to other records, which have events of their own.
fn named<K: Ord + Serialize>(
    before: Option<&BTreeMap<K, String>>,
    after: Option<&BTreeMap<K, String>>,
) -> Option<FieldDelta> {
    let show = |(id, name): (&K, &String)| json!({ "remote_id": id, "name": name });
    let all = |map: &BTreeMap<K, String>| map.iter().map(show).collect();
    let less = |map: &BTreeMap<K, String>, other: &BTreeMap<K, String>| {
        map.iter()
            .filter(|(id, _)| !other.contains_key(id))
            .map(show)
            .collect()
    };
    list(before, after, all, less)
}

fn words(
    before: Option<&BTreeSet<String>>,
    after: Option<&BTreeSet<String>>,
) -> Option<FieldDelta> {
    let all = |set: &BTreeSet<String>| set.iter().map(|text| json!(text)).collect();
    let less = |set: &BTreeSet<String>, other: &BTreeSet<String>| {
        set.difference(other).map(|text| json!(text)).collect()
    };
    list(before, after, all, less)
}

fn list<C>(
    before: Option<&C>,
    after: Option<&C>,
    all: impl Fn(&C) -> Vec<Value>,
    less: impl Fn(&C, &C) -> Vec<Value>,
) -> Option<FieldDelta> {
    match (before, after) {
        (None, None) => None,
        (Some(before), Some(after)) => {
            let (added, removed) = (less(after, before), less(before, after));
            let differs = !added.is_empty() || !removed.is_empty();
            differs.then_some(FieldDelta::List { added, removed })
        }
        (before, after) => Some(FieldDelta::Value {
            before: json!(before.map(&all)),
            after: json!(after.map(&all)),
        }),
    }
}
