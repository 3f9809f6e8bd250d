//! How answers mention roles and paths.

use crate::access::Path;
use crate::control::meanings::is_called;
use crate::history::Picture;
use crate::model::{Id, Record, RoleId};

use super::answers::{RoleMention, ShownPath};

/// Returns the roles that have this id or name. Letter case is ignored. A role that is not visible is
/// found by its id.
pub(super) fn called(picture: &Picture, called: &str) -> Vec<RoleId> {
    let roles = picture.roles().cloned().map(Record::Role);
    let found = roles.filter(|role| is_called(role, called));
    let mut found: Vec<RoleId> = found.map(|role| RoleId(role.id().clone())).collect();
    if found.is_empty()
        && let Ok(id) = Id::parse(called)
        && id.object_bytes().is_some()
    {
        found.push(RoleId(id));
    }
    found
}

/// Returns a role with its name. If nothing is known of it but that somebody holds it, `name` is the
/// name by which the holder's record mentions it.
pub(super) fn role(picture: &Picture, id: &RoleId, name: Option<&str>) -> RoleMention {
    let role = picture.role(id);
    RoleMention {
        id: id.clone(),
        name: match role {
            Some(role) => role.name.clone(),
            None => name.unwrap_or_default().to_owned(),
        },
        level: role.and_then(|role| role.level.clone()),
        is_unknown: role.is_none(),
    }
}

/// Returns paths with the names of their groups.
pub(super) fn paths<'a>(
    picture: &Picture,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Vec<ShownPath> {
    let shown = paths.into_iter().map(|path| ShownPath {
        path: path.clone(),
        group: path
            .group()
            .and_then(|group| picture.group_name(group))
            .map(str::to_owned),
    });
    shown.collect()
}
