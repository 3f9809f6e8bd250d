//! What can happen in a company, in typed form and in a sentence.

use std::fmt;

use crate::model::{GroupId, RoleId, UserId};

/// What was done in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its place in the story, from 1.
    pub number: u64,
    /// What happened.
    pub happening: Happening,
}

/// One thing that happens in a company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// Somebody joined, in a group where there is one.
    Joined {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// Somebody was given a role.
    GainedRole {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
        /// Which.
        role: RoleId,
        /// Its name.
        role_name: String,
    },
    /// Somebody lost a role.
    LostRole {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
        /// Which.
        role: RoleId,
        /// Its name.
        role_name: String,
    },
    /// Somebody went from one department to another.
    Moved {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
        /// From where. `None` if they were in no department.
        from: Option<GroupId>,
        /// To where.
        to: GroupId,
        /// Its name.
        to_name: String,
    },
    /// A user changed name and e-mail address.
    Renamed {
        /// Who.
        user: UserId,
        /// The name before.
        before: String,
        /// The name since.
        after: String,
    },
    /// Somebody may no longer log in.
    Disabled {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// Somebody may log in again, or for the first time.
    Enabled {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// Somebody left and was deleted.
    Left {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// Somebody was deleted and came back under another id.
    CameBack {
        /// The id that is gone.
        before: UserId,
        /// The id since.
        after: UserId,
        /// Their name.
        name: String,
    },
    /// Somebody's record says that it changed, although nothing did.
    Touched {
        /// Who.
        user: UserId,
        /// Their name.
        name: String,
    },
    /// A group was renamed.
    GroupRenamed {
        /// Which.
        group: GroupId,
        /// The name before.
        before: String,
        /// The name since.
        after: String,
    },
    /// A group gave a role to all its members.
    GroupGainedRole {
        /// Which group.
        group: GroupId,
        /// Its name.
        name: String,
        /// Which role.
        role: RoleId,
        /// The role's name.
        role_name: String,
    },
    /// A group was founded.
    GroupFounded {
        /// Which.
        group: GroupId,
        /// Its name.
        name: String,
    },
    /// The description of a role was changed.
    RoleDescribed {
        /// Which.
        role: RoleId,
        /// Its name.
        name: String,
    },
}

impl Happening {
    /// Returns the id and name, as they are since, of the person concerned, if there is one.
    pub fn user(&self) -> Option<(UserId, String)> {
        let (user, name) = match self {
            Self::Joined { user, name }
            | Self::GainedRole { user, name, .. }
            | Self::LostRole { user, name, .. }
            | Self::Moved { user, name, .. }
            | Self::Renamed {
                user, after: name, ..
            }
            | Self::Disabled { user, name }
            | Self::Enabled { user, name }
            | Self::Left { user, name }
            | Self::CameBack {
                after: user, name, ..
            }
            | Self::Touched { user, name } => (user, name),
            Self::GroupRenamed { .. }
            | Self::GroupGainedRole { .. }
            | Self::GroupFounded { .. }
            | Self::RoleDescribed { .. } => return None,
        };
        Some((user.clone(), name.clone()))
    }
}

impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joined { name, .. } => write!(f, "{name} joins"),
            Self::GainedRole {
                name, role_name, ..
            } => write!(f, "{name} gains {role_name}"),
            Self::LostRole {
                name, role_name, ..
            } => write!(f, "{name} loses {role_name}"),
            Self::Moved { name, to_name, .. } => write!(f, "{name} moves to {to_name}"),
            Self::Renamed { before, after, .. } => write!(f, "{before} is now {after}"),
            Self::Disabled { name, .. } => write!(f, "{name} is disabled"),
            Self::Enabled { name, .. } => write!(f, "{name} is enabled"),
            Self::Left { name, .. } => write!(f, "{name} leaves"),
            Self::CameBack { name, .. } => write!(f, "{name} leaves and comes back"),
            Self::Touched { name, .. } => write!(f, "{name} is saved without a change"),
            Self::GroupRenamed { before, after, .. } => {
                write!(f, "the group {before} is now {after}")
            }
            Self::GroupGainedRole {
                name, role_name, ..
            } => write!(f, "everybody in {name} gains {role_name}"),
            Self::GroupFounded { name, .. } => write!(f, "the group {name} is founded"),
            Self::RoleDescribed { name, .. } => write!(f, "the role {name} has a new description"),
        }
    }
}
