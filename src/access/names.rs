//! How concerns name roles, groups and paths.

use std::collections::{BTreeMap, BTreeSet};

use super::RolePaths;
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
    pub(super) fn in_words(&self, by_role: &RolePaths) -> String {
        let roles = by_role.iter().map(|(role, paths)| {
            let paths = paths.iter().map(|path| {
                let group = path.group().map(|group| self.group(group));
                path.in_words(&group.unwrap_or_default())
            });
            let paths: Vec<String> = paths.collect();
            format!("{} {}", self.role(role), paths.join(" and "))
        });
        roles.collect::<Vec<_>>().join(", ")
    }
}

/// Names roles and paths by ids that never change.
pub(super) fn extent<'a>(
    by_role: impl IntoIterator<Item = (&'a RoleId, &'a BTreeSet<Path>)>,
) -> BTreeSet<String> {
    let parts = by_role.into_iter().flat_map(|(role, paths)| {
        let paths = paths.iter();
        paths.map(move |path| part_of_extent(role, path))
    });
    parts.collect()
}

/// Names a role and a path to it by ids that never change. Findings were accepted with these texts:
/// another text would open them again.
pub(super) fn part_of_extent(role: &RoleId, path: &Path) -> String {
    match path {
        Path::Direct => format!("role {role}"),
        Path::Group(group) => format!("role {role} by group {group}"),
        Path::Everyone(group) => format!("role {role} by everyone {group}"),
        Path::UserDefault => format!("role {role} by default"),
        Path::Owner => format!("role {role} as the owner"),
    }
}
