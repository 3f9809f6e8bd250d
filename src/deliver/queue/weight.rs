//! Estimates how much memory an entry or a record uses. Pure.

use std::collections::BTreeMap;

use crate::model::{Change, Entry, Fact, FieldValue, LicenceChange, Record, SpaceChange};

/// What a value costs besides its texts: its own fields, and its place in a map or a list.
const OWN: usize = 512;

/// What a name in a map costs besides its bytes: an id, a text's header, and its share of the map.
const NAMED: usize = 80;

/// The bytes of an ordinary name of a group.
const USUAL_NAME: usize = 32;

/// Returns the bytes that an entry takes.
pub(super) fn of_entry(entry: &Entry) -> usize {
    match &entry.fact {
        Fact::Changed(Change::Updated { before, after }) => of_record(before) + of_record(after),
        Fact::Changed(change) => of_record(change.latest()),
        Fact::SpaceChanged(change) => of_space(change),
        Fact::LicenceChanged(change) => of_licence(change),
        Fact::Loaded { .. }
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_) => OWN,
        Fact::RightChanged(right) => {
            let n_paths = right.before.len() + right.after.len();
            2 * OWN + n_paths * (NAMED + USUAL_NAME)
        }
        Fact::RoleContentChanged { gained, lost, .. } => {
            let words = gained.iter().chain(lost);
            OWN + words.map(|word| NAMED + word.len()).sum::<usize>()
        }
    }
}

/// Returns the bytes that a change to a licence takes: each subject is there before and after.
fn of_licence(change: &LicenceChange) -> usize {
    OWN + change.subjects.len() * 4 * NAMED
}

/// Returns the bytes that a change to a space takes: each member is there before and after, with an
/// id and some roles.
fn of_space(change: &SpaceChange) -> usize {
    let n_members = change.assignments.members.len() + change.shares.members.len();
    OWN + n_members * 4 * NAMED
}

/// Returns the bytes that a record takes.
pub(super) fn of_record(record: &Record) -> usize {
    let fields = record.fields().into_iter();
    OWN + fields.map(|(_, value)| of_value(value)).sum::<usize>()
}

fn of_value(value: FieldValue<'_>) -> usize {
    match value {
        FieldValue::Text(text) => text.map_or(0, str::len),
        FieldValue::Roles(names) => named(names),
        FieldValue::Groups(names) => named(names),
        FieldValue::Words(words) => {
            let words = words.into_iter().flatten();
            words.map(|word| NAMED + word.len()).sum()
        }
        FieldValue::Flag(_)
        | FieldValue::Time(_)
        | FieldValue::UserStatus(_)
        | FieldValue::GroupType(_)
        | FieldValue::RoleType(_) => 0,
    }
}

fn named<K>(names: Option<&BTreeMap<K, String>>) -> usize {
    let names = names.into_iter().flat_map(BTreeMap::values);
    names.map(|name| NAMED + name.len()).sum()
}
