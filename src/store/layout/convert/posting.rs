//! Posting lists: which there are, and what changed in them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::UserId;
use crate::store::layout::v8::posting as v8;
use crate::store::values::posting::{
    PostedGroup, PostingChanges, PostingList, PostingStage, Postings,
};

use super::same_words;

same_words! {
    PostingStage = v8::PostingStage { Groups, Users, Ended, TooMany }
}

impl From<&Postings> for v8::Postings {
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

impl From<v8::Postings> for Postings {
    fn from(postings: v8::Postings) -> Self {
        let v8::Postings {
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

impl From<&PostedGroup> for v8::PostedGroup {
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

impl From<v8::PostedGroup> for PostedGroup {
    fn from(group: v8::PostedGroup) -> Self {
        match group {
            v8::PostedGroup::Members { build } => Self::Members { build },
            v8::PostedGroup::Unknown { member } => Self::Unknown { member },
            v8::PostedGroup::Doubtful { build } => Self::Doubtful { build },
        }
    }
}

impl From<&PostingList> for v8::PostingList {
    fn from(list: &PostingList) -> Self {
        match list {
            PostingList::Role(id) => Self::Role(id.clone()),
            PostingList::Group(id) => Self::Group(id.clone()),
            PostingList::HiddenRoles => Self::HiddenRoles,
            PostingList::HiddenGroups => Self::HiddenGroups,
        }
    }
}

impl From<v8::PostingList> for PostingList {
    fn from(list: v8::PostingList) -> Self {
        match list {
            v8::PostingList::Role(id) => Self::Role(id),
            v8::PostingList::Group(id) => Self::Group(id),
            v8::PostingList::HiddenRoles => Self::HiddenRoles,
            v8::PostingList::HiddenGroups => Self::HiddenGroups,
        }
    }
}

impl From<&PostingChanges> for v8::PostingLog {
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

impl From<v8::PostingLog> for PostingChanges {
    fn from(v8::PostingLog { users, lists }: v8::PostingLog) -> Self {
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
