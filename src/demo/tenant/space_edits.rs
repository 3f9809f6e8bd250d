//! What can be done to the spaces of a tenant.

use crate::model::{Id, SpaceId, Timestamp};

use super::deed::Deed;
use super::directory::Directory;
use super::edit::EditError;
use super::space::{
    Assignee, Assignment, NewSpace, SHARE_ROLES, Share, Space, SpaceDelete, SpaceEdit,
};
use super::state::{State, set_of};

impl Directory {
    /// Creates a space with nobody in it but its owner.
    pub fn create_space(&self, new: NewSpace) -> SpaceId {
        let now = self.now();
        let mut state = self.write();
        let id = SpaceId(state.mint.id(now));
        let space = Space {
            id: id.clone(),
            name: new.name,
            sort: new.sort,
            owner: Some(new.owner),
            assignments: [].into(),
            shares: [].into(),
            created_at: now,
            created_by: self.audit().actor(),
            updated_at: now,
            hidden: [].into(),
            garbled: [].into(),
        };
        self.audit().write(now, &Deed::SpaceCreated(&space));
        state.spaces.insert(id.clone(), space);
        id
    }

    /// Changes a space.
    pub fn update_space(&self, id: &SpaceId, edit: SpaceEdit) -> Result<(), EditError> {
        let now = self.now();
        let mut state = self.write();
        let space = space(&mut state, id)?;
        match edit {
            SpaceEdit::Name(name) => space.name = name,
            SpaceEdit::Owner(owner) => {
                let is_owners = |assignment: &Assignment| matches!(&assignment.assignee, Assignee::User(user) if *user == owner);
                space.assignments.retain(|_, it| !is_owners(it));
                space.owner = Some(owner);
            }
            SpaceEdit::Hide(part, status) => {
                space.hidden.insert(part, status);
                return Ok(());
            }
            SpaceEdit::Show(part) => {
                space.hidden.remove(&part);
                return Ok(());
            }
            SpaceEdit::Garble(id) => {
                space.garbled.insert(id);
                return Ok(());
            }
            SpaceEdit::Mend => {
                space.garbled.clear();
                return Ok(());
            }
        }
        space.updated_at = now;
        self.audit().write(now, &Deed::SpaceUpdated(space));
        Ok(())
    }

    /// Deletes a space with its assignments and shares.
    pub fn delete_space(&self, id: &SpaceId) -> Result<Space, EditError> {
        let now = self.now();
        let space = self.write().spaces.remove(id);
        let space = space.ok_or_else(|| EditError::NoSpace(id.clone()))?;
        for assignment in space.assignments.values() {
            let deed = Deed::AssignmentDeleted(id, assignment, SpaceDelete::Yes);
            self.audit().write(now, &deed);
        }
        self.audit().write(now, &Deed::SpaceDeleted(&space));
        Ok(space)
    }

    /// Gives an assignee these roles in a space instead of the earlier ones: each assignee has one
    /// assignment. Like Qlik, refuses roles that are not assignable in a space of this sort.
    pub fn assign(
        &self,
        id: &SpaceId,
        assignee: Assignee,
        roles: &[&str],
    ) -> Result<Id, EditError> {
        let now = self.now();
        let mut state = self.write();
        let new = state.mint.id(now);
        let space = space(&mut state, id)?;
        if space.owner.as_ref().map(|owner| &owner.0) == assignee.id() {
            return Err(EditError::IsOwner);
        }
        check(roles, space.sort.assignable())?;
        let mut known = space.assignments.values_mut();
        if let Some(known) = known.find(|known| known.assignee == assignee) {
            known.roles = set_of(roles);
            known.updated_at = now;
            known.updated_by = self.audit().actor();
            self.audit().write(now, &Deed::AssignmentUpdated(id, known));
            return Ok(known.id.clone());
        }
        let assignment = Assignment {
            id: new.clone(),
            assignee,
            roles: set_of(roles),
            created_at: now,
            created_by: self.audit().actor(),
            updated_at: now,
            updated_by: self.audit().actor(),
        };
        self.audit()
            .write(now, &Deed::AssignmentCreated(id, &assignment));
        space.assignments.insert(new.clone(), assignment);
        Ok(new)
    }

    /// Deletes an assignment to a space.
    pub fn unassign(&self, id: &SpaceId, assignee: &Assignee) -> Result<(), EditError> {
        let now = self.now();
        let mut state = self.write();
        let space = space(&mut state, id)?;
        let found = space
            .assignments
            .values()
            .find(|it| it.assignee == *assignee);
        let found = found.map(|assignment| assignment.id.clone());
        if let Some(gone) = found.and_then(|found| space.assignments.remove(&found)) {
            let deed = Deed::AssignmentDeleted(id, &gone, SpaceDelete::No);
            self.audit().write(now, &deed);
        }
        Ok(())
    }

    /// Shares one app of a space. Refuses roles that no share can give.
    pub fn share(
        &self,
        id: &SpaceId,
        app: &str,
        with: Assignee,
        roles: &[&str],
    ) -> Result<Id, EditError> {
        check(roles, &SHARE_ROLES)?;
        let now = self.now();
        let mut state = self.write();
        let new = state.mint.id(now);
        let share = Share {
            id: new.clone(),
            with,
            roles: set_of(roles),
            app: app.to_owned(),
            is_disabled: false,
            created_at: now,
            created_by: self.audit().actor(),
            updated_at: now,
            updated_by: self.audit().actor(),
        };
        self.audit().write(now, &Deed::ShareCreated(id, &share));
        let space = space(&mut state, id)?;
        space.shares.insert(new.clone(), share);
        Ok(new)
    }

    /// Switches a share off without deleting it. As Qlik documents, this ends access by link, but
    /// users and groups with whom the resource is shared keep their access.
    pub fn disable_share(&self, id: &SpaceId, share: &Id) -> Result<(), EditError> {
        let now = self.now();
        let mut state = self.write();
        if let Some(share) = space(&mut state, id)?.shares.get_mut(share) {
            share.is_disabled = true;
            share.updated_at = now;
            share.updated_by = self.audit().actor();
            self.audit().write(now, &Deed::ShareUpdated(id, share));
        }
        Ok(())
    }

    /// Deletes a share.
    pub fn unshare(&self, id: &SpaceId, share: &Id) -> Result<(), EditError> {
        let now = self.now();
        let mut state = self.write();
        if let Some(gone) = space(&mut state, id)?.shares.remove(share) {
            self.audit().write(now, &Deed::ShareDeleted(id, &gone));
        }
        Ok(())
    }

    /// Returns all spaces in the order of their ids, including hidden ones.
    pub fn spaces(&self) -> Vec<Space> {
        self.read().spaces.values().cloned().collect()
    }

    /// Returns a space.
    pub fn space(&self, id: &SpaceId) -> Option<Space> {
        self.read().spaces.get(id).cloned()
    }

    fn now(&self) -> Timestamp {
        self.clock().now()
    }
}

/// Refuses roles that cannot be given there.
fn check(roles: &[&str], assignable: &[&str]) -> Result<(), EditError> {
    let wrong = roles.iter().find(|role| !assignable.contains(role));
    match wrong {
        Some(role) => Err(EditError::NotAssignable((*role).to_owned())),
        None => Ok(()),
    }
}

fn space<'s>(state: &'s mut State, id: &SpaceId) -> Result<&'s mut Space, EditError> {
    let space = state.spaces.get_mut(id);
    space.ok_or_else(|| EditError::NoSpace(id.clone()))
}
