//! A role in the unified schema.

use serde::Serialize;

use super::{IamPolicy, UnifiedId};
use crate::model::{Coded, Kind, Role, RoleId, RoleType, Timestamp};

/// StackOne's `IamRole`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamRole<'a> {
    pub id: Option<UnifiedId<'a>>,
    pub remote_id: Option<&'a RoleId>,
    pub name: Option<&'a str>,
    pub description: Option<&'a str>,
    #[serde(rename = "type")]
    pub role_type: Option<&'a Coded<RoleType>>,
    pub policies: Option<Vec<IamPolicy<'a>>>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
    pub unified_custom_fields: Option<RoleFields<'a>>,
}

/// What Qlik says about a role that StackOne has no field for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are Qlik's; docs/mapping.md explains each"
)]
pub struct RoleFields<'a> {
    pub level: Option<&'a str>,
    pub origin: Option<&'a str>,
}

impl<'a> IamRole<'a> {
    /// Returns the whole role.
    pub fn of(role: &'a Role) -> Self {
        let Role {
            id,
            name,
            description,
            role_type,
            origin,
            level,
            permissions,
            scopes,
            created_at,
            updated_at,
        } = role;
        Self {
            description: description.as_deref(),
            role_type: Some(role_type),
            policies: IamPolicy::all_of(id, permissions.as_ref(), scopes.as_ref()),
            created_at: *created_at,
            updated_at: *updated_at,
            unified_custom_fields: Some(RoleFields {
                level: level.as_deref(),
                origin: origin.as_deref(),
            }),
            ..Self::reference(id, name)
        }
    }

    /// Returns the short form of the role that other records use to refer to it.
    pub fn reference(id: &'a RoleId, name: &'a str) -> Self {
        Self {
            id: Some(UnifiedId::of(Kind::Role, &id.0)),
            remote_id: Some(id),
            name: Some(name),
            description: None,
            role_type: None,
            policies: None,
            created_at: None,
            updated_at: None,
            unified_custom_fields: None,
        }
    }
}
