//! Spaces in lists, and what a user owns.

use serde_json::{Value, json};

use super::access::{envelope, person};
use super::put;
use super::user_spaces::mention;
use crate::control::{ListedSpace, Owned, SharedLink, SpaceOwner, SpacesPage};
use crate::model::TenantName;

/// Returns a space of a list.
pub fn listed_space(tenant: &TenantName, row: &ListedSpace) -> Value {
    let ListedSpace {
        space,
        owner: owned_by,
        created_at,
        assignments,
        shares,
        links,
        unseen,
    } = row;
    json!({
        "tenant": tenant,
        "space": mention(space),
        "owner": owned_by.as_ref().map(owner),
        "created_at": created_at,
        "assignments": assignments,
        "shares": shares,
        "links": links.iter().map(link).collect::<Vec<_>>(),
        "not_visible": unseen,
    })
}

fn link(link: &SharedLink) -> Value {
    let SharedLink {
        share,
        resource,
        sort,
        roles,
        since,
        by,
    } = link;
    json!({
        "share_id": share,
        "resource_id": resource,
        "resource_type": sort,
        "roles": roles,
        "since": { "basis": "api", "at": since, "by": by },
    })
}

/// Returns what a list of spaces rests on.
pub fn spaces_answer(spaces: &SpacesPage, rows: u64) -> Value {
    let mut json = envelope(&spaces.page.envelope, Some(rows));
    put(&mut json, "spaces_read_at", json!(spaces.read_at));
    json
}

/// Returns what the list of what a user owns rests on, with the user.
pub fn owned_answer(owned: &Owned, rows: u64) -> Value {
    let mut json = spaces_answer(&owned.spaces, rows);
    put(&mut json, "user", json!(owned.user.as_ref().map(person)));
    json
}

fn owner(owner: &SpaceOwner) -> Value {
    let SpaceOwner { id, user } = owner;
    json!({ "remote_id": id, "user": user.as_ref().map(person) })
}
