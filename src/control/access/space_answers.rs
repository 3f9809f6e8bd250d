//! The answers about who can open a space.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::access::{ShareGrant, SpaceGrant};
use crate::model::{
    Assignee, Id, RoleMention, SpaceAssignment, SpaceMention, SpacePart, SpaceShare, Timestamp,
    UserId,
};

use super::answers::{AccessPerson, Envelope};
use crate::control::SpacePosition;

/// A page of who can open a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceAccess {
    /// What the answer rests on.
    pub envelope: Envelope,
    /// When the last reading of all spaces began that was complete by then; `None` if there was
    /// none.
    pub read_at: Option<Timestamp>,
    /// The spaces that have the requested id or name, or share the app, in the order of their ids.
    /// If there is exactly one, the answer describes it; otherwise this is a page of them.
    pub found: Vec<SpaceMention>,
    /// The space; `None` if no space or several have that name.
    pub space: Option<SpaceShown>,
    /// The users who have a path of their own, or those who could take a role if the question is
    /// about them.
    pub rows: Vec<SpaceRow>,
    /// Where the next page begins; `None` if this is the last one.
    pub next: Option<SpacePosition>,
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
    /// The parts that were not visible when it was last read: what is shown of them may be out of
    /// date.
    pub unseen: BTreeSet<SpacePart>,
    /// What every user has, with the number of users.
    pub everybody: Option<SpaceEverybody>,
    /// The names of the groups in the paths on this page, and of the users who created what gives
    /// them, as far as they are known.
    pub names: BTreeMap<Id, String>,
    /// What is assigned to a group or to something that we do not know, and what is shared, as far
    /// as it is on this page.
    pub entries: Vec<SpaceEntry>,
}

/// What every user has in a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceEverybody {
    /// The paths to the space.
    pub grants: Vec<SpaceGrant>,
    /// The paths to single apps.
    pub shares: Vec<ShareGrant>,
    /// How many users there are.
    pub users: u64,
}

/// An assignment to something other than a user of this tenant, or a share.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpaceEntry {
    /// A group or something else is assigned.
    Assigned {
        /// Which.
        assignee: Assignee,
        /// The group's name; `None` if it is not a group, or its name is not known.
        name: Option<String>,
        /// What it is assigned.
        assignment: SpaceAssignment,
    },
    /// Something is shared without the rest of the space.
    Shared {
        /// The share.
        id: Id,
        /// The name of the group or user that it is shared with, if known.
        name: Option<String>,
        /// What is shared with whom.
        share: SpaceShare,
    },
}

/// The access of one user to a space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRow {
    /// The user.
    pub user: AccessPerson,
    /// Every path to the space, including the paths that all users have.
    pub grants: Vec<SpaceGrant>,
    /// Every path to single apps of it.
    pub shares: Vec<ShareGrant>,
    /// The role in the tenant by which the user may take any role in the space; `None` if there is
    /// none.
    pub could_by: Option<RoleMention>,
}
