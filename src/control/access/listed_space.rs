//! Spaces as lists show them, and which of them are wanted.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::control::choice::contains;
use crate::model::{Id, Space, SpaceMention, SpacePart, Timestamp, UserId};

use super::answers::{AccessPage, AccessPerson};

/// A choice of spaces. A space must match every given field; the default matches all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceChoice {
    /// Those of this owner.
    pub owner: Option<UserId>,
    /// Those of this sort, as the source writes it. Letter case is ignored.
    pub sort: Option<String>,
    /// Those whose name contains this. Letter case is ignored.
    pub name: Option<String>,
    /// Only those that share something by a link.
    pub only_by_link: bool,
}

impl SpaceChoice {
    /// Returns whether it takes all spaces.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn takes(&self, space: &Space) -> bool {
        let Self {
            owner,
            sort,
            name,
            only_by_link,
        } = self;
        let head = &space.head;
        let is_sort = |sort: &String| {
            let own = head.sort.as_deref();
            own.is_some_and(|own| own.to_lowercase() == sort.to_lowercase())
        };
        owner
            .as_ref()
            .is_none_or(|owner| head.owner.as_ref() == Some(owner))
            && sort.as_ref().is_none_or(is_sort)
            && name.as_ref().is_none_or(|name| contains(&head.name, name))
            && (!only_by_link || links(space).next().is_some())
    }
}

/// Returns what a space shares by links that are not switched off.
pub(super) fn links(space: &Space) -> impl Iterator<Item = SharedLink> {
    let shares = space.shares.iter().flatten();
    let links = shares.filter(|(_, share)| share.is_link() && !share.is_disabled);
    links.map(|(id, share)| SharedLink {
        share: id.clone(),
        resource: share.resource.clone(),
        sort: share.resource_sort.clone(),
        roles: share.roles.clone(),
        since: share.created_at,
        by: share.created_by.clone(),
    })
}

/// Something that is shared by a link: whoever has it may open it, even without an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharedLink {
    /// The share.
    pub share: Id,
    /// What is shared.
    pub resource: Option<String>,
    /// What kind of resource that is, such as `app`; as written.
    pub sort: Option<String>,
    /// What it allows, as the source writes it.
    pub roles: BTreeSet<String>,
    /// When it was created.
    pub since: Option<Timestamp>,
    /// Who created it.
    pub by: Option<Id>,
}

/// A page of a list of spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpacesPage {
    /// The spaces, in the order of their ids.
    pub page: AccessPage<ListedSpace, Id>,
    /// When the last reading of all spaces began that was complete by then; `None` if there was
    /// none.
    pub read_at: Option<Timestamp>,
}

/// What a user owns, as far as that is known: spaces. The envelope says that a user may own more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owned {
    /// The user; `None` if there was no such user then.
    pub user: Option<AccessPerson>,
    /// A page of the spaces.
    pub spaces: SpacesPage,
}

/// A space as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedSpace {
    /// The space.
    pub space: SpaceMention,
    /// Its owner; `None` if it has none, or the source does not say.
    pub owner: Option<SpaceOwner>,
    /// When the source created it.
    pub created_at: Option<Timestamp>,
    /// How many assignments it has; `None` if they were never visible.
    pub assignments: Option<u64>,
    /// How many shares it has; `None` if they were never visible.
    pub shares: Option<u64>,
    /// What it shares by links.
    pub links: Vec<SharedLink>,
    /// The parts that were not visible when it was last read: what is shown of them may be out of
    /// date.
    pub unseen: BTreeSet<SpacePart>,
}

/// The owner of a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceOwner {
    /// The user.
    pub id: UserId,
    /// The user; `None` if there was no such user then.
    pub user: Option<AccessPerson>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, SpaceHead, SpaceId};

    #[test]
    fn a_space_must_match_all_that_is_given() {
        let id = |n: u8| Id::parse(&format!("{n:024x}")).unwrap();
        let owner = |n| Some(UserId(id(n)));
        let text = |text: &str| Some(text.to_owned());
        let space = Space {
            id: SpaceId(id(9)),
            head: SpaceHead {
                name: "Sales EMEA".into(),
                sort: text("managed"),
                owner: owner(1),
                created_at: None,
                unseen: BTreeSet::new(),
            },
            assignments: None,
            shares: None,
        };
        for (owner, sort, name, expected) in [
            (None, None, None, true),
            (owner(1), text("Managed"), text("emea"), true),
            (owner(2), None, None, false),
            (owner(1), text("data"), None, false),
            (None, None, text("apac"), false),
        ] {
            let choice = SpaceChoice {
                owner,
                sort,
                name,
                only_by_link: false,
            };

            assert_eq!(choice.takes(&space), expected, "{choice:?}");
        }
    }
}
