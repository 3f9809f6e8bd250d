//! Decides whether known members of a list of a space are gone, after a reading that does not show
//! them.
//!
//! Pure. A list has no plan that an operator could approve. So if a list loses more than the guard
//! allows for memberships, it counts as seen in part until another complete reading shows the same.

use std::collections::{BTreeMap, BTreeSet};

use xxhash_rust::xxh3::Xxh3;

use crate::model::{Assignee, Id, Loss, SpaceAssignment, SpaceList, SpaceShare, Weight};
use crate::reconcile::Guard;
use crate::store::SpaceDoubt;

/// A member of a list of a space.
pub(super) trait Member {
    /// What identifies it in its list.
    type Key: Ord + Clone;

    /// Returns what it allows.
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

/// Returns what is believed of a list: all of it, or that the rest was not seen. With it comes what
/// is to be remembered for the next reading. `doubt` is what an earlier reading left to remember,
/// and `reading` the number of this one.
pub(super) fn believed<V: Member>(
    guard: &Guard,
    seen: Seen<V>,
    known: Option<&Members<V>>,
    doubt: Option<SpaceDoubt>,
    reading: u64,
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
    if guard.weigh(Loss::Memberships, weight).is_none() {
        return (SpaceList::Whole(seen), None);
    }
    let new = SpaceDoubt {
        reading,
        lost: digest::<V>(&lost),
    };
    match doubt {
        Some(doubt) if doubt.lost == new.lost && doubt.reading < reading => {
            (SpaceList::Whole(seen), None)
        }
        Some(doubt) if doubt.lost == new.lost => {
            (SpaceList::Part(without(seen, &lost)), Some(doubt))
        }
        Some(_) | None => (SpaceList::Part(without(seen, &lost)), Some(new)),
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
        readings: &[(u64, Seen<SpaceAssignment>)],
    ) -> Vec<bool> {
        let (guard, mut doubt) = (Guard::default(), None);
        let mut whole = Vec::new();
        for (reading, seen) in readings {
            let (list, next) = believed(&guard, seen.clone(), Some(known), doubt, *reading);
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
            // Another look in the same reading is not another reading.
            (
                vec![(1, empty()), (1, empty()), (2, empty())],
                &[false, false, true],
            ),
            // The two must agree.
            (
                vec![(1, empty()), (2, half()), (3, half())],
                &[false, false, true],
            ),
            // What was not visible says nothing.
            (
                vec![(1, empty()), (2, SpaceList::Hidden), (3, empty())],
                &[false, false, true],
            ),
            (
                vec![(1, SpaceList::Part(members(0..40, &[]))), (2, empty())],
                &[false, false],
            ),
            // A few may go at once.
            (
                vec![(1, SpaceList::Whole(members(0..30, &["consumer"])))],
                &[true],
            ),
            // Whoever has other roles is not lost.
            (
                vec![(1, SpaceList::Whole(members(0..40, &["producer"])))],
                &[true],
            ),
        ] {
            assert_eq!(whole_after(&known, &readings), expected);
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

        assert_eq!(whole_after(&known, &readings), [false, true, false]);
    }
}
