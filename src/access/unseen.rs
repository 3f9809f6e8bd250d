//! What cannot be seen of the paths by which a user holds a role.

use serde::{Deserialize, Serialize};

use crate::model::GroupId;

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
    /// This group, of which we know only that the user is in it.
    Group(GroupId),
}
