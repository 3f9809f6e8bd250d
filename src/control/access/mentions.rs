//! Finds the roles that a question names.

use crate::history::Picture;
use crate::model::{Called, Id, Record, RoleId};

/// Returns the roles that have this id or name. Letter case is ignored. A role that is not visible
/// is found by its id.
pub(super) fn called(picture: &Picture, called: &str) -> Vec<RoleId> {
    let roles = picture.roles().cloned().map(Record::Role);
    let found = roles.filter(|role| role.is_called(called));
    let mut found: Vec<RoleId> = found.map(|role| RoleId(role.id().clone())).collect();
    if found.is_empty()
        && let Ok(id) = Id::parse(called)
        && id.object_bytes().is_some()
    {
        found.push(RoleId(id));
    }
    found
}
