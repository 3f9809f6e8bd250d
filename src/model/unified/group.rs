//! A group in the unified schema.

use serde::Serialize;

use super::{IamRole, UnifiedId};
use crate::model::{Coded, Group, GroupId, GroupType, Kind, RoleId, Timestamp};

/// StackOne's `IamGroup`, with its roles in the form of `R`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamGroup<'a, R = IamRole<'a>> {
    pub id: Option<UnifiedId<'a>>,
    pub remote_id: Option<&'a GroupId>,
    pub name: Option<&'a str>,
    pub description: Option<&'a str>,
    #[serde(rename = "type")]
    pub group_type: Option<&'a Coded<GroupType>>,
    pub roles: Option<Vec<R>>,
    pub parent_id: Option<&'a str>,
    pub remote_parent_id: Option<&'a str>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub unified_custom_fields: Option<GroupFields<'a>>,
}

/// What Qlik says about a group that StackOne has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Qlik's; docs/mapping.md explains each"
)]
pub struct GroupFields<'a> {
    pub idp_id: Option<&'a str>,
    pub status: Option<&'a str>,
}

impl<'a> IamGroup<'a> {
    /// Returns the whole group.
    pub fn of(group: &'a Group) -> Self {
        Self::with(group, IamRole::reference)
    }

    /// Returns the short form of the group that other records use to refer to it.
    pub fn reference(id: &'a GroupId, name: &'a str) -> Self {
        Self::bare(id, name)
    }
}

impl<'a, R> IamGroup<'a, R> {
    /// Returns the whole group. `role` returns what is shown of a role that the group mentions by
    /// this id and name.
    pub fn with(group: &'a Group, role: impl Fn(&'a RoleId, &'a str) -> R) -> Self {
        let Group {
            id,
            name,
            description,
            group_type,
            status,
            idp_id,
            roles,
            created_at,
            updated_at,
        } = group;
        Self {
            description: description.as_deref(),
            group_type: Some(group_type),
            roles: roles
                .as_ref()
                .map(|roles| roles.iter().map(|(id, name)| role(id, name)).collect()),
            created_at: *created_at,
            updated_at: *updated_at,
            unified_custom_fields: Some(GroupFields {
                idp_id: idp_id.as_deref(),
                status: status.as_deref(),
            }),
            ..Self::bare(id, name)
        }
    }

    fn bare(id: &'a GroupId, name: &'a str) -> Self {
        Self {
            id: Some(UnifiedId::of(Kind::Group, &id.0)),
            remote_id: Some(id),
            name: Some(name),
            description: None,
            group_type: None,
            roles: None,
            parent_id: None,
            remote_parent_id: None,
            created_at: None,
            updated_at: None,
            unified_custom_fields: None,
        }
    }
}
