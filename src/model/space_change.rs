//! How a space changed between two readings: only what differs, since a space may have thousands of
//! assignments.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{
    Assignee, Id, Space, SpaceAssignment, SpaceHead, SpaceId, SpacePart, SpaceShare, Verb,
};

/// A change to one space, with everything needed to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceChange {
    /// The space.
    pub id: SpaceId,
    /// What it said about itself; `None` if it was not known before.
    pub before: Option<SpaceHead>,
    /// What it says about itself; `None` if it is gone.
    pub after: Option<SpaceHead>,
    /// Why the space was not known before; [`Found::New`] if it was known.
    pub found: Found,
    /// How its assignments differ.
    pub assignments: ListChange<Assignee, SpaceAssignment>,
    /// How its shares differ.
    pub shares: ListChange<Id, SpaceShare>,
}

/// How a list of a space changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChange<K: Ord, V> {
    /// Whether the whole list had been seen by the time before the change.
    pub was_known: bool,
    /// Whether the whole list has been seen by the time after it.
    pub is_known: bool,
    /// Each member that differs, before and after. `None` stands for a member that is not in the
    /// list at that time.
    pub members: BTreeMap<K, (Option<V>, Option<V>)>,
}

/// Why a space was not known before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// It is new: nobody had a right in it before.
    New,
    /// It is older, but was not visible: we do not know who had a right in it before.
    Late,
}

/// A list at one time.
struct Side<'a, K, V> {
    members: Option<&'a BTreeMap<K, V>>,
    /// Whether the whole list has been seen by then.
    is_known: bool,
}

impl<K: Ord + Clone, V: Clone + Eq> ListChange<K, V> {
    fn between(then: &Side<'_, K, V>, now: &Side<'_, K, V>) -> Self {
        let (before, after) = (then.members, now.members);
        let mut members = BTreeMap::new();
        for (key, old) in before.into_iter().flatten() {
            let new = after.and_then(|after| after.get(key));
            if new != Some(old) {
                members.insert(key.clone(), (Some(old.clone()), new.cloned()));
            }
        }
        for (key, new) in after.into_iter().flatten() {
            if before.is_none_or(|before| !before.contains_key(key)) {
                members.insert(key.clone(), (None, Some(new.clone())));
            }
        }
        Self {
            was_known: then.is_known,
            is_known: now.is_known,
            members,
        }
    }

    fn is_nothing(&self) -> bool {
        self.was_known == self.is_known && self.members.is_empty()
    }

    fn undo(&self, now: Option<BTreeMap<K, V>>) -> BTreeMap<K, V> {
        let mut then = now.unwrap_or_default();
        for (key, (before, _)) in &self.members {
            match before {
                Some(before) => then.insert(key.clone(), before.clone()),
                None => then.remove(key),
            };
        }
        then
    }
}

impl SpaceChange {
    /// Returns how a space changed; `None` if it did not, or if both sides are `None`. `found` says
    /// why the space was not known before, if it was not.
    pub fn between(before: Option<&Space>, after: Option<&Space>, found: Found) -> Option<Self> {
        let id = before.or(after)?.id.clone();
        let was_known = |part| before.is_some_and(|before| before.was_whole(part));
        let is_known = |part| after.is_some_and(|after| after.was_whole(part));
        let (assignments, shares) = (SpacePart::Assignments, SpacePart::Shares);
        let change = Self {
            id,
            before: before.map(|space| space.head.clone()),
            after: after.map(|space| space.head.clone()),
            found: match before {
                Some(_) => Found::New,
                None => found,
            },
            assignments: ListChange::between(
                &Side {
                    members: before.and_then(|space| space.assignments.as_ref()),
                    is_known: was_known(assignments),
                },
                &Side {
                    members: after.and_then(|space| space.assignments.as_ref()),
                    is_known: is_known(assignments),
                },
            ),
            shares: ListChange::between(
                &Side {
                    members: before.and_then(|space| space.shares.as_ref()),
                    is_known: was_known(shares),
                },
                &Side {
                    members: after.and_then(|space| space.shares.as_ref()),
                    is_known: is_known(shares),
                },
            ),
        };
        let differs = change.before != change.after
            || !change.assignments.is_nothing()
            || !change.shares.is_nothing();
        differs.then_some(change)
    }

    /// Returns the change without the members that were only saved again, which says nothing about
    /// rights.
    #[must_use]
    pub fn of_rights(mut self) -> Self {
        let assigned = |it: &Option<SpaceAssignment>| it.as_ref().map(|it| it.roles.clone());
        let members = &mut self.assignments.members;
        members.retain(|_, (before, after)| assigned(before) != assigned(after));
        let shared = |it: &Option<SpaceShare>| {
            it.clone().map(|share| SpaceShare {
                created_at: None,
                created_by: None,
                ..share
            })
        };
        let members = &mut self.shares.members;
        members.retain(|_, (before, after)| shared(before) != shared(after));
        self
    }

    /// Returns the space as it was before the change, given how it was after it.
    pub fn undo(&self, now: Option<Space>) -> Option<Space> {
        let head = self.before.clone()?;
        let (assignments, shares) = match now {
            Some(space) => (space.assignments, space.shares),
            None => (None, None),
        };
        let known = [
            (SpacePart::Assignments, self.assignments.was_known),
            (SpacePart::Shares, self.shares.was_known),
        ];
        let partial = known.into_iter().filter(|(_, was_known)| !was_known);
        let partial: BTreeSet<SpacePart> = partial.map(|(part, _)| part).collect();
        let space = Space {
            id: self.id.clone(),
            head,
            assignments: Some(self.assignments.undo(assignments)),
            shares: Some(self.shares.undo(shares)),
            partial,
        };
        Some(space.without_empty_parts())
    }

    /// Returns whether the space is older and only became visible.
    pub fn became_visible(&self) -> bool {
        self.before.is_none() && self.found == Found::Late
    }

    /// Returns what happened, as a word.
    pub fn verb(&self) -> Verb {
        match (&self.before, &self.after) {
            (None, _) => Verb::Created,
            (Some(_), None) => Verb::Deleted,
            (Some(_), Some(_)) => Verb::Updated,
        }
    }

    /// Returns the event type that receivers see.
    pub fn event_type(&self) -> &'static str {
        match self.verb() {
            Verb::Created => "space.created",
            Verb::Updated => "space.updated",
            Verb::Deleted => "space.deleted",
        }
    }

    /// Returns the name that the space has, or had last.
    pub fn name(&self) -> &str {
        let head = self.after.as_ref().or(self.before.as_ref());
        head.map_or("", |head| &head.name)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::SpacePart;

    fn id(n: u8) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn space() -> impl Strategy<Value = Option<Space>> {
        let roles = prop::collection::btree_set("consumer|producer", 0..3);
        let assignment = roles.clone().prop_map(|roles| SpaceAssignment {
            roles,
            created_at: None,
            created_by: None,
            updated_at: None,
        });
        let assignee = ("user|group", 0_u8..4).prop_map(|(sort, n)| Assignee { sort, id: id(n) });
        let share = (roles, any::<bool>()).prop_map(|(roles, is_disabled)| SpaceShare {
            sort: "link".into(),
            with: None,
            roles,
            resource: None,
            resource_sort: None,
            is_disabled,
            created_at: None,
            created_by: None,
        });
        let whole = (
            "a|b",
            any::<bool>(),
            prop::option::of(prop::collection::btree_map(assignee, assignment, 0..5)),
            prop::option::of(prop::collection::btree_map(
                (0_u8..3).prop_map(id),
                share,
                0..3,
            )),
            prop::collection::btree_set(
                prop::sample::select(vec![SpacePart::Assignments, SpacePart::Shares]),
                0..2,
            ),
        );
        let space = whole.prop_map(|(name, is_hidden, assignments, shares, partial)| Space {
            id: SpaceId(id(9)),
            head: SpaceHead {
                name,
                sort: None,
                owner: None,
                created_at: None,
                unseen: is_hidden.then_some(SpacePart::Shares).into_iter().collect(),
            },
            assignments,
            shares,
            partial,
        });
        prop::option::of(space.prop_map(Space::without_empty_parts))
    }

    proptest! {
        #[test]
        fn a_change_leads_back(before in space(), after in space()) {
            let change = SpaceChange::between(before.as_ref(), after.as_ref(), Found::New);

            let undone = change.map_or(after.clone(), |change| change.undo(after));
            prop_assert_eq!(undone, before);
        }
    }
}
