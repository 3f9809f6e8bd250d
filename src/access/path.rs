//! The paths by which a user comes to a role, and what of them cannot be seen.

use serde::{Deserialize, Serialize};

use crate::model::GroupId;

/// One way in which a user comes to a role. Qlik adds all of them up: there is no way to take a
/// role away from somebody but to remove every path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "group")]
pub enum Path {
    /// The role is assigned to the user.
    Direct,
    /// The user is in a group that gives the role.
    Group(GroupId),
    /// The system group of all users gives the role. Nobody is listed as its member.
    Everyone(GroupId),
    /// It is the role that every user has by default. It cannot be assigned or taken away.
    UserDefault,
}

impl Path {
    /// Returns whether every user has this path.
    pub fn is_everybodys(&self) -> bool {
        match self {
            Self::Everyone(_) | Self::UserDefault => true,
            Self::Direct | Self::Group(_) => false,
        }
    }

    /// Returns the group that gives the role; `None` if no group does.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Group(group) | Self::Everyone(group) => Some(group),
            Self::Direct | Self::UserDefault => None,
        }
    }
}

/// What cannot be seen of a user's access. There may be more paths than are shown.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "group")]
pub enum Unseen {
    /// Which roles are assigned to the user.
    DirectRoles,
    /// Which groups the user is in.
    Groups,
    /// Which roles this group gives.
    RolesOf(GroupId),
    /// This group, of which nothing is known but that the user is in it.
    Group(GroupId),
}
