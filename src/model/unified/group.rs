//! A group in the unified schema.

use serde::Serialize;
use serde_json::{Value, json};

use super::{IamRole, unified_id};
use crate::model::{Coded, Group, GroupId, GroupType, Kind, Timestamp};

/// StackOne's `IamGroup`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamGroup {
    pub id: Option<String>,
    pub remote_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    #[serde(rename = "type")]
    pub group_type: Option<Coded<GroupType>>,
    pub roles: Option<Vec<IamRole>>,
    pub parent_id: Option<String>,
    pub remote_parent_id: Option<String>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub unified_custom_fields: Option<Value>,
}

impl IamGroup {
    /// Returns the whole group.
    pub fn of(group: &Group) -> Self {
        Self {
            description: group.description.clone(),
            group_type: Some(group.group_type.clone()),
            roles: group.roles.as_ref().map(IamRole::references),
            created_at: group.created_at,
            updated_at: group.updated_at,
            unified_custom_fields: Some(json!({
                "idp_id": group.idp_id,
                "status": group.status,
            })),
            ..Self::reference(&group.id, &group.name)
        }
    }

    /// Returns what stands for the group where another record mentions it.
    pub(super) fn reference(id: &GroupId, name: &str) -> Self {
        Self {
            id: Some(unified_id(Kind::Group, &id.0)),
            remote_id: Some(id.to_string()),
            name: Some(name.to_owned()),
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
