//! What an observed record means, given what is known of it.

use crate::model::{Change, Fingerprint, Record};

use super::fingerprint;

/// How much of a record the source let us see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All that was known of it before, and perhaps more.
    Whole,
    /// Something was not visible; the known value of that was kept.
    Part,
}

/// What is to be done about an observed record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "made one at a time, and taken apart at once"
)]
pub enum Judgement {
    /// Nothing: the content is what is known.
    Same,
    /// The content is what is known, but its fingerprint was of an older generation: the
    /// record is written again, and nobody is told.
    Refreshed {
        /// The record as it is now.
        record: Record,
        /// Its fingerprint.
        fingerprint: Fingerprint,
    },
    /// The record came or changed.
    Changed {
        /// How.
        change: Change,
        /// The fingerprint that it leaves.
        fingerprint: Fingerprint,
    },
}

/// What the store holds of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The record.
    pub record: Record,
    /// The fingerprint kept for it.
    pub fingerprint: Fingerprint,
}

/// Judges an observed record, whose fingerprint is `print`, against the known one; none: it was
/// not known.
///
/// Lists that were not visible take their known value first, since absent is not empty.
pub fn judge(known: Option<Known>, observed: Record, print: Fingerprint) -> (Judgement, Shown) {
    let hidden = has_hidden(&observed);
    let shown = if hidden { Shown::Part } else { Shown::Whole };
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
    let after = fill_hidden(&before, observed);
    // Taken anew: what was filled in counts.
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

fn fill_hidden(before: &Record, mut observed: Record) -> Record {
    match (before, &mut observed) {
        (Record::User(before), Record::User(after)) => {
            fill(before.roles.as_ref(), &mut after.roles);
            fill(before.groups.as_ref(), &mut after.groups);
            fill(before.scopes.as_ref(), &mut after.scopes);
        }
        (Record::Group(before), Record::Group(after)) => {
            fill(before.roles.as_ref(), &mut after.roles);
        }
        (Record::Role(before), Record::Role(after)) => {
            fill(before.permissions.as_ref(), &mut after.permissions);
            fill(before.scopes.as_ref(), &mut after.scopes);
        }
        // A record is looked up by kind and id: there is no other pair.
        (Record::User(_) | Record::Group(_) | Record::Role(_), _) => {}
    }
    observed
}

fn fill<T: Clone>(before: Option<&T>, after: &mut Option<T>) {
    if after.is_none() {
        *after = before.cloned();
    }
}
