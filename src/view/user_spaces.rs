//! The spaces that a user can open, and the paths to them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::control::{ShareWay, SpaceMention, SpacePath, SpaceWay, UserSpace, UserSpaces};
use crate::model::GroupId;

/// The names of groups.
pub type GroupNames = BTreeMap<GroupId, String>;

/// Returns the spaces of a user.
pub fn user_spaces(spaces: &UserSpaces) -> Value {
    let list = spaces.spaces.iter();
    json!({
        "read_at": spaces.read_at,
        "spaces": list.map(|space| user_space(&spaces.names, space)).collect::<Vec<_>>(),
    })
}

fn user_space(names: &GroupNames, of_user: &UserSpace) -> Value {
    json!({
        "space": mention(&of_user.space),
        "paths": ways(names, &of_user.ways),
        "shares": shares(names, &of_user.shares),
    })
}

pub(super) fn mention(space: &SpaceMention) -> Value {
    json!({ "remote_id": space.id, "name": space.name, "type": space.sort })
}

pub(super) fn ways(names: &GroupNames, ways: &[SpaceWay]) -> Vec<Value> {
    let ways = ways.iter().map(|way| {
        json!({
            "type": word(&way.path),
            "group": group(names, &way.path),
            "roles": way.roles,
            "since": {
                "basis": "api",
                "at": way.since,
                "by": way.by,
                "changed_at": way.changed,
            },
        })
    });
    ways.collect()
}

pub(super) fn shares(names: &GroupNames, shares: &[ShareWay]) -> Vec<Value> {
    let shares = shares.iter().map(|way| {
        json!({
            "type": word(&way.path),
            "group": group(names, &way.path),
            "share_id": way.share,
            "resource_id": way.resource,
            "roles": way.roles,
            "since": { "basis": "api", "at": way.since, "by": way.by },
        })
    });
    shares.collect()
}

fn word(path: &SpacePath) -> &'static str {
    match path {
        SpacePath::Owner => "owner",
        SpacePath::Direct => "direct",
        SpacePath::Group(_) => "group",
        SpacePath::Everyone(_) => "everyone",
    }
}

fn group(names: &GroupNames, path: &SpacePath) -> Option<Value> {
    let id = path.group()?;
    Some(json!({ "remote_id": id, "name": names.get(id) }))
}
