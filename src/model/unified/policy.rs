//! Policies: what a role permits, list by list.

use std::collections::BTreeSet;

use serde::Serialize;

use super::id::composed;
use crate::model::{Coded, Field, RoleId, Timestamp};

/// StackOne's `IamPolicy`: one of the lists of permissions that a role carries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamPolicy<'a> {
    pub id: Option<String>,
    pub remote_id: Option<String>,
    pub name: Option<&'a str>,
    pub permissions: Option<Vec<IamPermission<'a>>>,
    pub description: Option<&'a str>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// StackOne's `IamPermission`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(
    missing_docs,
    reason = "the fields are StackOne's; docs/mapping.md explains each"
)]
pub struct IamPermission<'a> {
    pub id: Option<String>,
    pub remote_id: Option<&'a str>,
    pub name: Option<&'a str>,
    #[serde(rename = "type")]
    pub permission_type: Option<Coded<PermissionType>>,
    pub resources: Option<Vec<()>>,
    pub description: Option<&'a str>,
    pub created_at: Option<Timestamp>,
    pub updated_at: Option<Timestamp>,
}

/// What a permission allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PermissionType {
    /// Viewing.
    Read,
    /// Exporting.
    Export,
    /// Something else, which StackOne has no word for.
    UnmappedValue,
}

impl<'a> IamPolicy<'a> {
    /// Returns a role's policies; `None` if no list of permissions is visible.
    pub(super) fn all_of(
        role: &RoleId,
        permissions: Option<&'a BTreeSet<String>>,
        scopes: Option<&'a BTreeSet<String>>,
    ) -> Option<Vec<Self>> {
        let lists = [
            (Field::RolePermissions, permissions),
            (Field::RoleScopes, scopes),
        ];
        let visible: Vec<_> = lists
            .into_iter()
            .filter_map(|(field, list)| Some(Self::of(role, field.name(), list?)))
            .collect();
        (!visible.is_empty()).then_some(visible)
    }

    fn of(role: &RoleId, list: &'static str, names: &'a BTreeSet<String>) -> Self {
        Self {
            id: Some(composed(&format!("policy_id:{role}/{list}"))),
            remote_id: Some(format!("{role}/{list}")),
            name: Some(list),
            permissions: Some(names.iter().map(|name| IamPermission::of(name)).collect()),
            description: None,
            created_at: None,
            updated_at: None,
        }
    }
}

impl<'a> IamPermission<'a> {
    fn of(name: &'a str) -> Self {
        let permission_type = match name.rsplit_once([':', '.']) {
            Some((_, "read")) => PermissionType::Read,
            Some((_, "export")) => PermissionType::Export,
            Some(_) | None => PermissionType::UnmappedValue,
        };
        Self {
            id: Some(composed(&format!("permission_id:{name}"))),
            remote_id: Some(name),
            name: Some(name),
            permission_type: Some(Coded::new(permission_type, name)),
            resources: None,
            description: None,
            created_at: None,
            updated_at: None,
        }
    }
}
