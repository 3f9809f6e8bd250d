//! Posting lists: which users have a role assigned, or are in a group that gives roles.
//!
//! Every role has a list. A group has one once it gives a role, and keeps it: memberships of the
//! other groups are many times more, and nobody asks for them. Of a group that users mention and
//! that is not known, one member is noted, so that an answer can name the group.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Group, GroupId, RoleId, User, UserId};

/// The most groups that have lists or are mentioned and not known, in a tenant. One row says which
/// they are. A tenant with more gets no lists, and its users are read one by one.
pub const MAX_POSTED_GROUPS: usize = 5_000;

/// What a posting list has users of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostingList {
    /// Those to whom this role is assigned.
    Role(RoleId),
    /// The members of this group.
    Group(GroupId),
    /// Those whose assigned roles are not visible.
    HiddenRoles,
    /// Those whose groups are not visible.
    HiddenGroups,
}

impl PostingList {
    /// Returns the lists that have a user, if every group had one.
    pub fn of(user: &User) -> BTreeSet<Self> {
        let mut lists = BTreeSet::new();
        match &user.roles {
            Some(roles) => lists.extend(roles.keys().cloned().map(Self::Role)),
            None => drop(lists.insert(Self::HiddenRoles)),
        }
        match &user.groups {
            Some(groups) => lists.extend(groups.keys().cloned().map(Self::Group)),
            None => drop(lists.insert(Self::HiddenGroups)),
        }
        lists
    }
}

/// What is kept of the users of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostedGroup {
    /// A list of its members, which is complete once this build has ended.
    Members {
        /// The build.
        build: u32,
    },
    /// One member, since the group is not known.
    Unknown {
        /// The member.
        member: UserId,
    },
    /// Nothing: the group is not known, and this build finds out whether it has members.
    Doubtful {
        /// The build.
        build: u32,
    },
}

/// How far a build of lists is. A build reads all users of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostingStage {
    /// It finds the groups that give roles.
    Groups,
    /// It reads users.
    Users,
    /// It has ended.
    Ended,
    /// There are no lists, since there would be too many.
    TooMany,
}

/// Which posting lists a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postings {
    /// The number of the build that goes on, or else of the last one. The first one makes the lists
    /// of roles.
    pub build: u32,
    /// How far it is.
    pub stage: PostingStage,
    /// The groups that have lists or are mentioned and not known.
    pub groups: BTreeMap<GroupId, PostedGroup>,
}

impl Postings {
    /// Begins the first build.
    pub fn begin() -> Self {
        Self {
            build: 1,
            stage: PostingStage::Groups,
            groups: BTreeMap::new(),
        }
    }

    /// Returns whether changes of users are noted.
    pub fn is_kept(&self) -> bool {
        self.stage != PostingStage::TooMany
    }

    /// Returns whether there is a list, complete or not.
    pub fn has_list(&self, list: &PostingList) -> bool {
        match list {
            PostingList::Role(_) | PostingList::HiddenRoles | PostingList::HiddenGroups => true,
            PostingList::Group(group) => {
                matches!(self.groups.get(group), Some(PostedGroup::Members { .. }))
            }
        }
    }

    /// Returns whether a list has all its users.
    pub fn is_complete(&self, list: &PostingList) -> bool {
        match list {
            PostingList::Role(_) | PostingList::HiddenRoles | PostingList::HiddenGroups => {
                self.has_ended(1)
            }
            PostingList::Group(group) => match self.groups.get(group) {
                Some(PostedGroup::Members { build }) => self.has_ended(*build),
                Some(PostedGroup::Unknown { .. } | PostedGroup::Doubtful { .. }) | None => false,
            },
        }
    }

    /// Returns the groups that are not known, each with a member; `None` if it is not certain which
    /// they are.
    pub fn unknown(&self) -> Option<BTreeMap<GroupId, UserId>> {
        if !self.has_ended(1) {
            return None;
        }
        let mut unknown = BTreeMap::new();
        for (id, group) in &self.groups {
            match group {
                PostedGroup::Members { .. } => {}
                PostedGroup::Unknown { member } => {
                    unknown.insert(id.clone(), member.clone());
                }
                PostedGroup::Doubtful { .. } => return None,
            }
        }
        Some(unknown)
    }

    /// Returns whether there is something to build.
    pub fn wants_build(&self) -> bool {
        match self.stage {
            PostingStage::Groups | PostingStage::Users => true,
            PostingStage::Ended => self.groups.values().any(|group| match group {
                PostedGroup::Members { build } | PostedGroup::Doubtful { build } => {
                    *build > self.build
                }
                PostedGroup::Unknown { .. } => false,
            }),
            PostingStage::TooMany => false,
        }
    }

    /// Takes in a group as it is now; `None` if it is gone.
    pub fn note_group(&mut self, id: &GroupId, group: Option<&Group>) {
        let build = self.next_build();
        let kept = self.groups.get(id);
        let has_list = matches!(kept, Some(PostedGroup::Members { .. }));
        match group {
            Some(group) if gives(group) && !has_list => {
                let members = PostedGroup::Members { build };
                self.groups.insert(id.clone(), members);
            }
            Some(_) if !has_list => drop(self.groups.remove(id)),
            None if kept.is_none() => {
                let doubtful = PostedGroup::Doubtful { build };
                self.groups.insert(id.clone(), doubtful);
            }
            Some(_) | None => {}
        }
    }

    /// Takes in that a user is in a group that is not known and has no list.
    pub fn note_unknown(&mut self, id: &GroupId, member: &UserId) {
        match self.groups.get(id) {
            None | Some(PostedGroup::Doubtful { .. }) => {
                let member = member.clone();
                self.groups
                    .insert(id.clone(), PostedGroup::Unknown { member });
            }
            Some(PostedGroup::Members { .. } | PostedGroup::Unknown { .. }) => {}
        }
    }

    /// Takes in that a user has left a group.
    pub fn note_left(&mut self, id: &GroupId, user: &UserId) {
        let build = self.next_build();
        if let Some(PostedGroup::Unknown { member }) = self.groups.get(id)
            && member == user
        {
            let doubtful = PostedGroup::Doubtful { build };
            self.groups.insert(id.clone(), doubtful);
        }
    }

    /// Gives the lists up if there are too many.
    pub fn limit(&mut self) {
        if self.groups.len() > MAX_POSTED_GROUPS {
            self.stage = PostingStage::TooMany;
            self.groups.clear();
        }
    }

    /// Returns the number of the first build that has not begun to read users.
    fn next_build(&self) -> u32 {
        match self.stage {
            PostingStage::Groups => self.build,
            PostingStage::Users | PostingStage::Ended | PostingStage::TooMany => self.build + 1,
        }
    }

    fn has_ended(&self, build: u32) -> bool {
        match self.stage {
            PostingStage::Groups | PostingStage::Users => build < self.build,
            PostingStage::Ended => build <= self.build,
            PostingStage::TooMany => false,
        }
    }
}

/// Returns whether a group gives roles, as far as is visible.
fn gives(group: &Group) -> bool {
    group.roles.as_ref().is_some_and(|roles| !roles.is_empty())
}

/// What changed in posting lists: whether each user is in each list afterwards.
pub type PostingChanges = BTreeMap<PostingList, BTreeMap<UserId, bool>>;
