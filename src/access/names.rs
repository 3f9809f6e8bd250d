//! How concerns name roles, groups and paths.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{GroupId, Path, RoleId};

/// The names of the roles of a tenant, and of those of its groups that matter.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) roles: BTreeMap<RoleId, String>,
    pub(super) groups: BTreeMap<GroupId, String>,
}

impl Names {
    /// Returns the name of a role, or its id if none is known.
    pub(super) fn role(&self, id: &RoleId) -> String {
        let name = self.roles.get(id).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| id.to_string())
    }

    fn group(&self, id: &GroupId) -> String {
        let name = self.groups.get(id).filter(|name| !name.is_empty());
        name.cloned().unwrap_or_else(|| id.to_string())
    }

    /// Writes roles with every path to each: `TenantAdmin directly and by the group Admins`.
    pub(super) fn held(&self, held: &BTreeMap<RoleId, BTreeSet<Path>>) -> String {
        let roles = held.iter().map(|(role, paths)| {
            let paths = paths.iter().map(|path| match path {
                Path::Direct => "directly".to_owned(),
                Path::Group(group) => format!("by the group {}", self.group(group)),
                Path::Everyone(group) => format!("as everyone does by {}", self.group(group)),
                Path::UserDefault => "as every user does by default".to_owned(),
            });
            let paths: Vec<String> = paths.collect();
            format!("{} {}", self.role(role), paths.join(" and "))
        });
        roles.collect::<Vec<_>>().join(", ")
    }
}

/// Names roles and paths by ids that never change.
pub(super) fn extent<'a>(
    held: impl IntoIterator<Item = (&'a RoleId, &'a BTreeSet<Path>)>,
) -> BTreeSet<String> {
    let held = held.into_iter().flat_map(|(role, paths)| {
        paths.iter().map(move |path| match path {
            Path::Direct => format!("role {role}"),
            Path::Group(group) => format!("role {role} by group {group}"),
            Path::Everyone(group) => format!("role {role} by everyone {group}"),
            Path::UserDefault => format!("role {role} by default"),
        })
    });
    held.collect()
}
