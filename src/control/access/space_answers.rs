//! The answers about who can open a space.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{ShareWay, SpaceWay};
use crate::model::{
    Assignee, GroupId, Id, RoleMention, SpaceAssignment, SpacePart, SpaceShare, Timestamp, UserId,
};

use super::answers::{AccessPerson, Envelope};
use super::user_spaces::SpaceMention;

/// Who can open a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAccess {
    /// What the answer rests on.
    pub envelope: Envelope,
    /// When the last reading of all spaces began that had ended by then; `None` if there was none.
    pub read_at: Option<Timestamp>,
    /// The spaces that are called so. The answer is about one only if there is one.
    pub found: Vec<SpaceMention>,
    /// The space; `None` if none or several are called so.
    pub space: Option<SpaceShown>,
    /// The users who have a path of their own; or, if that was asked, those who may take a role.
    pub rows: Vec<SpaceRow>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}

/// A space, and what is known of it besides users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceShown {
    /// The space.
    pub space: SpaceMention,
    /// Its owner.
    pub owner: Option<UserId>,
    /// When the source created it.
    pub created_at: Option<Timestamp>,
    /// What of it was not visible at last: what is shown of that may be out of date.
    pub unseen: BTreeSet<SpacePart>,
    /// What every user has, with the number of users.
    pub everybody: Option<SpaceEverybody>,
    /// The names of the groups that are assigned or get a share.
    pub names: BTreeMap<GroupId, String>,
    /// What is assigned to a group or to something that we do not know, and what is shared; the
    /// first few thousand.
    pub entries: Vec<SpaceEntry>,
}

/// What every user has in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceEverybody {
    /// The paths to the space.
    pub ways: Vec<SpaceWay>,
    /// The paths to single apps.
    pub shares: Vec<ShareWay>,
    /// How many users there are.
    pub users: u64,
}

/// Something that stands in a space and is not a user of this tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceEntry {
    /// A group or something else is assigned.
    Assigned {
        /// Which.
        assignee: Assignee,
        /// The group's name; `None` if it is no group or not known.
        name: Option<String>,
        /// What it is assigned.
        assignment: SpaceAssignment,
    },
    /// Something is shared without the rest of the space.
    Shared {
        /// The share.
        id: Id,
        /// The name of the group or user whom it is shared with, if known.
        name: Option<String>,
        /// What is shared with whom.
        share: SpaceShare,
    },
}

/// How a user stands to a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRow {
    /// The user.
    pub user: AccessPerson,
    /// Every path to the space, those that all users have included.
    pub ways: Vec<SpaceWay>,
    /// Every path to single apps of it.
    pub shares: Vec<ShareWay>,
    /// The role in the tenant by which the user may take any role in the space; `None` if there is
    /// none.
    pub could_by: Option<RoleMention>,
}
