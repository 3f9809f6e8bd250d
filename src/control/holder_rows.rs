//! Who holds a role or is in a group, as it is answered.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{GroupId, Id, RoleId, UserId};

/// The users who hold a role, or who are in a group, among those that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// How many they are.
    pub users: u64,
    /// To how many it is assigned directly; all, of a group.
    pub direct: u64,
    /// How many hold it by a group; also such as hold it directly.
    pub by_group: u64,
    /// Of how many more users the roles or groups are not visible.
    pub hidden: u64,
    /// The first of them.
    pub first: Vec<HolderRow>,
    /// How many groups give the role.
    pub n_groups: u64,
    /// The first of those.
    pub groups: BTreeMap<GroupId, String>,
}

/// One who holds a role, or who is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRow {
    /// The user.
    pub id: UserId,
    /// What a person calls the user.
    pub label: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether it is assigned directly.
    pub is_direct: bool,
    /// The groups of the user that give the role.
    pub groups: BTreeMap<GroupId, String>,
}

/// What a user's groups give.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// The roles, each with the groups that give it.
    pub roles: BTreeMap<RoleId, InheritedRole>,
    /// Groups whose roles are not visible.
    pub hidden: BTreeMap<GroupId, String>,
    /// Whether the user's groups are not visible.
    pub is_hidden: bool,
}

/// A role that groups give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InheritedRole {
    /// What it is called.
    pub name: String,
    /// The groups.
    pub groups: BTreeMap<GroupId, String>,
}

/// Those of a page of users who hold a role or are in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldersPage {
    /// Who they are.
    pub holders: Holders,
    /// After which user the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}
