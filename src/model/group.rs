//! A group: a set of users that can hold roles.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Coded, GroupId, GroupType, RoleId, Timestamp};

/// A group of a tenant. Its members are found in the `groups` of users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The source's immutable id: the group's identity. Names are not unique.
    pub id: GroupId,
    /// The group's name.
    pub name: String,
    /// What the group is for.
    pub description: Option<String>,
    /// What it stands for; the source value is `idp`, `custom` or `system`.
    pub group_type: Coded<GroupType>,
    /// `active` or `disabled`; as written.
    pub status: Option<String>,
    /// The group's id at the identity provider.
    pub idp_id: Option<String>,
    /// Roles that every member holds, with their last known names. `None` if they are not visible
    /// to us.
    pub roles: Option<BTreeMap<RoleId, String>>,
    /// When the source created the group.
    pub created_at: Option<Timestamp>,
    /// When the source says it last changed. Not content.
    pub updated_at: Option<Timestamp>,
}

impl Group {
    /// Returns whether its members come from an identity provider, which tells them to the source
    /// only when they log in.
    pub fn is_of_idp(&self) -> bool {
        self.group_type.source_value.as_deref() == Some("idp")
    }
}
