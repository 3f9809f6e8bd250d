//! What a role allows, and which roles allow everything.

use std::collections::BTreeSet;

use crate::model::{Role, RoleId};

/// The type of the source's own roles, as [`Role::origin`] has it. A tenant's own role may have the
/// name of one of them.
const OWN: &str = "default";

/// Returns what a role allows. The source lists its own roles' rights as permissions, and those of
/// a tenant's roles as scopes.
pub fn carried(role: &Role) -> impl Iterator<Item = &str> {
    let permissions = role.permissions.iter().flatten();
    let scopes = role.scopes.iter().flatten();
    permissions.chain(scopes).map(String::as_str)
}

/// Returns the roles, among these, whose holders may assign any role to themselves.
pub fn granting<'a>(roles: impl Iterator<Item = &'a Role>) -> BTreeSet<RoleId> {
    let granting = roles.filter(|role| is_own(role) && role.name == Role::TENANT_ADMIN);
    granting.map(|role| role.id.clone()).collect()
}

/// Returns whether a role is the source's own, not the tenant's.
pub(super) fn is_own(role: &Role) -> bool {
    role.origin.as_deref().is_none_or(|origin| origin == OWN)
}
