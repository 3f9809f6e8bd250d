//! Decides whether known members of a list of a space are gone, after a reading that does not show
//! them.
//!
//! Pure. Lists have no plan that an operator could approve. So a list that loses more than the
//! guard allows for memberships counts as seen in part until another complete reading shows the
//! same loss. So does a short list that loses half of its members while all spaces are read.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::Xxh3;

use crate::model::{Assignee, Id, Loss, SpaceAssignment, SpaceList, SpaceShare, Weight};
use crate::reconcile::{Guard, Limits};
use crate::store::SpaceDoubt;

/// A member of a list of a space.
pub(super) trait Member {
    /// What identifies it in its list.
    type Key: Ord + Clone;

    /// Returns the roles that it gives.
    fn roles(&self) -> &BTreeSet<String>;

    /// Returns the key as text.
    fn text(key: &Self::Key) -> String;
}

impl Member for SpaceAssignment {
    type Key = Assignee;

    fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    fn text(key: &Assignee) -> String {
        format!("{} {}", key.sort, key.id)
    }
}

impl Member for SpaceShare {
    type Key = Id;

    fn roles(&self) -> &BTreeSet<String> {
        &self.roles
    }

    fn text(key: &Id) -> String {
        key.to_string()
    }
}

/// Members of a list by their keys.
pub(super) type Members<V> = BTreeMap<<V as Member>::Key, V>;

/// A list as the source shows it.
pub(super) type Seen<V> = SpaceList<<V as Member>::Key, V>;

/// Returns the known members that a list does not show, or shows without any role.
pub(super) fn lost<V: Member>(known: Option<&Members<V>>, seen: &Members<V>) -> BTreeSet<V::Key> {
    let known = known.into_iter().flatten();
    let lost = known.filter(|(key, member)| match seen.get(key) {
        Some(seen) => seen.roles().is_empty() && !member.roles().is_empty(),
        None => true,
    });
    lost.map(|(key, _)| key.clone()).collect()
}

/// How much a list with few members may lose at once, unless the audit log has named the space.
///
/// The guard leaves out the share if few are known, since it weighs the memberships of a whole
/// tenant, which are never few. A list of a space has few members in most tenants, and so each of
/// them would be open to a source that shows the half of everything. So half of a list may be lost
/// only if it is so short that this happens every day.
const SMALL: Limits = Limits {
    max_permille: 499,
    max_count: u64::MAX,
    min_population: 4,
};

/// Why a space is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    /// The audit log has named it, so that losses are likely.
    Named,
    /// All spaces are read.
    All,
}

/// What decides whether a loss is believed.
#[derive(Debug)]
pub(super) struct Doubting<'a> {
    pub(super) guard: &'a Guard,
    /// The number of this reading.
    pub(super) reading: u64,
    pub(super) cause: Cause,
}

impl Doubting<'_> {
    /// Returns how a list counts as seen: whole, or only in part, if its losses are still in doubt.
    /// Also returns the doubt to store for the next reading. `doubt` is the one that an earlier
    /// reading stored.
    pub(super) fn believed<V: Member>(
        &self,
        seen: Seen<V>,
        known: Option<&Members<V>>,
        doubt: Option<SpaceDoubt>,
    ) -> (Seen<V>, Option<SpaceDoubt>) {
        let seen = match seen {
            SpaceList::Whole(seen) => seen,
            SpaceList::Part(seen) => {
                let lost = lost(known, &seen);
                return (SpaceList::Part(without(seen, &lost)), doubt);
            }
            SpaceList::Hidden => return (SpaceList::Hidden, doubt),
        };
        let lost = lost(known, &seen);
        let n_roleless = lost.iter().filter(|key| seen.contains_key(key)).count();
        let weight = Weight {
            lost: lost.len() as u64,
            known: known.map_or(0, BTreeMap::len) as u64,
            shown: (seen.len() - n_roleless) as u64,
        };
        if !self.is_doubtful(weight) {
            return (SpaceList::Whole(seen), None);
        }
        let new = SpaceDoubt {
            reading: self.reading,
            lost: digest::<V>(&lost),
        };
        match doubt {
            Some(doubt) if doubt.lost == new.lost && doubt.reading < self.reading => {
                (SpaceList::Whole(seen), None)
            }
            Some(doubt) if doubt.lost == new.lost => {
                (SpaceList::Part(without(seen, &lost)), Some(doubt))
            }
            Some(_) | None => (SpaceList::Part(without(seen, &lost)), Some(new)),
        }
    }

    fn is_doubtful(&self, weight: Weight) -> bool {
        let Self { guard, cause, .. } = self;
        let is_small_loss = || SMALL.allows(weight) || guard.ignores_share(Loss::Memberships);
        guard.weigh(Loss::Memberships, weight).is_some()
            || match cause {
                Cause::Named => false,
                Cause::All => !is_small_loss(),
            }
    }
}

fn without<V: Member>(mut seen: Members<V>, lost: &BTreeSet<V::Key>) -> Members<V> {
    seen.retain(|key, _| !lost.contains(key));
    seen
}

fn digest<V: Member>(lost: &BTreeSet<V::Key>) -> u64 {
    let mut digest = Xxh3::new();
    for key in lost {
        digest.update(V::text(key).as_bytes());
        digest.update(&[0]);
    }
    digest.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(keys: std::ops::Range<u8>, roles: &[&str]) -> Members<SpaceAssignment> {
        let member = |n: u8| {
            let assignee = Assignee {
                sort: "user".to_owned(),
                id: Id::parse(&format!("{n:024x}")).unwrap(),
            };
            let assignment = SpaceAssignment {
                roles: roles.iter().map(ToString::to_string).collect(),
                created_at: None,
                created_by: None,
                updated_at: None,
            };
            (assignee, assignment)
        };
        keys.map(member).collect()
    }

    /// Reads a list in several readings, and returns after which of them it counts as whole.
    fn whole_after(
        known: &Members<SpaceAssignment>,
        cause: Cause,
        readings: &[(u64, Seen<SpaceAssignment>)],
    ) -> Vec<bool> {
        let (guard, mut doubt) = (Guard::default(), None);
        let mut whole = Vec::new();
        for (reading, seen) in readings {
            let doubting = Doubting {
                guard: &guard,
                reading: *reading,
                cause,
            };
            let (list, next) = doubting.believed(seen.clone(), Some(known), doubt);
            assert_eq!(list.is_whole(), matches!(list, SpaceList::Whole(_)));
            if !list.is_whole() {
                let after = list.clone().over(Some(known)).unwrap();
                for (key, member) in known {
                    assert!(after[key] == *member, "{key:?} lost something");
                }
            }
            whole.push(list.is_whole());
            doubt = next;
        }
        whole
    }

    #[test]
    fn a_list_that_loses_much_is_believed_in_the_second_reading() {
        let known = members(0..40, &["consumer"]);
        let empty = || SpaceList::Whole(members(0..0, &[]));
        let half = || SpaceList::Whole(members(0..20, &["consumer"]));
        let roleless = || SpaceList::Whole(members(0..40, &[]));
        for (readings, expected) in [
            (vec![(1, empty()), (2, empty())], &[false, true][..]),
            (vec![(1, half()), (2, half())], &[false, true]),
            (vec![(1, roleless()), (2, roleless())], &[false, true]),
            // Seeing the list twice in one reading does not confirm the loss.
            (
                vec![(1, empty()), (1, empty()), (2, empty())],
                &[false, false, true],
            ),
            // Two readings must show the same loss.
            (
                vec![(1, empty()), (2, half()), (3, half())],
                &[false, false, true],
            ),
            // A list that is hidden, or seen in part, confirms nothing.
            (
                vec![(1, empty()), (2, SpaceList::Hidden), (3, empty())],
                &[false, false, true],
            ),
            (
                vec![(1, SpaceList::Part(members(0..40, &[]))), (2, empty())],
                &[false, false],
            ),
            // The guard allows this many to be lost at once.
            (
                vec![(1, SpaceList::Whole(members(0..30, &["consumer"])))],
                &[true],
            ),
            // A member whose roles changed is not lost.
            (
                vec![(1, SpaceList::Whole(members(0..40, &["producer"])))],
                &[true],
            ),
        ] {
            assert_eq!(whole_after(&known, Cause::Named, &readings), expected);
        }
    }

    #[test]
    fn a_list_that_was_shown_whole_again_is_doubted_again() {
        let known = members(0..3, &["consumer"]);
        let empty = || SpaceList::Whole(members(0..0, &[]));

        let readings = [
            (1, empty()),
            (2, SpaceList::Whole(known.clone())),
            (3, empty()),
        ];

        assert_eq!(
            whole_after(&known, Cause::Named, &readings),
            [false, true, false]
        );
    }

    #[test]
    fn half_of_a_short_list_is_lost_in_the_second_reading_or_if_the_log_names_the_space() {
        for (n_known, n_left, is_believed) in [
            (3, 1, true),
            (4, 3, true),
            (4, 2, false),
            (5, 3, true),
            (5, 2, false),
            (19, 10, true),
            (19, 9, false),
            (19, 1, false),
        ] {
            let known = members(0..n_known, &["consumer"]);
            let left = || SpaceList::Whole(members(0..n_left, &["consumer"]));
            let readings = [(1, left()), (2, left())];

            let all = whole_after(&known, Cause::All, &readings);
            assert_eq!(all, [is_believed, true], "{n_left} of {n_known}");
            let named = whole_after(&known, Cause::Named, &readings);
            assert_eq!(named, [true, true], "{n_left} of {n_known}");
        }
    }

    #[test]
    fn an_operator_who_lets_all_shares_go_lets_half_of_a_short_list_go() {
        let known = members(0..10, &["consumer"]);
        let limits = Limits {
            max_permille: 1_000,
            ..Limits::usual(Loss::Memberships)
        };
        let guard = Guard::Limits([(Loss::Memberships, limits)].into());
        let doubting = Doubting {
            guard: &guard,
            reading: 1,
            cause: Cause::All,
        };

        let few = SpaceList::Whole(members(0..1, &["consumer"]));
        let (list, doubt) = doubting.believed(few, Some(&known), None);

        assert!(list.is_whole() && doubt.is_none());
    }
}
