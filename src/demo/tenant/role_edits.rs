//! What can be done to the roles of a tenant, by its administrators and by Qlik.

use std::collections::BTreeSet;

use crate::model::{RoleId, UserId};

use super::deed::Deed;
use super::default_roles::is_user_default;
use super::directory::{Directory, role_slot};
use super::edit::{EditError, RoleEdit};
use super::record::{Role, RoleRow};
use super::state::{set_of, without_slot};

impl Directory {
    /// Creates a role of the tenant's own.
    pub fn create_role(&self, name: &str) -> RoleId {
        let now = self.clock().now();
        let mut state = self.write();
        let id = RoleId(state.mint.id(now));
        let role = Role {
            id: id.clone(),
            name: name.into(),
            description: String::new(),
            origin: "custom",
            level: "user",
            permissions: Some(BTreeSet::new()),
            scopes: Some(set_of(&["spaces.shared:read"])),
            created_at: now,
            updated_at: now,
        };
        self.audit().write(now, &Deed::RoleCreated(&role));
        state.put_role(role);
        id
    }

    /// Changes a role. What users and groups show of it changes with it, but their `lastUpdatedAt`
    /// does not. Of Qlik's own roles, only the scopes of the one that every user has can change so.
    pub fn update_role(&self, id: &RoleId, edit: RoleEdit) -> Result<(), EditError> {
        let mut state = self.write();
        let row = state.roles.get(&id.0);
        let row = row.ok_or_else(|| EditError::NoRole(id.clone()))?;
        if !can_edit(&row.role, &edit) {
            return Err(EditError::QliksRole(id.clone()));
        }
        let row = state.roles.remove(&id.0);
        let mut row = row.expect("the row was there, and we hold the lock");
        match edit {
            RoleEdit::Name(name) => row.role.name = name,
            RoleEdit::Description(text) => row.role.description = text,
            RoleEdit::Scopes(set) => row.role.scopes = Some(set),
            RoleEdit::Touch => {}
        }
        row.role.updated_at = self.clock().now();
        self.audit()
            .write(row.role.updated_at, &Deed::RoleUpdated(&row.role));
        state.role_changed(&row);
        state.roles.insert(row);
        Ok(())
    }

    /// Changes what one of Qlik's own roles allows, as a release of Qlik's does. The event names
    /// all of those roles, and no `lastUpdatedAt` moves.
    pub fn release_role(&self, id: &RoleId, allowed: BTreeSet<String>) -> Result<(), EditError> {
        let mut state = self.write();
        let row = state.roles.remove(&id.0);
        let mut row = row.ok_or_else(|| EditError::NoRole(id.clone()))?;
        row.role.permissions = Some(allowed);
        state.roles.insert(row);
        let roles = state.roles.iter().map(|row: &RoleRow| &row.role);
        let own: Vec<&Role> = roles.filter(|role| role.origin == "default").collect();
        let now = self.clock().now();
        self.audit().write(now, &Deed::RolesSynced(&own));
        Ok(())
    }

    /// Deletes a role, after taking it from everybody and every group.
    pub fn delete_role(&self, id: &RoleId) -> Result<(), EditError> {
        let now = self.clock().now();
        let mut state = self.write();
        let slot = role_slot(&state, id)?;
        let holders = state.users.iter().filter(|row| row.roles.contains(&slot));
        let holders: Vec<_> = holders.map(|row| UserId(row.id.clone())).collect();
        for user in holders {
            if let Some(mut row) = state.take_user(&user) {
                row.roles = without_slot(&row.roles, slot);
                row.updated = now;
                state.put_user(row);
                self.audit()
                    .write(now, &Deed::UserUpdated(&user, "/assignedRoles"));
            }
        }
        let holders = state.groups.iter().filter(|row| row.roles.contains(&slot));
        let holders: Vec<_> = holders.map(|row| row.group.id.clone()).collect();
        for group in holders {
            if let Some(mut row) = state.groups.remove(&group.0) {
                row.roles = without_slot(&row.roles, slot);
                row.group.updated_at = now;
                self.tell_of_group(&state, &row, now);
                state.groups.insert(row);
                state.group_changed(&group);
            }
        }
        if state.everyone.roles.contains(&slot) {
            state.everyone.roles = without_slot(&state.everyone.roles, slot);
            self.audit().write(now, &Deed::EveryoneUpdated);
        }
        state.roles.remove(&id.0);
        self.audit().write(now, &Deed::RoleDeleted(id));
        Ok(())
    }
}

/// Returns whether an administrator can make this change (qlik.dev, "Manage custom roles").
fn can_edit(role: &Role, edit: &RoleEdit) -> bool {
    match edit {
        RoleEdit::Name(_) | RoleEdit::Description(_) | RoleEdit::Touch => role.origin == "custom",
        RoleEdit::Scopes(_) => role.origin == "custom" || is_user_default(role),
    }
}
