//! What is kept of a user who has changed since a time: where to find the former state, and a hint
//! which posting lists the user has left.

use crate::model::{GroupId, RoleId, Seq, Verb};
use crate::store::{PostingList, UserEntry};

/// A user who has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    /// What the user was before.
    pub(super) then: Then,
    /// A bit of each posting list that the user has left since. Several lists share a bit.
    pub(super) left: u64,
}

/// What a user was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// There was no such user.
    Absent,
    /// The user was as it was before this entry.
    Before(Seq),
}

impl Changed {
    /// Returns what an entry about a user says.
    pub(super) fn by(entry: &UserEntry) -> Self {
        let then = match entry.verb {
            Verb::Created => Then::Absent,
            Verb::Updated | Verb::Deleted => Then::Before(entry.seq),
        };
        Self {
            then,
            left: bits(&entry.left),
        }
    }

    /// Returns whether the user may have been in one of some posting lists and have left it. The
    /// bits are those of the lists.
    pub(super) fn may_have_left(&self, bits: u64) -> bool {
        self.then != Then::Absent && self.left & bits != 0
    }
}

/// Returns the bits that stand for some posting lists.
pub(super) fn bits<'a>(lists: impl IntoIterator<Item = &'a PostingList>) -> u64 {
    lists.into_iter().fold(0, |bits, list| bits | bit(list))
}

/// Returns the bit that stands for a posting list.
fn bit(list: &PostingList) -> u64 {
    let place = match list {
        PostingList::HiddenRoles => 0,
        PostingList::HiddenGroups => 1,
        PostingList::Role(RoleId(id)) | PostingList::Group(GroupId(id)) => {
            2 + xxhash_rust::xxh3::xxh3_64(&id.to_key()) % 62
        }
    };
    1 << place
}
