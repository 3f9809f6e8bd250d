//! A right that somebody holds, and the paths to it, as events and answers show them.

use serde_json::{Value, json};

use super::UnifiedId;
use crate::model::{Kind, Right, RoleMention, ShownPath, SpaceMention};

/// Returns something that a user may hold.
pub fn right(right: &Right) -> Value {
    match right {
        Right::Role(role) => role_right(role),
        Right::SpaceRole { space, role } => json!({
            "type": "space_role",
            "role": role,
            "space": mention(space),
        }),
        Right::App {
            space,
            resource,
            sort,
            role,
        } => json!({
            "type": "app",
            "remote_id": resource,
            "resource_type": sort,
            "role": role,
            "space": mention(space),
        }),
    }
}

/// Returns a role in the tenant as something that a user may hold.
pub fn role_right(role: &RoleMention) -> Value {
    json!({
        "type": "role",
        "id": UnifiedId::of(Kind::Role, &role.id.0),
        "remote_id": role.id,
        "name": role.name,
        "level": role.level,
    })
}

/// Returns the paths by which users hold a right.
pub fn paths(paths: &[ShownPath]) -> Vec<Value> {
    paths.iter().map(path).collect()
}

fn mention(space: &SpaceMention) -> Value {
    json!({ "remote_id": space.id, "name": space.name, "type": space.sort })
}

fn path(shown: &ShownPath) -> Value {
    let group = shown.path.group().map(|id| {
        json!({
            "id": UnifiedId::of(Kind::Group, &id.0),
            "remote_id": id,
            "name": shown.group,
        })
    });
    json!({ "type": shown.path.word(), "group": group })
}
