//! What is kept in memory of a user who has changed since a time: where to find the former state,
//! and a hint as to which posting lists the user has left.

use crate::model::{GroupId, Id, RoleId, Seq, Verb};
use crate::store::{PostingList, UserEntry};

/// A user who has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Changed {
    /// The state of the user at that time.
    pub(super) then: Then,
    /// A bit of each posting list that the user has left since. Several lists share a bit.
    pub(super) left: u64,
}

/// The state of a user at that time.
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

    /// Returns whether the user may have been in a posting list that one of these bits stands for,
    /// and have left it.
    pub(super) fn may_have_left(&self, bits: u64) -> bool {
        self.then != Then::Absent && self.left & bits != 0
    }
}

/// The most users that are kept of those who left a group.
const MAX_LEAVERS: usize = 8;

/// Users who have left a group since that time. A few are enough to find one who was in it then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Leavers {
    users: Vec<Id>,
    /// Whether the only user that is kept was certainly in the group at that time.
    is_certain: bool,
    /// Whether there were more users than are kept, of whom one may have been in the group.
    has_more: bool,
}

/// What has happened to a user since that time, before the user left a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Earlier {
    /// Nothing.
    Nothing,
    /// The user was created.
    Created,
    /// The user has changed, or is not among those that are kept.
    Changed,
}

impl Leavers {
    /// Adds a user. If nothing has happened to the user since that time, the user was in the group
    /// then, and nobody else is needed.
    pub(super) fn add(&mut self, user: &Id, earlier: Earlier) {
        if self.is_certain || self.users.contains(user) {
            return;
        }
        match earlier {
            Earlier::Created => {}
            Earlier::Nothing => {
                *self = Self {
                    users: vec![user.clone()],
                    is_certain: true,
                    has_more: false,
                };
            }
            Earlier::Changed if self.users.len() < MAX_LEAVERS => self.users.push(user.clone()),
            Earlier::Changed => self.has_more = true,
        }
    }

    /// Returns users who may have been in the group at that time.
    pub(super) fn users(&self) -> &[Id] {
        &self.users
    }

    /// Returns whether others may have been in the group.
    pub(super) fn has_more(&self) -> bool {
        self.has_more
    }
}

/// Returns the bits that stand for these posting lists.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn leavers(users: impl IntoIterator<Item = (usize, Earlier)>) -> (Vec<Id>, bool) {
        let mut leavers = Leavers::default();
        for (user, earlier) in users {
            leavers.add(&id(user), earlier);
        }
        (leavers.users().to_vec(), leavers.has_more())
    }

    #[test]
    fn whoever_was_certainly_in_a_group_is_kept_alone() {
        use Earlier::{Changed, Created, Nothing};
        let ids = |users: &[usize]| users.iter().copied().map(id).collect::<Vec<_>>();
        let many = || (10..30).map(|user| (user, Changed));

        assert_eq!(leavers([(1, Created)]), (ids(&[]), false));
        let twice = [(1, Changed), (2, Changed), (1, Changed)];
        assert_eq!(leavers(twice), (ids(&[1, 2]), false));
        let certain = [(1, Changed), (2, Nothing), (3, Nothing), (4, Changed)];
        assert_eq!(leavers(certain), (ids(&[2]), false));
        assert_eq!(leavers(many()).0.len(), MAX_LEAVERS);
        assert!(leavers(many()).1);
        // However many there were before.
        assert_eq!(leavers(many().chain([(1, Nothing)])), (ids(&[1]), false));
    }
}
