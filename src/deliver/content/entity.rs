//! What an event is about, as a number.

use xxhash_rust::xxh3::xxh3_64;

use crate::deliver::endpoint::flow::Lists;
use crate::model::{Account, Change, Entry, Fact, Id, Kind, Right, RightHolders, SpaceId};

/// What an event is about, as a number. Events with the same number do not overtake each other.
pub(in crate::deliver) type Entity = u64;

/// The usual number of bytes that are hashed.
const USUAL: usize = 96;

/// Returns what an entry is about: a record, the runs of a tenant, or an endpoint. Two that
/// happen to share a number wait for each other, which does no harm.
///
/// If lists are sent whole, events about a role or a space wait for each other, whichever users
/// they are about: a list may contain the user of another event. Otherwise, events about the same
/// user wait for each other.
pub(in crate::deliver) fn of_entry(entry: &Entry, lists: Lists) -> Entity {
    match &entry.fact {
        Fact::Changed(change) => of_record(entry.account(), change.kind(), change.id()),
        Fact::SpaceChanged(change) => of_space(entry.account(), &change.id),
        Fact::Loaded { .. } | Fact::Held { .. } | Fact::Failed { .. } | Fact::Recovered(_) => {
            hash(&["sync", tenant(entry.account())], &[])
        }
        Fact::RightChanged(right) => match (&right.holders, lists) {
            (RightHolders::One(holder), Lists::Expanded) => {
                of_record(entry.account(), Kind::User, &holder.id.0)
            }
            (RightHolders::One(_), Lists::Whole)
            | (RightHolders::Listed { .. } | RightHolders::Everybody { .. }, _) => {
                of_right(entry.account(), &right.right)
            }
        },
        Fact::RoleContentChanged { role, .. } => of_record(entry.account(), Kind::Role, &role.id.0),
        Fact::LicenceChanged(_) => hash(&["licence", tenant(entry.account())], &[]),
        Fact::EndpointDisabled { endpoint, .. } => hash(&["endpoint", &endpoint.0], &[]),
        Fact::Unreadable | Fact::HistoryLost(_) => hash(&["history"], &[]),
    }
}

/// Returns the record that the entry's record has replaced, if there is one.
pub(in crate::deliver) fn predecessor(entry: &Entry) -> Option<Entity> {
    match &entry.fact {
        Fact::Changed(Change::Created {
            after,
            replaces: Some(replaced),
        }) => Some(of_record(entry.account(), after.kind(), replaced)),
        Fact::Changed(_)
        | Fact::Loaded { .. }
        | Fact::SpaceChanged(_)
        | Fact::LicenceChanged(_)
        | Fact::Held { .. }
        | Fact::Failed { .. }
        | Fact::Recovered(_)
        | Fact::EndpointDisabled { .. }
        | Fact::Unreadable
        | Fact::HistoryLost(_)
        | Fact::RightChanged(_)
        | Fact::RoleContentChanged { .. } => None,
    }
}

/// Returns the number of a record.
pub(in crate::deliver) fn of_record(account: Option<&Account>, kind: Kind, id: &Id) -> Entity {
    hash(&[kind.singular(), tenant(account)], &id.to_key())
}

/// Returns the number of the role or the space that a right belongs to.
fn of_right(account: Option<&Account>, right: &Right) -> Entity {
    match right {
        Right::Role(role) => of_record(account, Kind::Role, &role.id.0),
        Right::SpaceRole { space, .. } | Right::App { space, .. } => of_space(account, &space.id),
    }
}

fn of_space(account: Option<&Account>, space: &SpaceId) -> Entity {
    hash(&["space", tenant(account)], &space.0.to_key())
}

fn tenant(account: Option<&Account>) -> &str {
    account.map_or("", |account| &account.tenant.0)
}

fn hash(words: &[&str], id: &[u8]) -> Entity {
    let mut bytes = Vec::with_capacity(USUAL);
    for word in words {
        bytes.extend_from_slice(word.as_bytes());
        bytes.push(0);
    }
    bytes.extend_from_slice(id);
    xxh3_64(&bytes)
}
