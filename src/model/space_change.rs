//! How a space changed between two readings: only what differs, since a space may have thousands of
//! assignments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Assignee, Id, Space, SpaceAssignment, SpaceHead, SpaceId, SpaceShare, Verb};

/// A change to one space, with everything needed to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceChange {
    /// The space.
    pub id: SpaceId,
    /// What it said about itself; `None` if it was not known before.
    pub before: Option<SpaceHead>,
    /// What it says about itself; `None` if it is gone.
    pub after: Option<SpaceHead>,
    /// How its assignments differ.
    pub assignments: ListChange<Assignee, SpaceAssignment>,
    /// How its shares differ.
    pub shares: ListChange<Id, SpaceShare>,
}

/// How a list of a space changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListChange<K: Ord, V> {
    /// Whether the list was known before.
    pub was_known: bool,
    /// Whether it is known now.
    pub is_known: bool,
    /// Each member that differs, before and after. `None` stands for a member that is not in the
    /// list at that time.
    pub members: BTreeMap<K, (Option<V>, Option<V>)>,
}

impl<K: Ord + Clone, V: Clone + Eq> ListChange<K, V> {
    fn between(before: Option<&BTreeMap<K, V>>, after: Option<&BTreeMap<K, V>>) -> Self {
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
            was_known: before.is_some(),
            is_known: after.is_some(),
            members,
        }
    }

    fn is_nothing(&self) -> bool {
        self.was_known == self.is_known && self.members.is_empty()
    }

    fn undo(&self, now: Option<BTreeMap<K, V>>) -> Option<BTreeMap<K, V>> {
        let mut then = now.unwrap_or_default();
        for (key, (before, _)) in &self.members {
            match before {
                Some(before) => then.insert(key.clone(), before.clone()),
                None => then.remove(key),
            };
        }
        self.was_known.then_some(then)
    }
}

impl SpaceChange {
    /// Returns how a space changed; `None` if it did not. One of the two must be given.
    pub fn between(before: Option<&Space>, after: Option<&Space>) -> Option<Self> {
        let id = before.or(after)?.id.clone();
        let change = Self {
            id,
            before: before.map(|space| space.head.clone()),
            after: after.map(|space| space.head.clone()),
            assignments: ListChange::between(
                before.and_then(|space| space.assignments.as_ref()),
                after.and_then(|space| space.assignments.as_ref()),
            ),
            shares: ListChange::between(
                before.and_then(|space| space.shares.as_ref()),
                after.and_then(|space| space.shares.as_ref()),
            ),
        };
        let differs = change.before != change.after
            || !change.assignments.is_nothing()
            || !change.shares.is_nothing();
        differs.then_some(change)
    }

    /// Returns the space as it was before the change, given how it was after it.
    pub fn undo(&self, now: Option<Space>) -> Option<Space> {
        let head = self.before.clone()?;
        let (assignments, shares) = match now {
            Some(space) => (space.assignments, space.shares),
            None => (None, None),
        };
        Some(Space {
            id: self.id.clone(),
            head,
            assignments: self.assignments.undo(assignments),
            shares: self.shares.undo(shares),
        })
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
        );
        let space = whole.prop_map(|(name, is_hidden, assignments, shares)| Space {
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
        });
        prop::option::of(space)
    }

    proptest! {
        #[test]
        fn a_change_leads_back(before in space(), after in space()) {
            let change = SpaceChange::between(before.as_ref(), after.as_ref());

            let undone = change.map_or(after.clone(), |change| change.undo(after));
            prop_assert_eq!(undone, before);
        }
    }
}
