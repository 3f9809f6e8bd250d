//! The spaces that a user can open, and the paths to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::control::{ShareGrant, SpaceGrant, SpacePath, UserSpace, UserSpaces};
use crate::model::{Id, SpaceMention};

/// The names of the groups in paths, and of the users who created what gives them.
pub type PathNames = BTreeMap<Id, String>;

/// Returns the spaces of a user.
pub fn user_spaces(spaces: &UserSpaces) -> Value {
    let list = spaces.spaces.iter();
    json!({
        "read_at": spaces.read_at,
        "spaces": list.map(|space| user_space(&spaces.names, space)).collect::<Vec<_>>(),
    })
}

fn user_space(names: &PathNames, of_user: &UserSpace) -> Value {
    json!({
        "space": mention(&of_user.space),
        "paths": grants(names, &of_user.grants),
        "shares": shares(names, &of_user.shares),
    })
}

pub(super) fn mention(space: &SpaceMention) -> Value {
    json!({ "remote_id": space.id, "name": space.name, "type": space.sort })
}

pub(super) fn grants(names: &PathNames, grants: &[SpaceGrant]) -> Vec<Value> {
    let grants = grants.iter().map(|grant| {
        json!({
            "type": word(&grant.path),
            "group": group(names, &grant.path),
            "roles": grant.roles,
            "since": {
                "basis": "api",
                "at": grant.since,
                "by": by(names, grant.by.as_ref()),
                "changed_at": grant.changed,
            },
        })
    });
    grants.collect()
}

pub(super) fn shares(names: &PathNames, shares: &[ShareGrant]) -> Vec<Value> {
    let shares = shares.iter().map(|grant| {
        json!({
            "type": word(&grant.path),
            "group": group(names, &grant.path),
            "share_id": grant.share,
            "resource_id": grant.resource,
            "roles": grant.roles,
            "since": {
                "basis": "api",
                "at": grant.since,
                "by": by(names, grant.by.as_ref()),
            },
        })
    });
    shares.collect()
}

/// Returns who created something; the name is null if no such user is known.
pub(super) fn by(names: &PathNames, id: Option<&Id>) -> Option<Value> {
    let id = id?;
    Some(json!({ "remote_id": id, "name": names.get(id) }))
}

fn word(path: &SpacePath) -> &'static str {
    match path {
        SpacePath::Owner => "owner",
        SpacePath::Direct => "direct",
        SpacePath::Group(_) => "group",
        SpacePath::Everyone(_) => "everyone",
    }
}

fn group(names: &PathNames, path: &SpacePath) -> Option<Value> {
    let id = path.group()?;
    Some(json!({ "remote_id": id, "name": names.get(&id.0) }))
}
