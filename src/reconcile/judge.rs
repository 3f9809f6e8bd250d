//! What an observed record means, given what is known of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assigned, Change, Fingerprint, Record};

use super::fingerprint;

/// How much of what a record is assigned was visible to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    Whole,
    /// Some of it was not visible or not readable; the known value of that part, if there is one,
    /// was kept.
    Part,
}

/// What to do about an observed record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "made one at a time, and taken apart at once"
)]
pub enum Judgement {
    /// Nothing: the content is what is known.
    Same,
    /// The content is what is known, but its fingerprint has an older generation: the record is
    /// written again, without an event.
    Refreshed {
        /// The record as it is now.
        record: Record,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The record is new, or its content differs.
    Changed {
        /// How the record changed.
        change: Change,
        /// The fingerprint after the change.
        fingerprint: Fingerprint,
    },
}

/// What the store knows of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecord {
    /// The record.
    pub record: Record,
    /// The fingerprint kept for it.
    pub fingerprint: Fingerprint,
}

/// Judges an observed record, whose fingerprint is `print`, against the known one. `known` is
/// `None` if the record was not known.
///
/// Lists that were not visible first take their known value, since absent is not empty. A list in
/// `torn` has entries that could not be read; these may be known members, so known members stay.
pub fn judge(
    known: Option<KnownRecord>,
    observed: Record,
    torn: &BTreeSet<Assigned>,
    print: Fingerprint,
) -> (Judgement, Shown) {
    let shown = match has_hidden(&observed) || !torn.is_empty() {
        true => Shown::Part,
        false => Shown::Whole,
    };
    let Some(known) = known else {
        let change = Change::Created {
            after: observed,
            replaces: None,
        };
        return (
            Judgement::Changed {
                change,
                fingerprint: print,
            },
            shown,
        );
    };

    let before = known.record;
    let after = fill_hidden(&before, observed, torn);
    // Computed again, since lists may have been filled in.
    let print = fingerprint(&after);
    let judgement = if print == known.fingerprint {
        Judgement::Same
    } else if print == fingerprint(&before) {
        Judgement::Refreshed {
            record: after,
            fingerprint: print,
        }
    } else {
        Judgement::Changed {
            change: Change::Updated { before, after },
            fingerprint: print,
        }
    };
    (judgement, shown)
}

/// Returns whether assigned roles or groups of the record were not visible.
pub fn has_hidden(observed: &Record) -> bool {
    match observed {
        Record::User(user) => user.roles.is_none() || user.groups.is_none(),
        Record::Group(group) => group.roles.is_none(),
        Record::Role(_) => false,
    }
}

fn fill_hidden(before: &Record, mut observed: Record, torn: &BTreeSet<Assigned>) -> Record {
    let is_torn = |list| torn.contains(&list);
    match (before, &mut observed) {
        (Record::User(before), Record::User(after)) => {
            if is_torn(Assigned::Roles) {
                join(before.roles.as_ref(), &mut after.roles);
            }
            if is_torn(Assigned::Groups) {
                join(before.groups.as_ref(), &mut after.groups);
            }
            fill(before.roles.as_ref(), &mut after.roles);
            fill(before.groups.as_ref(), &mut after.groups);
            fill(before.scopes.as_ref(), &mut after.scopes);
        }
        (Record::Group(before), Record::Group(after)) => {
            if is_torn(Assigned::Roles) {
                join(before.roles.as_ref(), &mut after.roles);
            }
            fill(before.roles.as_ref(), &mut after.roles);
        }
        (Record::Role(before), Record::Role(after)) => {
            fill(before.permissions.as_ref(), &mut after.permissions);
            fill(before.scopes.as_ref(), &mut after.scopes);
        }
        // A record is looked up by kind and id, so both are always of the same kind.
        (Record::User(_) | Record::Group(_) | Record::Role(_), _) => {}
    }
    observed
}

fn join<K: Ord + Clone>(
    before: Option<&BTreeMap<K, String>>,
    after: &mut Option<BTreeMap<K, String>>,
) {
    let Some(after) = after else { return };
    for (id, name) in before.into_iter().flatten() {
        after.entry(id.clone()).or_insert_with(|| name.clone());
    }
}

fn fill<T: Clone>(before: Option<&T>, after: &mut Option<T>) {
    if after.is_none() {
        *after = before.cloned();
    }
}
