//! How much memory an entry or a record takes, about. Pure.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, Entry, Fact, Record};

/// What a value costs beside its texts: its own fields, and its place in a map or a list.
const OWN: usize = 512;

/// What a name in a map costs beside its bytes: an id, a text's head, and the map's share.
const NAMED: usize = 80;

/// Returns the bytes that an entry takes.
pub(super) fn of_entry(entry: &Entry) -> usize {
    match &entry.fact {
        Fact::Changed(Change::Updated { before, after }) => of_record(before) + of_record(after),
        Fact::Changed(change) => of_record(change.latest()),
        Fact::Loaded { .. }
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_) => OWN,
    }
}

/// Returns the bytes that a record takes.
pub(super) fn of_record(record: &Record) -> usize {
    let texts = match record {
        Record::User(user) => {
            let few = [&user.name, &user.email, &user.picture, &user.client_id];
            user.subject.len()
                + few
                    .into_iter()
                    .map(|text| optional(text.as_ref()))
                    .sum::<usize>()
                + named(user.roles.as_ref())
                + named(user.groups.as_ref())
                + listed(user.scopes.as_ref())
        }
        Record::Group(group) => {
            group.name.len() + optional(group.description.as_ref()) + named(group.roles.as_ref())
        }
        Record::Role(role) => {
            role.name.len()
                + optional(role.description.as_ref())
                + listed(role.permissions.as_ref())
                + listed(role.scopes.as_ref())
        }
    };
    OWN + texts
}

fn optional(text: Option<&String>) -> usize {
    text.map_or(0, String::len)
}

fn named<K>(names: Option<&BTreeMap<K, String>>) -> usize {
    let names = names.iter().flat_map(|names| names.values());
    names.map(|name| NAMED + name.len()).sum()
}

fn listed(words: Option<&BTreeSet<String>>) -> usize {
    let words = words.iter().flat_map(|words| words.iter());
    words.map(|word| NAMED + word.len()).sum()
}
