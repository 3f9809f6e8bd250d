//! Who holds a role, who is in a group, and which roles a user has through groups.

use serde_json::{Value, json};

use crate::control::{GrantingGroup, HolderRow, Holders, Inherited};
use crate::model::GroupId;

/// Returns how many users hold a role, the first of them, and the first groups that give it.
pub(super) fn role_holders(holders: &Holders, groups: &[GrantingGroup]) -> Value {
    let Holders {
        users,
        direct,
        by_group,
        ..
    } = holders;
    let groups = groups.iter().map(|group| mention((&group.id, &group.name)));
    json!({
        "users": users,
        "direct": direct,
        "by_group": by_group,
        "not_visible": holders.hidden,
        "groups": holders.n_groups,
        "first_groups": groups.collect::<Vec<_>>(),
        "first_users": holders.first.iter().map(user).collect::<Vec<_>>(),
    })
}

/// Returns how many users are in a group, and the first of them.
pub(super) fn group_members(members: &Holders) -> Value {
    let first = members.first.iter().map(|user| {
        json!({ "remote_id": user.id, "name": user.label, "primary_email_address": user.email })
    });
    json!({
        "users": members.users,
        "not_visible": members.hidden,
        "first_users": first.collect::<Vec<_>>(),
    })
}

/// Returns the roles that a user has through groups; null if the groups are not visible.
pub(super) fn inherited_roles(inherited: &Inherited) -> Value {
    if inherited.is_hidden {
        return Value::Null;
    }
    let roles = inherited.roles.iter().map(|(id, role)| {
        let groups: Vec<_> = role.groups.iter().map(mention).collect();
        json!({ "remote_id": id, "name": role.name, "groups": groups })
    });
    roles.collect::<Vec<_>>().into()
}

fn user(row: &HolderRow) -> Value {
    let groups = row.groups.iter();
    json!({
        "remote_id": row.id,
        "name": row.label,
        "primary_email_address": row.email,
        "direct": row.is_direct,
        "groups": groups.map(mention).collect::<Vec<_>>(),
    })
}

fn mention((id, name): (&GroupId, &String)) -> Value {
    json!({ "remote_id": id, "name": name })
}
