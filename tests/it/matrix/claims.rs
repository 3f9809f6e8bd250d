//! What the journal claims to be gone or lost.

use std::collections::BTreeSet;

use qlik_roster::model::{Change, Fact, Record, Seq};
use qlik_roster::store::Store;

/// A role that a fault makes up: nobody has it.
const MADE_UP: &str = "Guest";

/// What the journal reports about a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// The record of this id no longer exists.
    Gone(String),
    /// The record of this id has lost the role or group of that id.
    Lost(String, String),
}

pub type Claims = BTreeSet<Claim>;

/// Asserts that the journal reports no loss that did not happen.
pub fn assert_only_truth(store: &Store, truth: &Claims, what: &str) {
    for claim in claims(store) {
        assert!(truth.contains(&claim), "{what}: {claim:?} is told");
    }
}

/// Returns the losses that the journal reports.
pub fn claims(store: &Store) -> Claims {
    let mut claims = Claims::new();
    for change in changes(store) {
        let id = change.id().to_string();
        match &change {
            Change::Created { .. } => {}
            Change::Deleted { .. } => drop(claims.insert(Claim::Gone(id))),
            Change::Updated { before, after } => {
                let lost = access(before).into_iter();
                let lost = lost.filter(|place| !access(after).contains(place));
                claims.extend(lost.map(|place| Claim::Lost(id.clone(), place)));
            }
        }
    }
    claims
}

/// Returns the changes in the journal.
pub fn changes(store: &Store) -> impl Iterator<Item = Change> {
    let entries = store.entries(Seq::START, usize::MAX).unwrap().into_iter();
    entries.filter_map(|entry| match entry.fact {
        Fact::Changed(change) => Some(change),
        Fact::Loaded { .. }
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
    })
}

/// Returns the ids of the roles and groups of a record.
fn access(record: &Record) -> BTreeSet<String> {
    let (roles, groups) = match record {
        Record::User(user) => (user.roles.as_ref(), user.groups.as_ref()),
        Record::Group(group) => (group.roles.as_ref(), None),
        Record::Role(_) => (None, None),
    };
    let roles = roles.into_iter().flatten();
    let roles = roles.filter(|(_, name)| *name != MADE_UP);
    let groups = groups.into_iter().flatten();
    let roles = roles.map(|(id, _)| id.to_string());
    roles.chain(groups.map(|(id, _)| id.to_string())).collect()
}
