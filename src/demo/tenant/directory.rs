//! Who is in the tenant: what tests and the story change, and compare with.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::clock::Clock;
use crate::lock;
use crate::model::{GroupId, Id, RoleId, Timestamp, UserId};

use super::audit::AuditLog;
use super::deed::{Deed, path_of};
use super::default_roles::is_user_default;
use super::edit::{Edit, EditError, GroupEdit, LogIn, NewUser};
use super::faults::Hidden;
use super::options::TenantOptions;
use super::record::{Field, Group, GroupRow, Rare, Role, RoleRow, Slot, Status, User, UserRow};
use super::seed;
use super::state::{State, everyone, object_id, with_slot, without_slot};

/// Up to this many users, we pick a random user by number; above, by a random time of creation.
const COUNTABLE: usize = 4_096;

/// The tenant's users, roles and groups. Clones share them; every change is seen at once.
#[derive(Debug, Clone)]
pub struct Directory {
    state: Arc<RwLock<State>>,
    audit: AuditLog,
    clock: Clock,
}

impl Directory {
    pub(in crate::demo) fn new(options: &TenantOptions, tenant_id: String, clock: Clock) -> Self {
        Self {
            state: Arc::new(RwLock::new(seed::state(options, tenant_id))),
            audit: AuditLog::new(options.generations),
            clock,
        }
    }

    /// Returns the log that every edit is written to.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// Returns the id of the system group that everybody is in.
    pub fn everyone() -> GroupId {
        everyone()
    }

    /// Creates a user.
    pub fn create_user(&self, new: NewUser) -> Result<UserId, EditError> {
        let now = self.clock.now();
        let mut state = self.write();
        let email = new.email.filter(|email| !email.is_empty());
        if let Some(email) = &email
            && !state.email_is_free(email)
        {
            return Err(EditError::EmailTaken);
        }
        let roles = role_slots(&state, &new.roles)?;
        let groups = new.groups.iter().map(|id| group_slot(&state, id));
        let groups = groups.collect::<Result<Box<[Slot]>, _>>()?;
        let id = state.mint.id(now);
        let subject = new.subject.unwrap_or_else(|| format!("auth0|{id}"));
        let is_rare = new.client_id.is_some() || new.invite_expires_at.is_some();
        let rare = is_rare.then(|| {
            Box::new(Rare {
                client_id: new.client_id,
                invite_expires: new.invite_expires_at,
                ..Rare::default()
            })
        });
        let row = UserRow {
            id: id.clone(),
            subject: subject.into(),
            name: new.name.into(),
            email: email.map(Into::into),
            status: new.status,
            roles,
            groups,
            created: now,
            updated: now,
            rare,
        };
        let user = state.show_user(&row);
        state.put_user(row);
        self.audit.write(now, &Deed::UserCreated(&user));
        Ok(UserId(id))
    }

    /// Changes a user, and moves its `lastUpdatedAt`.
    pub fn update_user(&self, id: &UserId, edit: Edit) -> Result<(), EditError> {
        self.edit_user(id, edit, Some(self.clock.now()))
    }

    /// Logs a user in with the browser. Only the audit log shows it.
    pub fn log_in(&self, id: &UserId) -> Result<(), EditError> {
        self.log_in_by(id, LogIn::Interactive)
    }

    /// Logs a user in. Only the audit log shows it.
    pub fn log_in_by(&self, id: &UserId, how: LogIn) -> Result<(), EditError> {
        let now = self.clock.now();
        let state = self.write();
        if state.users.get(&id.0).is_none() {
            return Err(EditError::NoUser(id.clone()));
        }
        self.audit.write(now, &Deed::SessionBegun(id, how));
        Ok(())
    }

    /// Changes a user without changing its `lastUpdatedAt` and without an event.
    pub fn update_user_quietly(&self, id: &UserId, edit: Edit) -> Result<(), EditError> {
        self.edit_user(id, edit, None)
    }

    fn edit_user(&self, id: &UserId, edit: Edit, at: Option<Timestamp>) -> Result<(), EditError> {
        let mut state = self.write();
        // We do what can fail before we take the row out.
        let slot = match &edit {
            Edit::AssignRole(role) | Edit::UnassignRole(role) => assignable(&state, role)?,
            Edit::JoinGroup(group) | Edit::LeaveGroup(group) => group_slot(&state, group)?,
            Edit::Name(_)
            | Edit::Email(_)
            | Edit::Subject(_)
            | Edit::Status(_)
            | Edit::Scopes(_)
            | Edit::Locale(_)
            | Edit::Touch => 0,
        };
        let row = state.users.get(&id.0);
        let row = row.ok_or_else(|| EditError::NoUser(id.clone()))?;
        if let Edit::Email(Some(email)) = &edit {
            let old = row.email.as_deref().unwrap_or_default();
            let same = old.to_lowercase() == email.to_lowercase();
            if !same && !state.email_is_free(email) {
                return Err(EditError::EmailTaken);
            }
        }
        let row = state.take_user(id);
        let mut row = row.expect("the row was there, and we hold the lock");
        let path = path_of(&edit);
        match edit {
            Edit::Name(name) => row.name = name.into(),
            Edit::Email(email) => row.email = email.map(Into::into),
            Edit::Subject(subject) => row.subject = subject.into(),
            Edit::Status(status) => row.status = status,
            Edit::AssignRole(_) => row.roles = with_slot(&row.roles, slot),
            Edit::UnassignRole(_) => row.roles = without_slot(&row.roles, slot),
            Edit::JoinGroup(_) => row.groups = with_slot(&row.groups, slot),
            Edit::LeaveGroup(_) => row.groups = without_slot(&row.groups, slot),
            Edit::Scopes(scopes) => row.rare_mut().scopes = scopes,
            Edit::Locale(locale) => row.rare_mut().locale = locale,
            Edit::Touch => {}
        }
        row.updated = at.unwrap_or(row.updated);
        state.put_user(row);
        if let Some(at) = at {
            self.audit.write(at, &Deed::UserUpdated(id, path));
        }
        Ok(())
    }

    /// Deletes a user. With tombstones, the record stays, without anything that names a person.
    pub fn delete_user(&self, id: &UserId) -> Result<User, EditError> {
        let mut state = self.write();
        let row = state.take_user(id);
        let row = row.ok_or_else(|| EditError::NoUser(id.clone()))?;
        let gone = state.show_user(&row);
        self.audit
            .write(self.clock.now(), &Deed::UserDeleted(&gone));
        if state.tombstones {
            state.put_user(UserRow {
                subject: format!("deleted|{id}").into(),
                name: "deleted".into(),
                email: None,
                status: Status::Deleted,
                roles: Box::default(),
                groups: Box::default(),
                updated: self.clock.now(),
                rare: None,
                ..row
            });
        }
        Ok(gone)
    }

    /// Deletes a user and has the same person log in again: same subject, name and address, but
    /// another id, no roles and no groups.
    pub fn recreate_user(&self, id: &UserId) -> Result<UserId, EditError> {
        let gone = self.delete_user(id)?;
        self.create_user(NewUser {
            subject: Some(gone.subject),
            email: gone.email,
            ..NewUser::named(&gone.name)
        })
    }

    /// Creates a group that belongs to the identity provider. Names need not be unique.
    pub fn create_group(&self, name: &str) -> GroupId {
        let now = self.clock.now();
        let mut state = self.write();
        let id = GroupId(state.mint.id(now));
        let group = Group {
            id: id.clone(),
            name: name.into(),
            description: None,
            provider: "idp",
            status: "active",
            idp_id: None,
            roles: [].into(),
            created_at: now,
            updated_at: now,
        };
        self.audit.write(now, &Deed::GroupCreated(&group));
        state.put_group(group, Box::default());
        id
    }

    /// Changes a group, even Everyone. What users show of it changes with it, but their
    /// `lastUpdatedAt` does not.
    pub fn update_group(&self, id: &GroupId, edit: GroupEdit) -> Result<(), EditError> {
        let now = self.clock.now();
        let mut state = self.write();
        let slot = match &edit {
            GroupEdit::AssignRole(role) | GroupEdit::UnassignRole(role) => {
                assignable(&state, role)?
            }
            GroupEdit::Name(_)
            | GroupEdit::Description(_)
            | GroupEdit::Active(_)
            | GroupEdit::Touch => 0,
        };
        if *id == Self::everyone() {
            if let GroupEdit::Active(_) = edit {
                return Err(EditError::AlwaysEnabled);
            }
            edit_group(&mut state.everyone, edit, slot, now);
            self.audit.write(now, &Deed::EveryoneUpdated);
            return Ok(());
        }
        let row = state.groups.remove(&id.0);
        let mut row = row.ok_or_else(|| EditError::NoGroup(id.clone()))?;
        edit_group(&mut row, edit, slot, now);
        self.tell_of_group(&state, &row, now);
        state.groups.insert(row);
        state.group_changed(id);
        Ok(())
    }

    /// Deletes a group, after taking everybody out of it.
    pub fn delete_group(&self, id: &GroupId) -> Result<(), EditError> {
        let mut state = self.write();
        let slot = group_slot(&state, id)?;
        let members = members(&state, slot);
        for user in &members {
            if let Some(mut row) = state.take_user(user) {
                row.groups = without_slot(&row.groups, slot);
                state.put_user(row);
            }
        }
        if let Some(row) = state.groups.remove(&id.0) {
            let deed = Deed::GroupDeleted(&row.group, &members);
            self.audit.write(self.clock.now(), &deed);
        }
        Ok(())
    }

    pub(super) fn tell_of_group(&self, state: &State, row: &GroupRow, now: Timestamp) {
        let members = members(state, row.slot);
        let deed = Deed::GroupUpdated(&row.group, &members);
        self.audit.write(now, &deed);
    }

    /// Hides the roles of one user or group wherever it is shown, or shows them again.
    pub fn hide_roles(&self, of: &Id, hidden: Hidden) {
        let hidden_ids = &mut self.write().fragments.hidden;
        match hidden {
            Hidden::Yes => hidden_ids.insert(of.clone()),
            Hidden::No => hidden_ids.remove(of),
        };
    }

    /// Hides the groups of one user wherever it is shown, or shows them again.
    pub fn hide_groups(&self, of: &UserId, hidden: Hidden) {
        let hidden_ids = &mut self.write().fragments.groupless;
        match hidden {
            Hidden::Yes => hidden_ids.insert(of.0.clone()),
            Hidden::No => hidden_ids.remove(&of.0),
        };
    }

    /// Returns a user.
    pub fn user(&self, id: &UserId) -> Option<User> {
        let state = self.read();
        state.users.get(&id.0).map(|row| state.show_user(row))
    }

    /// Returns all users, bots and tombstones among them, in the order of their ids.
    pub fn users(&self) -> Vec<User> {
        let state = self.read();
        let all = state.users.iter().map(|row| state.show_user(row));
        all.collect()
    }

    /// Returns how many users there are, of every status.
    pub fn n_users(&self) -> usize {
        self.read().users.len()
    }

    /// Returns whether no user has this address.
    pub fn is_email_free(&self, email: &str) -> bool {
        self.read().email_is_free(email)
    }

    /// Returns all roles, in the order of their ids.
    pub fn roles(&self) -> Vec<Role> {
        let state = self.read();
        state.roles.iter().map(|row| row.role.clone()).collect()
    }

    /// Returns the first role with this name.
    pub fn role_named(&self, name: &str) -> Option<RoleId> {
        let state = self.read();
        let mut roles = state.roles.iter().map(|row: &RoleRow| &row.role);
        roles.find(|role| role.name == name).map(|r| r.id.clone())
    }

    /// Returns all regular groups, in the order of their ids.
    pub fn groups(&self) -> Vec<Group> {
        let state = self.read();
        let all = state.groups.iter().map(|row| state.show_group(row));
        all.collect()
    }

    /// Returns the system groups: Everyone.
    pub fn system_groups(&self) -> Vec<Group> {
        let state = self.read();
        vec![state.show_group(&state.everyone)]
    }

    /// Picks a user that `fits`, searching from a random position. `None` if nobody does.
    pub fn pick_user(
        &self,
        rng: &mut fastrand::Rng,
        mut fits: impl FnMut(&User) -> bool,
    ) -> Option<User> {
        let state = self.read();
        let from = if state.users.len() <= COUNTABLE {
            let at = rng.usize(..state.users.len().max(1));
            state.users.iter().nth(at)?.id.clone()
        } else {
            let (first, last) = state.users.first_last()?;
            let seconds = |row: &UserRow| u32::try_from(row.created.seconds()).unwrap_or(0);
            let (low, high) = (seconds(first), seconds(last));
            let at = rng.u32(low.min(high)..=low.max(high));
            Id::from_object_bytes(object_id(at, [0; 5], 0))
        };
        let mut all = state.users.iter_from(&from);
        all.find_map(|row| Some(state.show_user(row)).filter(&mut fits))
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        lock::read(&self.state)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        lock::write(&self.state)
    }

    /// Builds the index for listing users in the order of this field.
    pub(super) fn index(&self, field: Field) {
        if !self.read().users.is_indexed(field) {
            self.write().users.index(field);
        }
        if !self.read().roles.is_indexed(field) {
            self.write().roles.index(field);
        }
        if !self.read().groups.is_indexed(field) {
            self.write().groups.index(field);
        }
    }
}

fn members(state: &State, slot: Slot) -> Vec<UserId> {
    let members = state.users.iter().filter(|row| row.groups.contains(&slot));
    members.map(|row| UserId(row.id.clone())).collect()
}

fn edit_group(row: &mut GroupRow, edit: GroupEdit, slot: Slot, now: Timestamp) {
    match edit {
        GroupEdit::Name(name) => row.group.name = name,
        GroupEdit::Description(text) => row.group.description = text,
        GroupEdit::Active(true) => row.group.status = "active",
        GroupEdit::Active(false) => row.group.status = "disabled",
        GroupEdit::AssignRole(_) => row.roles = with_slot(&row.roles, slot),
        GroupEdit::UnassignRole(_) => row.roles = without_slot(&row.roles, slot),
        GroupEdit::Touch => {}
    }
    row.group.updated_at = now;
}

fn role_slots(state: &State, ids: &[RoleId]) -> Result<Box<[Slot]>, EditError> {
    ids.iter().map(|id| assignable(state, id)).collect()
}

/// Finds a role that can be assigned; the role that every user has cannot be.
fn assignable(state: &State, id: &RoleId) -> Result<Slot, EditError> {
    let slot = role_slot(state, id)?;
    let role = state.role_of(slot).map(|row| &row.role);
    match role.is_some_and(is_user_default) {
        true => Err(EditError::NoRole(id.clone())),
        false => Ok(slot),
    }
}

pub(super) fn role_slot(state: &State, id: &RoleId) -> Result<Slot, EditError> {
    let slot = state.role_slot(id);
    slot.ok_or_else(|| EditError::NoRole(id.clone()))
}

fn group_slot(state: &State, id: &GroupId) -> Result<Slot, EditError> {
    let slot = state.group_slot(id);
    slot.ok_or_else(|| EditError::NoGroup(id.clone()))
}
