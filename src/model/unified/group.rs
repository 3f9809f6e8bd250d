//! A group in the unified schema.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{IamRole, UnifiedId};
use crate::model::{Coded, Group, GroupId, GroupType, Kind, Timestamp};

/// StackOne's `IamGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamGroup<'a> {
    pub id: Option<UnifiedId<'a>>,
    pub remote_id: Option<&'a GroupId>,
    pub name: Option<&'a str>,
    pub description: Option<&'a str>,
    #[serde(rename = "type")]
    pub group_type: Option<&'a Coded<GroupType>>,
    pub roles: Option<Vec<IamRole<'a>>>,
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
            roles: roles.as_ref().map(IamRole::references),
            created_at: *created_at,
            updated_at: *updated_at,
            unified_custom_fields: Some(GroupFields {
                idp_id: idp_id.as_deref(),
                status: status.as_deref(),
            }),
            ..Self::reference(id, name)
        }
    }

    /// Returns the short form of the group that other records use to refer to it.
    pub(super) fn reference(id: &'a GroupId, name: &'a str) -> Self {
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

    pub(super) fn references(groups: &'a BTreeMap<GroupId, String>) -> Vec<Self> {
        groups
            .iter()
            .map(|(id, name)| Self::reference(id, name))
            .collect()
    }
}
