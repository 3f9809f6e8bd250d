//! A space: who owns it, who is assigned to it, and what is shared from it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{GroupId, Id, SpaceId, SpaceMention, Timestamp, UserId};

/// The most assignments, or shares, of a space that are kept. A space with more counts as one whose
/// list is not fully visible.
pub const MAX_IN_SPACE: usize = 10_000;

/// A space of a tenant. Personal spaces are not among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// The source's immutable id: the space's identity. Names are not unique.
    pub id: SpaceId,
    /// What it says about itself.
    pub head: SpaceHead,
    /// The roles of each assignee. `None` if they were never visible to us. The owner has all roles
    /// and is not among the assignees.
    pub assignments: Option<BTreeMap<Assignee, SpaceAssignment>>,
    /// The single resources that are shared from it, by the id of the share. `None` if they were
    /// never visible to us.
    pub shares: Option<BTreeMap<Id, SpaceShare>>,
    /// The lists of which only a part was ever visible: they may have more members than we know.
    pub partial: BTreeSet<SpacePart>,
}

impl Space {
    /// Returns whether a list has as many members as are kept: there may be more.
    fn is_full(&self, part: SpacePart) -> bool {
        let n_members = match part {
            SpacePart::Itself => 0,
            SpacePart::Assignments => self.assignments.as_ref().map_or(0, BTreeMap::len),
            SpacePart::Shares => self.shares.as_ref().map_or(0, BTreeMap::len),
        };
        n_members >= MAX_IN_SPACE
    }

    /// Returns whether a list has more members than are kept, as far as is known.
    pub fn is_cut(&self, part: SpacePart) -> bool {
        self.head.unseen.contains(&part) && self.is_full(part)
    }

    /// Returns whether a resource, such as an app, is shared from it, as far as is known.
    pub fn shares_resource(&self, resource: &str) -> bool {
        let shares = self.shares.iter().flat_map(BTreeMap::values);
        let mut resources = shares.filter_map(|share| share.resource.as_deref());
        resources.any(|it| it == resource)
    }

    /// Returns the space after a reading. What the reading did not see stays as it was known
    /// before.
    pub fn read(
        id: SpaceId,
        mut head: SpaceHead,
        assignments: SpaceList<Assignee, SpaceAssignment>,
        shares: SpaceList<Id, SpaceShare>,
        before: Option<&Self>,
    ) -> Self {
        let mut partial = BTreeSet::new();
        let looked = [
            (SpacePart::Assignments, assignments.is_whole()),
            (SpacePart::Shares, shares.is_whole()),
        ];
        for (part, is_whole) in looked {
            let was_whole = before.is_some_and(|before| before.was_whole(part));
            if !is_whole {
                head.unseen.insert(part);
            }
            if !is_whole && !was_whole {
                partial.insert(part);
            }
        }
        let space = Self {
            id,
            head,
            assignments: assignments.over(before.and_then(|it| it.assignments.as_ref())),
            shares: shares.over(before.and_then(|it| it.shares.as_ref())),
            partial,
        };
        space.without_empty_parts()
    }

    /// Returns whether all of a list was visible at some time.
    pub fn was_whole(&self, part: SpacePart) -> bool {
        let is_known = match part {
            SpacePart::Itself => true,
            SpacePart::Assignments => self.assignments.is_some(),
            SpacePart::Shares => self.shares.is_some(),
        };
        is_known && !self.partial.contains(&part)
    }

    /// Returns the space with each empty partial list replaced by one that was never visible, which
    /// means the same.
    pub(super) fn without_empty_parts(mut self) -> Self {
        let partial = &mut self.partial;
        if self.assignments.as_ref().is_none_or(BTreeMap::is_empty)
            && partial.remove(&SpacePart::Assignments)
        {
            self.assignments = None;
        }
        if self.shares.as_ref().is_none_or(BTreeMap::is_empty) && partial.remove(&SpacePart::Shares)
        {
            self.shares = None;
        }
        self
    }

    /// Returns how to mention it.
    pub fn mention(&self) -> SpaceMention {
        SpaceMention {
            id: self.id.clone(),
            name: self.head.name.clone(),
            sort: self.head.sort.clone(),
        }
    }
}

/// What a space says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceHead {
    /// Its name.
    pub name: String,
    /// `shared`, `managed` or `data`, as written; the source may add others.
    pub sort: Option<String>,
    /// Its owner; `None` if it has none, or the source does not say.
    pub owner: Option<UserId>,
    /// When the source created it.
    pub created_at: Option<Timestamp>,
    /// What was not visible, or could not be read, when we last looked: the known values of these
    /// parts stay, and may be out of date.
    pub unseen: BTreeSet<SpacePart>,
}

/// A part of a space that may be visible or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpacePart {
    /// The space itself: the source does not list it, and does not show it when asked.
    Itself,
    /// Its assignments.
    Assignments,
    /// Its shares.
    Shares,
}

impl SpacePart {
    /// Returns the words for it in the middle of a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::Itself => "the space itself",
            Self::Assignments => "who is assigned to it",
            Self::Shares => "what is shared from it",
        }
    }
}

/// Who is assigned to a space, or gets a share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Assignee {
    /// `user`, `group` or `bot`, as written; the source may add others.
    pub sort: String,
    /// The user or group.
    pub id: Id,
}

impl Assignee {
    /// Returns the group; `None` if it is something else.
    pub fn group(&self) -> Option<GroupId> {
        (self.sort == "group").then(|| GroupId(self.id.clone()))
    }

    /// Returns the user, who may be a bot; `None` if it is something else.
    pub fn user(&self) -> Option<UserId> {
        let is_user = matches!(self.sort.as_str(), "user" | "bot");
        is_user.then(|| UserId(self.id.clone()))
    }
}

/// The roles of an assignee in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAssignment {
    /// The roles, as written: `consumer`, `facilitator` and so on.
    pub roles: BTreeSet<String>,
    /// When the assignee was first assigned.
    pub created_at: Option<Timestamp>,
    /// Who assigned it.
    pub created_by: Option<Id>,
    /// When its roles last changed.
    pub updated_at: Option<Timestamp>,
}

/// A single resource that is shared from a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceShare {
    /// `user`, `group` or `link`, as written; the source may add others.
    pub sort: String,
    /// Whom it is shared with; `None` for a link, which anybody who has it may open.
    pub with: Option<Id>,
    /// What they may do, as written.
    pub roles: BTreeSet<String>,
    /// The id of the resource.
    pub resource: Option<String>,
    /// What kind of resource that is, such as `app`; as written.
    pub resource_sort: Option<String>,
    /// Whether the share is switched off.
    pub is_disabled: bool,
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Who created it.
    pub created_by: Option<Id>,
}

impl SpaceShare {
    /// Returns whether anybody who has the link may open it, even without an account.
    pub fn is_link(&self) -> bool {
        self.sort == "link"
    }

    /// Returns whom it is shared with; `None` for a link.
    pub fn assignee(&self) -> Option<Assignee> {
        self.with.as_ref().map(|id| Assignee {
            sort: self.sort.clone(),
            id: id.clone(),
        })
    }
}

/// What a reading saw of a list of a space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpaceList<K: Ord, V> {
    /// All of it.
    Whole(BTreeMap<K, V>),
    /// Some of it: the rest could not be read.
    Part(BTreeMap<K, V>),
    /// Nothing: we are not allowed to see it.
    Hidden,
}

impl<K: Ord + Clone, V: Clone> SpaceList<K, V> {
    /// Returns the list as it is known after this reading. What the reading did not see stays as it
    /// was known.
    pub fn over(self, known: Option<&BTreeMap<K, V>>) -> Option<BTreeMap<K, V>> {
        match self {
            Self::Whole(seen) => Some(seen),
            // Known members stay even if there is no room for others: nothing says that they are
            // gone.
            Self::Part(seen) => {
                let mut list = known.cloned().unwrap_or_default();
                for (key, value) in seen {
                    if list.len() < MAX_IN_SPACE || list.contains_key(&key) {
                        list.insert(key, value);
                    }
                }
                Some(list)
            }
            Self::Hidden => known.cloned(),
        }
    }

    /// Returns whether all of it was seen.
    pub fn is_whole(&self) -> bool {
        match self {
            Self::Whole(_) => true,
            Self::Part(_) | Self::Hidden => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_in_part_drops_nobody_who_is_known() {
        let most = u32::try_from(MAX_IN_SPACE).unwrap();
        let known: BTreeMap<u32, &str> = (0..most).map(|n| (n, "known")).collect();
        let seen = (1..=most).map(|n| (n, "seen"));

        let after = SpaceList::Part(seen.collect()).over(Some(&known)).unwrap();

        assert_eq!(after.len(), MAX_IN_SPACE);
        assert_eq!(after[&0], "known");
        assert!(after.iter().skip(1).all(|(_, member)| *member == "seen"));
    }
}
