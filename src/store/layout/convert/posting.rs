//! Converts what is stored about posting lists: which there are, and what changed in them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::UserId;
use crate::store::layout::v9::posting as v9;
use crate::store::values::posting::{
    PostedGroup, PostingChanges, PostingList, PostingStage, Postings,
};

use super::same_words;

same_words! {
    PostingStage = v9::PostingStage { Groups, Users, Ended, TooMany }
}

impl From<&Postings> for v9::Postings {
    fn from(postings: &Postings) -> Self {
        let Postings {
            build,
            stage,
            groups,
        } = postings;
        let groups = groups.iter();
        Self {
            build: *build,
            stage: (*stage).into(),
            groups: groups
                .map(|(id, group)| (id.clone(), group.into()))
                .collect(),
        }
    }
}

impl From<v9::Postings> for Postings {
    fn from(postings: v9::Postings) -> Self {
        let v9::Postings {
            build,
            stage,
            groups,
        } = postings;
        let groups = groups.into_iter();
        Self {
            build,
            stage: stage.into(),
            groups: groups.map(|(id, group)| (id, group.into())).collect(),
        }
    }
}

impl From<&PostedGroup> for v9::PostedGroup {
    fn from(group: &PostedGroup) -> Self {
        match group {
            PostedGroup::Members { build } => Self::Members { build: *build },
            PostedGroup::Unknown { member } => Self::Unknown {
                member: member.clone(),
            },
            PostedGroup::Doubtful { build } => Self::Doubtful { build: *build },
        }
    }
}

impl From<v9::PostedGroup> for PostedGroup {
    fn from(group: v9::PostedGroup) -> Self {
        match group {
            v9::PostedGroup::Members { build } => Self::Members { build },
            v9::PostedGroup::Unknown { member } => Self::Unknown { member },
            v9::PostedGroup::Doubtful { build } => Self::Doubtful { build },
        }
    }
}

impl From<&PostingList> for v9::PostingList {
    fn from(list: &PostingList) -> Self {
        match list {
            PostingList::Role(id) => Self::Role(id.clone()),
            PostingList::Group(id) => Self::Group(id.clone()),
            PostingList::HiddenRoles => Self::HiddenRoles,
            PostingList::HiddenGroups => Self::HiddenGroups,
        }
    }
}

impl From<v9::PostingList> for PostingList {
    fn from(list: v9::PostingList) -> Self {
        match list {
            v9::PostingList::Role(id) => Self::Role(id),
            v9::PostingList::Group(id) => Self::Group(id),
            v9::PostingList::HiddenRoles => Self::HiddenRoles,
            v9::PostingList::HiddenGroups => Self::HiddenGroups,
        }
    }
}

impl From<&PostingChanges> for v9::PostingLog {
    fn from(changes: &PostingChanges) -> Self {
        let users: BTreeSet<&UserId> = changes.values().flat_map(BTreeMap::keys).collect();
        let places: BTreeMap<&UserId, u32> = users.iter().copied().zip(0..).collect();
        let lists = changes.iter().map(|(list, of_list)| {
            let (mut added, mut removed) = (Vec::new(), Vec::new());
            for (user, is_in) in of_list {
                match is_in {
                    true => added.extend(places.get(user)),
                    false => removed.extend(places.get(user)),
                }
            }
            (list.into(), added, removed)
        });
        Self {
            lists: lists.collect(),
            users: users.iter().map(|user| (*user).clone()).collect(),
        }
    }
}

impl From<v9::PostingLog> for PostingChanges {
    fn from(v9::PostingLog { users, lists }: v9::PostingLog) -> Self {
        let user = |place: u32| users.get(usize::try_from(place).ok()?).cloned();
        let lists = lists.into_iter().map(|(list, added, removed)| {
            let added = added.into_iter().filter_map(user).map(|user| (user, true));
            let removed = removed.into_iter().filter_map(user);
            let removed = removed.map(|user| (user, false));
            (list.into(), added.chain(removed).collect())
        });
        lists.collect()
    }
}
