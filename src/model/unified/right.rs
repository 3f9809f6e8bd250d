//! A role that somebody holds, and the paths to it, as events and answers show them.

use serde_json::{Value, json};

use super::UnifiedId;
use crate::model::{Kind, RoleMention, ShownPath};

/// Returns a role as something that a user may hold.
pub fn right(role: &RoleMention) -> Value {
    json!({
        "type": "role",
        "id": UnifiedId::of(Kind::Role, &role.id.0),
        "remote_id": role.id,
        "name": role.name,
        "level": role.level,
    })
}

/// Returns the paths by which users hold a role.
pub fn paths(paths: &[ShownPath]) -> Vec<Value> {
    paths.iter().map(path).collect()
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
