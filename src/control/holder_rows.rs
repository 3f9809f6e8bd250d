//! The answers about who holds a role or is in a group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::InheritedPosition;
use crate::model::{GroupId, Id, RoleId, UserId};

/// The users who hold a role, or who are in a group, among those that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holders {
    /// How many users.
    pub users: u64,
    /// How many hold the role directly. For a group, this is the number of its users.
    pub direct: u64,
    /// How many hold it through a group, including those that also hold it directly.
    pub by_group: u64,
    /// For how many more users the roles or groups are not visible.
    pub hidden: u64,
    /// The first users.
    pub first: Vec<HolderRow>,
    /// How many groups give the role.
    pub n_groups: u64,
}

/// A user who holds a role, or who is in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderRow {
    /// The user.
    pub id: UserId,
    /// The user's display name.
    pub label: String,
    /// The e-mail address.
    pub email: Option<String>,
    /// Whether the role is assigned directly.
    pub is_direct: bool,
    /// The groups of the user that give the role.
    pub groups: BTreeMap<GroupId, String>,
}

/// A group that gives a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantingGroup {
    /// The group.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// A page of what a user's groups grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// The roles, each with the groups that give it.
    pub roles: BTreeMap<RoleId, InheritedRole>,
    /// Groups whose roles are not visible.
    pub hidden: BTreeMap<GroupId, String>,
    /// Whether the user's groups are not visible.
    pub is_hidden: bool,
    /// Where the next page begins; `None` if this is the last one.
    #[serde(default)]
    pub next: Option<InheritedPosition>,
}

/// A role that groups grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InheritedRole {
    /// Its name.
    pub name: String,
    /// The groups.
    pub groups: BTreeMap<GroupId, String>,
}

/// The users on a page who hold a role or are in a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldersPage {
    /// The users.
    pub holders: Holders,
    /// The user after which the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}
