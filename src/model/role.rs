//! A role: a named bundle of permissions.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Coded, RoleId, RoleType, Timestamp};

/// A role of a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The source's immutable id: the role's identity.
    pub id: RoleId,
    /// The role's name, such as `TenantAdmin`.
    pub name: String,
    /// What the role is for.
    pub description: Option<String>,
    /// The kind of access that it gives.
    pub role_type: Coded<RoleType>,
    /// `default` for the source's own roles, `custom` for the tenant's; as written.
    pub origin: Option<String>,
    /// `admin` or `user`; as written.
    pub level: Option<String>,
    /// Permissions of the role. `None` if they are not visible to us.
    pub permissions: Option<BTreeSet<String>>,
    /// Scopes that the role assigns. `None` if they are not visible to us.
    pub scopes: Option<BTreeSet<String>>,
    /// When the source created the role.
    pub created_at: Option<Timestamp>,
    /// When the source says it last changed. Not content.
    pub updated_at: Option<Timestamp>,
}

impl Role {
    /// The name of the source's own role that grants all rights in a tenant. Its holders may assign
    /// any role to any user, themselves included.
    pub const TENANT_ADMIN: &str = "TenantAdmin";

    /// Makes a role of which nothing else is known.
    pub fn new(id: RoleId, name: impl Into<String>, role_type: Coded<RoleType>) -> Self {
        Self {
            id,
            name: name.into(),
            description: None,
            role_type,
            origin: None,
            level: None,
            permissions: None,
            scopes: None,
            created_at: None,
            updated_at: None,
        }
    }
}
