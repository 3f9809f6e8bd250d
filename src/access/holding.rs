//! Who holds a role: directly, or as a member of a group that gives it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Group, GroupId, RoleId, User};

/// Some roles, and the groups that give any of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holding {
    roles: BTreeSet<RoleId>,
    giving: BTreeSet<GroupId>,
}

/// By which kinds of path a user holds one of some roles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathKinds {
    /// The role is assigned to the user.
    pub is_direct: bool,
    /// A group that the user is in gives it.
    pub is_by_group: bool,
}

impl Holding {
    /// Starts with these roles, and no group yet.
    pub fn of(roles: impl IntoIterator<Item = RoleId>) -> Self {
        Self {
            roles: roles.into_iter().collect(),
            giving: BTreeSet::new(),
        }
    }

    /// Adds a role. Groups that were looked at before are not looked at again.
    pub fn add(&mut self, role: RoleId) {
        self.roles.insert(role);
    }

    /// Looks at a group. All roles must have been added before.
    pub fn look(&mut self, group: &Group) {
        if is_among(group.roles.as_ref(), &self.roles) {
            self.giving.insert(group.id.clone());
        }
    }

    /// Returns the groups that give one of the roles.
    pub fn giving(&self) -> &BTreeSet<GroupId> {
        &self.giving
    }

    /// Returns how a user holds one of the roles, as far as that is visible.
    pub fn path_kinds(&self, user: &User) -> PathKinds {
        PathKinds {
            is_direct: is_among(user.roles.as_ref(), &self.roles),
            is_by_group: is_among(user.groups.as_ref(), &self.giving),
        }
    }
}

impl PathKinds {
    /// Returns whether the user holds one of the roles at all.
    pub fn holds(self) -> bool {
        self.is_direct || self.is_by_group
    }
}

fn is_among<I: Ord>(has: Option<&BTreeMap<I, String>>, wanted: &BTreeSet<I>) -> bool {
    has.is_some_and(|has| has.keys().any(|id| wanted.contains(id)))
}
