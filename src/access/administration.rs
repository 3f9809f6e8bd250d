//! Finds which roles and groups make a user an administrator.

use std::collections::{BTreeMap, BTreeSet};

use super::names::part_of_extent;
use crate::model::{GroupId, Path, Record, RoleId, RoleType, User};

/// The roles that give administrator rights, and the groups that give those roles.
#[derive(Debug, Default)]
pub struct Administration {
    roles: BTreeMap<RoleId, String>,
    /// Groups whose members are administrators, with the roles that make them so.
    groups: BTreeMap<GroupId, (String, BTreeMap<RoleId, String>)>,
    /// Groups whose roles are not visible.
    hidden: BTreeSet<GroupId>,
}

impl Administration {
    /// Adds a role or a group if it makes users administrators. A group must come after the roles
    /// that it gives.
    pub fn look(&mut self, record: &Record) {
        match record {
            Record::Role(role) => {
                if role.role_type.value == RoleType::Admin {
                    self.roles.insert(role.id.clone(), role.name.clone());
                }
            }
            Record::Group(group) => {
                if group.roles.is_none() {
                    self.hidden.insert(group.id.clone());
                }
                let roles = self.among(group.roles.as_ref());
                if !roles.is_empty() {
                    let group_name = group.name.clone();
                    self.groups.insert(group.id.clone(), (group_name, roles));
                }
            }
            Record::User(_) => {}
        }
    }

    /// Returns the roles that make a user an administrator, each with the group that gives it, if
    /// one does.
    pub fn paths(&self, user: &User) -> Vec<String> {
        let mut paths: Vec<String> = self.among(user.roles.as_ref()).into_values().collect();
        for id in user.groups.iter().flat_map(BTreeMap::keys) {
            if let Some((group, roles)) = self.groups.get(id) {
                let by_group = Path::Group(id.clone()).in_words(group);
                paths.extend(roles.values().map(|role| format!("{role} {by_group}")));
            }
        }
        paths
    }

    /// Returns the ids of the roles that make a user an administrator, and of the groups that give
    /// them.
    pub fn extent(&self, user: &User) -> BTreeSet<String> {
        let roles_held = self.among(user.roles.as_ref()).into_keys();
        let mut extent: BTreeSet<String> = roles_held
            .map(|role| part_of_extent(&role, &Path::Direct))
            .collect();
        for group in user.groups.iter().flat_map(BTreeMap::keys) {
            let roles = self.groups.get(group).map(|(_, roles)| roles.keys());
            let roles = roles.into_iter().flatten();
            let path = Path::Group(group.clone());
            extent.extend(roles.map(|role| part_of_extent(role, &path)));
        }
        extent
    }

    /// Returns whether a part of what a user holds is not visible.
    pub fn hides(&self, user: &User) -> bool {
        let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
        user.roles.is_none()
            || user.groups.is_none()
            || groups.any(|group| self.hidden.contains(group))
    }

    /// Returns whether holders of a role are administrators.
    pub fn is_role(&self, id: &RoleId) -> bool {
        self.roles.contains_key(id)
    }

    /// Returns whether members of a group are administrators.
    pub fn is_group(&self, id: &GroupId) -> bool {
        self.groups.contains_key(id)
    }

    fn among(&self, roles: Option<&BTreeMap<RoleId, String>>) -> BTreeMap<RoleId, String> {
        let roles_held = roles.into_iter().flat_map(BTreeMap::keys);
        roles_held
            .filter_map(|id| Some((id.clone(), self.roles.get(id)?.clone())))
            .collect()
    }
}
