//! Posting lists: which users have a role assigned, or are in a group that gives roles.
//!
//! Every role has a list. A group gets a list once it gives a role, and keeps it from then on.
//! Other groups get none: they have many times more memberships, and nobody asks for those. If
//! users mention a group that is not known, one member is noted, so that an answer can name the
//! group.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Group, GroupId, RoleId, User, UserId};

/// The most groups of a tenant that may have lists, or be mentioned without being known. One row
/// names them all. A tenant with more gets no lists, and its users are read one by one.
pub const MAX_POSTED_GROUPS: usize = 5_000;

/// Which users a posting list contains.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PostingList {
    /// Users to whom this role is assigned.
    Role(RoleId),
    /// The members of this group.
    Group(GroupId),
    /// Users whose assigned roles are not visible.
    HiddenRoles,
    /// Users whose groups are not visible.
    HiddenGroups,
}

impl PostingList {
    /// Returns the lists that would contain a user if every group had a list.
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

/// What is stored about the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostedGroup {
    /// A list of its members. It is complete once this build has ended.
    Members {
        /// The build.
        build: u32,
    },
    /// One member, because the group is not known.
    Unknown {
        /// The member.
        member: UserId,
    },
    /// Nothing yet: the group is not known, and this build finds out whether it has members.
    Doubtful {
        /// The build.
        build: u32,
    },
}

/// How far a build of posting lists has got. A build reads all users of a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PostingStage {
    /// It finds the groups that give roles.
    Groups,
    /// It reads users.
    Users,
    /// It has ended.
    Ended,
    /// There are no lists, because there would be too many.
    TooMany,
}

/// Which posting lists a tenant has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postings {
    /// The number of the build that is under way, or of the last one if none is. The first build
    /// makes the lists of roles.
    pub build: u32,
    /// How far the build has got.
    pub stage: PostingStage,
    /// The groups that have lists, and those that are not known but may be mentioned by users.
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

    /// Returns whether the lists must follow changes of users.
    pub fn is_kept(&self) -> bool {
        self.stage != PostingStage::TooMany
    }

    /// Returns whether a list exists, complete or not.
    pub fn has_list(&self, list: &PostingList) -> bool {
        match list {
            PostingList::Role(_) | PostingList::HiddenRoles | PostingList::HiddenGroups => true,
            PostingList::Group(group) => {
                matches!(self.groups.get(group), Some(PostedGroup::Members { .. }))
            }
        }
    }

    /// Returns whether a list contains all its users.
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

    /// Returns the groups that are mentioned but not known, each with one member; `None` if it is
    /// not certain which groups these are.
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

    /// Notes how a group is now; `None` if it no longer exists.
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

    /// Notes that a user is in a group that is not known and has no list.
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

    /// Notes that a user has left a group.
    pub fn note_left(&mut self, id: &GroupId, user: &UserId) {
        let build = self.next_build();
        if let Some(PostedGroup::Unknown { member }) = self.groups.get(id)
            && member == user
        {
            let doubtful = PostedGroup::Doubtful { build };
            self.groups.insert(id.clone(), doubtful);
        }
    }

    /// Gives up all lists if there are too many groups.
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

/// Returns whether a group visibly gives roles.
fn gives(group: &Group) -> bool {
    group.roles.as_ref().is_some_and(|roles| !roles.is_empty())
}

/// What changed in posting lists: whether each user is in each list afterwards.
pub type PostingChanges = BTreeMap<PostingList, BTreeMap<UserId, bool>>;
