//! Changes of what users hold: as JSON, and in words.

use serde_json::{Value, json};

use crate::control::{AccessChangeRow, ChangesAnswer};
use crate::model::{
    AccessChange, OWNER, Right, RightChange, RightHolders, RoleMention, ShownPath, SpaceMention,
    Thousands, Timestamp, unified,
};

/// Returns a change of a right of one user, or of all users.
pub fn access_change(row: &AccessChangeRow) -> Value {
    let AccessChangeRow {
        at,
        seq,
        run,
        tenant,
        right,
        cause,
        by,
    } = row;
    let by = by.iter();
    let by = by.map(|giver| json!({ "remote_id": giver.id, "name": giver.name }));
    let (user, users) = match &right.holders {
        RightHolders::One(holder) => (Some(super::access::person(&holder.into())), 1),
        RightHolders::Listed { count, .. } | RightHolders::Everybody { count } => (None, *count),
    };
    let account = match &right.holders {
        RightHolders::One(holder) => Some(holder.account),
        RightHolders::Listed { .. } | RightHolders::Everybody { .. } => None,
    };
    json!({
        "at": at,
        "sequence": seq,
        "run": run.map(|run| run.to_string()),
        "tenant": tenant,
        "change": right.change,
        "user": user,
        "everybody": matches!(right.holders, RightHolders::Everybody { .. }),
        "users": users,
        "account": account,
        "right": unified::right(&right.right),
        "before": unified::paths(&right.before),
        "after": unified::paths(&right.after),
        "since": {
            "basis": cause.basis,
            "at": cause.at,
            "by": by.collect::<Vec<_>>(),
        },
    })
}

/// Returns what an answer about changes rests on, with what it does not know.
pub fn changes_answer(first: Option<Timestamp>, answer: &ChangesAnswer) -> Value {
    let ChangesAnswer {
        tenant,
        as_of,
        not_known,
        spaces,
        spaces_since,
    } = answer;
    json!({
        "tenant": tenant,
        "as_of": as_of,
        "complete": not_known.is_empty(),
        "not_known": not_known.iter().map(super::access::not_known).collect::<Vec<_>>(),
        "spaces": spaces.iter().map(super::user_spaces::mention).collect::<Vec<_>>(),
        "events_since": first,
        "spaces_since": spaces_since,
    })
}

/// Returns the name of a role, or its id if nothing is known of it.
pub fn role_name(role: &RoleMention) -> String {
    match role.name.is_empty() {
        true => role.id.to_string(),
        false => role.name.clone(),
    }
}

/// Returns a right in words: `TenantAdmin`, `producer in Sales`.
pub fn right_name(right: &Right) -> String {
    match right {
        Right::Role(role) => role_name(role),
        Right::SpaceRole { space, role } if role == OWNER => format!("owner of {}", called(space)),
        Right::SpaceRole { space, role } => format!("{role} in {}", called(space)),
        Right::App {
            space,
            resource,
            sort,
            role,
        } => {
            let sort = sort.as_deref().unwrap_or("resource");
            match resource {
                Some(id) => format!("{role} of the {sort} {id} in {}", called(space)),
                None => format!("{role} of a shared {sort} in {}", called(space)),
            }
        }
    }
}

/// Returns the name of a space, or its id if it has none.
fn called(space: &SpaceMention) -> String {
    match space.name.is_empty() {
        true => space.id.to_string(),
        false => space.name.clone(),
    }
}

/// Returns a change of a right as a sentence, without a full stop: `Maria Silva holds TenantAdmin
/// now, by the group Admins`.
pub fn right_sentence(right: &RightChange) -> String {
    let whom = match &right.holders {
        RightHolders::One(holder) => holder.label().to_owned(),
        RightHolders::Listed { count, .. } => format!("{} users", Thousands(*count)),
        RightHolders::Everybody { count } => format!("all {} users", Thousands(*count)),
    };
    let is_one = matches!(right.holders, RightHolders::One(_));
    let (holds, has) = match is_one {
        true => ("holds", "has"),
        false => ("hold", "have"),
    };
    let role = right_name(&right.right);
    match right.change {
        AccessChange::Granted => {
            format!(
                "{whom} {holds} {role} now, {}",
                paths_in_words(&right.after)
            )
        }
        AccessChange::Revoked => {
            format!(
                "{whom} no longer {holds} {role}, {}",
                paths_in_words(&right.before)
            )
        }
        AccessChange::PathChanged => format!(
            "{whom} still {holds} {role} and {has} it {} instead of {}",
            paths_in_words(&right.after),
            paths_in_words(&right.before)
        ),
    }
}

/// Returns paths in words: `directly, by the group Admins`.
pub fn paths_in_words(paths: &[ShownPath]) -> String {
    let paths: Vec<String> = paths.iter().map(path_in_words).collect();
    paths.join(", ")
}

/// Returns one path to a right in words.
pub fn path_in_words(shown: &ShownPath) -> String {
    shown.path.in_words(&path_group(shown))
}

/// Returns the name of the group of a path, or its id if nothing is known of it.
pub fn path_group(shown: &ShownPath) -> String {
    let id = || shown.path.group().map(|id| id.0.to_string());
    shown.group.clone().or_else(id).unwrap_or_default()
}
