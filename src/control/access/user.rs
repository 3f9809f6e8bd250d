//! Everything that one user holds: roles by every path, and what those roles allow.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{self, RolePaths};
use crate::control::reading::Reading;
use crate::control::{ControlError, Query, query};
use crate::history::Picture;
use crate::model::{RoleId, User};

use super::answers::{AccessPerson, AccessStanding, Permission, UserAccess};
use super::dating::date;
use super::envelope;
use super::list::row;
use super::space::of_user;

impl Query for query::UserAccess {
    type Answer = UserAccess;

    fn about(&self) -> &'static str {
        "what a user may do"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let known = reading.one(&self.tenant)?;
        let picture = reading.context.pictures.of(reading.store, known, self.at)?;
        let mut envelope = envelope::begin(reading, known, &picture, self.at, None)?;
        let Some(user) = picture.user(reading.store, known, &self.user)? else {
            return Ok(UserAccess {
                envelope,
                user: None,
                roles: Vec::new(),
                permissions: Vec::new(),
                unseen: Vec::new(),
                can_grant: None,
                spaces: None,
            });
        };
        let unseen = picture.grants().unseen(&user);
        envelope::note_user(&mut envelope, &picture, &user, &unseen);
        let spaces = of_user(reading, known, &picture, &user, self.at, &mut envelope)?;
        let at = envelope.as_of;
        let by_role = picture.grants().roles_of(&user);
        let granting = access::granting(picture.roles());
        let grants_by = by_role.keys().find(|role| granting.contains(role));
        let roles = by_role
            .iter()
            .map(|(role, paths)| row(&picture, &user, at, role, AccessStanding::Actual, paths));
        let mut roles: Vec<_> = roles.collect();
        date(
            reading.store,
            known,
            &picture,
            vec![user.clone()],
            &mut roles,
        )?;
        Ok(UserAccess {
            roles,
            permissions: permissions(&picture, &user, &by_role),
            can_grant: grants_by.map(|role| picture.mention(role, None)),
            unseen: unseen.into_iter().collect(),
            user: Some(AccessPerson::of(&user, at)),
            spaces,
            envelope,
        })
    }
}

/// Adds up what the roles of a user allow, and what is assigned to the user alone.
fn permissions(picture: &Picture, user: &User, by_role: &RolePaths) -> Vec<Permission> {
    let mut carried: BTreeMap<&str, BTreeSet<&RoleId>> = BTreeMap::new();
    for role in by_role.keys().filter_map(|id| picture.role(id)) {
        for name in access::carried(role) {
            carried.entry(name).or_default().insert(&role.id);
        }
    }
    for scope in user.scopes.iter().flatten() {
        carried.entry(scope).or_default();
    }
    let permissions = carried.into_iter().map(|(name, roles)| Permission {
        name: name.to_owned(),
        roles: roles
            .into_iter()
            .map(|it| picture.mention(it, None))
            .collect(),
    });
    permissions.collect()
}
