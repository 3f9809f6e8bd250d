//! Who administers: by which roles, and by which groups.

use std::collections::BTreeMap;

use crate::model::{GroupId, Record, RoleId, RoleType, User};

/// The roles that administer, and the groups that give them.
#[derive(Debug, Default)]
pub struct Administration {
    roles: BTreeMap<RoleId, String>,
    /// Groups whose members administer, with the roles that make them do so.
    groups: BTreeMap<GroupId, (String, Vec<String>)>,
}

impl Administration {
    /// Looks at a role or a group; at a group only after the roles that it gives.
    pub fn look(&mut self, record: &Record) {
        match record {
            Record::Role(role) => {
                if role.role_type.value == RoleType::Admin {
                    self.roles.insert(role.id.clone(), role.name.clone());
                }
            }
            Record::Group(group) => {
                let roles = self.among(group.roles.as_ref());
                if !roles.is_empty() {
                    let group_name = group.name.clone();
                    self.groups.insert(group.id.clone(), (group_name, roles));
                }
            }
            Record::User(_) => {}
        }
    }

    /// Returns the roles that let a user administer, with the group that gives them.
    pub fn ways(&self, user: &User) -> Vec<String> {
        let mut ways = self.among(user.roles.as_ref());
        for id in user.groups.iter().flat_map(BTreeMap::keys) {
            if let Some((group, roles)) = self.groups.get(id) {
                ways.extend(
                    roles
                        .iter()
                        .map(|role| format!("{role} by the group {group}")),
                );
            }
        }
        ways
    }

    /// Returns whether who holds a role administers.
    pub fn is_role(&self, id: &RoleId) -> bool {
        self.roles.contains_key(id)
    }

    /// Returns whether who is in a group administers.
    pub fn is_group(&self, id: &GroupId) -> bool {
        self.groups.contains_key(id)
    }

    fn among(&self, roles: Option<&BTreeMap<RoleId, String>>) -> Vec<String> {
        let held = roles.into_iter().flat_map(BTreeMap::keys);
        held.filter_map(|id| self.roles.get(id).cloned()).collect()
    }
}
