//! A role in the unified schema.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::{IamPolicy, unified_id};
use crate::model::{Coded, Kind, Role, RoleId, RoleType, Timestamp};

/// StackOne's `IamRole`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamRole {
    pub id: Option<String>,
    pub remote_id: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    #[serde(rename = "type")]
    pub role_type: Option<Coded<RoleType>>,
    pub policies: Option<Vec<IamPolicy>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub unified_custom_fields: Option<Value>,
}

impl IamRole {
    /// Returns the whole role.
    pub fn of(role: &Role) -> Self {
        Self {
            description: role.description.clone(),
            role_type: Some(role.role_type.clone()),
            policies: IamPolicy::all_of(role),
            created_at: role.created_at,
            updated_at: role.updated_at,
            unified_custom_fields: Some(json!({
                "level": role.level,
                "origin": role.origin,
            })),
            ..Self::reference(&role.id, &role.name)
        }
    }

    /// Returns what stands for the role where another record mentions it.
    pub(super) fn reference(id: &RoleId, name: &str) -> Self {
        Self {
            id: Some(unified_id(Kind::Role, &id.0)),
            remote_id: Some(id.to_string()),
            name: Some(name.to_owned()),
            description: None,
            role_type: None,
            policies: None,
            created_at: None,
            updated_at: None,
            unified_custom_fields: None,
        }
    }

    pub(super) fn references(roles: &BTreeMap<RoleId, String>) -> Vec<Self> {
        roles
            .iter()
            .map(|(id, name)| Self::reference(id, name))
            .collect()
    }
}
