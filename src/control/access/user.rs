//! Everything that one user holds: roles by every path, and what those roles allow.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{self, RolePaths, SpacePath};
use crate::control::page::{self, PageBuilder};
use crate::control::reading::Reading;
use crate::control::{ControlError, Query, UserAccessPosition, query};
use crate::history::Picture;
use crate::model::{Called, Group, GroupId, LastSession, Path, RoleId, User};
use crate::store::Known;

use super::answers::{AccessPerson, AccessRow, AccessStanding, Permission, UserAccess};
use super::dating::date;
use super::list::row;
use super::space::of_user;
use super::user_spaces::UserSpaces;
use super::{envelope, last_seen};

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
                user: None,
                roles: Vec::new(),
                permissions: Vec::new(),
                unseen: Vec::new(),
                can_grant: None,
                spaces: None,
                last_session: LastSession::unknown(envelope.as_of),
                of_idp: BTreeMap::new(),
                next: None,
                envelope,
            });
        };
        let unseen = picture.grants().unseen(&user);
        envelope::note_user(&mut envelope, &picture, &user, &unseen);
        let at = envelope.as_of;
        let by_role = picture.grants().roles_of(&user);
        let granting = access::granting(picture.roles());
        let grants_by = by_role.keys().find(|role| granting.contains(role));
        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let roles = by_role
            .iter()
            .map(|(role, paths)| row(&picture, &user, at, role, AccessStanding::Actual, paths));
        let wanted = roles.filter(|row| {
            let role = self.role.as_deref();
            role.is_none_or(|called| row.role.is_called(called))
        });
        let mut roles = builder.take(wanted, |row| UserAccessPosition::Role(row.role.id.clone()));
        date(
            reading.store,
            known,
            &picture,
            vec![user.clone()],
            &mut roles,
        )?;
        let permissions = permissions(&picture, &user, &by_role);
        let permissions = builder.take(permissions, |it| {
            UserAccessPosition::Permission(it.name.clone())
        });
        let unseen = builder.take(unseen, |it| UserAccessPosition::Unseen(it.clone()));
        let spaces = of_user(
            (reading, known),
            &picture,
            &user,
            &mut builder,
            &mut envelope,
        )?;
        let span = last_seen::span(reading.store, known)?;
        last_seen::note_sessions(&mut envelope, reading, known, span);
        let now = reading.context.clock.now();
        Ok(UserAccess {
            last_session: last_seen::last_session(reading.store, known, &user, span, (at, now))?,
            of_idp: of_idp(reading, known, &picture, &roles, spaces.as_ref())?,
            roles,
            permissions,
            can_grant: grants_by.map(|role| picture.mention(role, None)),
            unseen,
            user: Some(AccessPerson::of(&user, at)),
            spaces,
            envelope,
            next: builder.next(),
        })
    }
}

/// Finds the groups of an identity provider among those by which a user holds something.
fn of_idp(
    reading: &Reading<'_>,
    known: &Known,
    picture: &Picture,
    roles: &[AccessRow],
    spaces: Option<&UserSpaces>,
) -> Result<BTreeMap<GroupId, String>, ControlError> {
    let by_role = roles.iter().flat_map(|row| &row.paths);
    let by_role = by_role.filter_map(|shown| match &shown.path {
        Path::Group(group) => Some(group),
        Path::Direct | Path::Everyone(_) | Path::UserDefault | Path::Owner => None,
    });
    let by_space = spaces.iter().flat_map(|spaces| &spaces.spaces);
    let by_space = by_space.flat_map(|of_user| {
        let grants = of_user.grants.iter().map(|grant| &grant.path);
        grants.chain(of_user.shares.iter().map(|share| &share.path))
    });
    let by_space = by_space.filter_map(SpacePath::group);
    let groups: BTreeSet<&GroupId> = by_role.chain(by_space).collect();
    let mut found = BTreeMap::new();
    for id in groups {
        let group = picture.group(reading.store, known, id)?;
        if let Some(group) = group.filter(Group::is_of_idp) {
            found.insert(id.clone(), group.name);
        }
    }
    Ok(found)
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
