//! Who can open a space, and what changed in one.

use serde_json::{Value, json};

use super::access::{envelope, person};
use super::user_spaces::{PathNames, by, grants, mention, shares};
use crate::control::{SpaceAccess, SpaceEntry, SpaceRightRow, SpaceRow, SpaceShown};
use crate::model::unified::{paths, right, role_right};
use crate::model::{SpaceAssignment, SpaceChange, SpaceMention, TenantName, Verb};

/// Returns a user who can open a space, or could take a role there.
pub fn space_row(
    tenant: &TenantName,
    space: &SpaceMention,
    names: &PathNames,
    row: &SpaceRow,
) -> Value {
    let barrier = row.user.barrier;
    let standing = match row.grants.is_empty() && row.shares.is_empty() {
        true => "potential",
        false => "actual",
    };
    json!({
        "tenant": tenant,
        "space": mention(space),
        "user": person(&row.user),
        "standing": standing,
        "usable": barrier.is_none(),
        "why_not_usable": barrier,
        "paths": grants(names, &row.grants),
        "shares": shares(names, &row.shares),
        "could_take_any_role_by": row.could_by.as_ref().map(role_right),
    })
}

/// Returns a right that a user holds in a space.
pub fn space_right(tenant: &TenantName, row: &SpaceRightRow) -> Value {
    let barrier = row.user.barrier;
    let by = row.given_by.iter();
    let by = by.map(|giver| json!({ "remote_id": giver.id, "name": giver.name }));
    json!({
        "tenant": tenant,
        "user": person(&row.user),
        "right": right(&row.right),
        "standing": "actual",
        "usable": barrier.is_none(),
        "why_not_usable": barrier,
        "paths": paths(&row.paths),
        "since": {
            "basis": "api",
            "at": row.since,
            "run": null,
            "by": by.collect::<Vec<_>>(),
        },
    })
}

/// Returns what an answer about a space rests on, and what it says besides the users.
pub fn space_answer(answer: &SpaceAccess, rows: u64) -> Value {
    let mut json = envelope(&answer.envelope, Some(rows));
    super::put(&mut json, "spaces_read_at", json!(answer.read_at));
    let found: Vec<_> = answer.found.iter().map(mention).collect();
    super::put(&mut json, "found", found);
    super::put(&mut json, "space", json!(answer.space.as_ref().map(shown)));
    json
}

fn shown(shown: &SpaceShown) -> Value {
    let SpaceShown {
        space,
        owner,
        created_at,
        unseen,
        everybody,
        names,
        entries,
    } = shown;
    json!({
        "remote_id": space.id,
        "name": space.name,
        "type": space.sort,
        "owner_id": owner,
        "created_at": created_at,
        "not_visible": unseen,
        "everybody": everybody.as_ref().map(|all| json!({
            "users": all.users,
            "paths": grants(names, &all.grants),
            "shares": shares(names, &all.shares),
        })),
        "entries": entries.iter().map(|it| entry(names, it)).collect::<Vec<_>>(),
    })
}

fn entry(names: &PathNames, entry: &SpaceEntry) -> Value {
    match entry {
        SpaceEntry::Assigned {
            assignee,
            name,
            assignment,
        } => json!({
            "what": "assignment",
            "type": assignee.sort,
            "remote_id": assignee.id,
            "name": name,
            "roles": assignment.roles,
            "since": since(names, assignment),
        }),
        SpaceEntry::Shared { id, name, share } => json!({
            "what": "share",
            "share_id": id,
            "type": share.sort,
            "remote_id": share.with,
            "name": name,
            "roles": share.roles,
            "resource_id": share.resource,
            "resource_type": share.resource_sort,
            "disabled": share.is_disabled,
            "anonymous": share.is_link(),
            "since": {
                "basis": "api",
                "at": share.created_at,
                "by": by(names, share.created_by.as_ref()),
            },
        }),
    }
}

fn since(names: &PathNames, assignment: &SpaceAssignment) -> Value {
    json!({
        "basis": "api",
        "at": assignment.created_at,
        "by": by(names, assignment.created_by.as_ref()),
        "changed_at": assignment.updated_at,
    })
}

/// Returns a change to a space as a sentence, without a full stop.
pub fn space_sentence(change: &SpaceChange) -> String {
    let name = change.name();
    let (before, after) = match change.verb() {
        Verb::Created if change.became_visible() => {
            return format!("the space {name} became visible");
        }
        Verb::Created => return format!("the space {name} was created"),
        Verb::Deleted => return format!("the space {name} is gone"),
        Verb::Updated => (change.before.as_ref(), change.after.as_ref()),
    };
    let mut parts = Vec::new();
    if let (Some(before), Some(after)) = (before, after) {
        if before.name != after.name {
            parts.push(format!("was called {} before", before.name));
        }
        if before.owner != after.owner {
            parts.push("has another owner".to_owned());
        }
        if before.unseen != after.unseen {
            parts.push(match after.unseen.is_empty() {
                true => "is fully visible again".to_owned(),
                false => "is not fully visible".to_owned(),
            });
        }
    }
    let lists = [
        (change.assignments.members.len(), "assignment"),
        (change.shares.members.len(), "share"),
    ];
    for (n_changed, what) in lists {
        match n_changed {
            0 => {}
            1 => parts.push(format!("has one {what} changed")),
            n => parts.push(format!("has {n} {what}s changed")),
        }
    }
    if parts.is_empty() {
        parts.push("changed".to_owned());
    }
    format!("the space {name} {}", parts.join(", and "))
}
