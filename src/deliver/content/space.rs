//! The content of events about spaces: what the space says about itself, and whose roles differ.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::model::{Assignee, Id, SpaceAssignment, SpaceChange, SpaceHead, SpaceShare};

/// The most members that an event shows of a list; it also says how many changed. A space may have
/// thousands, and `access --space` lists them.
const SHOWN: usize = 100;

/// Returns the `data` of an event about a change to a space.
pub(super) fn data(change: &SpaceChange) -> Value {
    let latest = change.after.as_ref().or(change.before.as_ref());
    let before = change.before.as_ref().filter(|_| change.after.is_some());
    let assignments = change.assignments.members.iter();
    let shares = change.shares.members.iter();
    json!({
        "remote_id": change.id,
        "space": latest.map(head),
        "became_visible": change.became_visible(),
        "before": before.filter(|before| Some(*before) != latest).map(head),
        "assignments": {
            "n_changed": change.assignments.members.len(),
            "changed": assignments.take(SHOWN).map(assignment).collect::<Vec<_>>(),
        },
        "shares": {
            "n_changed": change.shares.members.len(),
            "changed": shares.take(SHOWN).map(share).collect::<Vec<_>>(),
        },
    })
}

fn head(head: &SpaceHead) -> Value {
    json!({
        "name": head.name,
        "type": head.sort,
        "owner_id": head.owner,
        "created_at": head.created_at,
        "not_visible": head.unseen,
    })
}

fn assignment(
    (assignee, (before, after)): (
        &Assignee,
        &(Option<SpaceAssignment>, Option<SpaceAssignment>),
    ),
) -> Value {
    json!({
        "type": assignee.sort,
        "remote_id": assignee.id,
        "roles_before": before.as_ref().map(|it| &it.roles),
        "roles_after": after.as_ref().map(|it| &it.roles),
    })
}

fn share((id, (before, after)): (&Id, &(Option<SpaceShare>, Option<SpaceShare>))) -> Value {
    let latest = after.as_ref().or(before.as_ref());
    let roles = |share: &Option<SpaceShare>| -> Option<BTreeSet<String>> {
        share
            .as_ref()
            .filter(|share| !(share.is_disabled && share.is_link()))
            .map(|share| share.roles.clone())
    };
    json!({
        "remote_id": id,
        "type": latest.map(|share| &share.sort),
        "with": latest.and_then(|share| share.with.as_ref()),
        "resource_id": latest.and_then(|share| share.resource.as_ref()),
        "resource_type": latest.and_then(|share| share.resource_sort.as_ref()),
        "roles_before": roles(before),
        "roles_after": roles(after),
    })
}
