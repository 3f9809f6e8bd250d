//! Describes access to spaces in words.

use std::collections::BTreeSet;

use crate::control::{AccessPerson, ShareGrant, SpaceEntry, SpaceGrant, SpacePath, UserSpace};
use crate::model::{Id, Timestamp};
use crate::view::PathNames;

/// Writes the roles of all paths: `consumer, producer`. The owner has all.
pub(super) fn roles(grants: &[SpaceGrant]) -> String {
    let owner = grants.iter().any(|grant| grant.path == SpacePath::Owner);
    let roles: BTreeSet<&str> = grants
        .iter()
        .flat_map(|grant| grant.roles.iter().map(String::as_str))
        .collect();
    let roles = owner.then_some("owner").into_iter().chain(roles);
    roles.collect::<Vec<_>>().join(", ")
}

/// Writes the paths to a space: `directly, by the group Sales`.
pub(super) fn paths(names: &PathNames, grants: &[SpaceGrant]) -> String {
    let paths = grants.iter().map(|grant| path(names, &grant.path));
    paths.collect::<Vec<_>>().join(", ")
}

/// Returns a path in a space in words, such as `by the group Sales`.
pub(super) fn path(names: &PathNames, path: &SpacePath) -> String {
    match path {
        SpacePath::Owner => "as its owner".to_owned(),
        SpacePath::Direct => "directly".to_owned(),
        SpacePath::Group(_) => format!("by the group {}", group(names, path)),
        SpacePath::Everyone(_) => format!("as all users are, by {}", group(names, path)),
    }
}

fn group(names: &PathNames, path: &SpacePath) -> String {
    let name = path.group().and_then(|id| names.get(&id.0)).cloned();
    let id = || path.group().map(ToString::to_string);
    name.or_else(id).unwrap_or_default()
}

/// Writes the apps that are shared: `app-1 (consumer)`.
pub(super) fn apps(shares: &[ShareGrant]) -> String {
    let apps = shares.iter().map(|share| {
        let app = share.resource.as_deref().unwrap_or("?");
        format!("{app} ({})", joined(&share.roles))
    });
    apps.collect::<Vec<_>>().join(", ")
}

/// Draws a path to a space, or through the space to an app: `Maria Silva -> group Sales -> producer
/// -> Sales EMEA -> app app-1`. `end` is the space, or the space and the app.
pub(super) fn drawn(
    names: &PathNames,
    user: &AccessPerson,
    grant: &SpaceGrant,
    end: &str,
) -> String {
    let user = &user.label;
    let roles = joined(&grant.roles);
    let since = since(names, grant.since, grant.by.as_ref());
    match &grant.path {
        SpacePath::Owner => format!("{user} -> owner -> {end}"),
        SpacePath::Direct => format!("{user} -> {roles} -> {end}{since}"),
        path @ (SpacePath::Group(_) | SpacePath::Everyone(_)) => {
            let group = group(names, path);
            format!("{user} -> group {group} -> {roles} -> {end}{since}")
        }
    }
}

/// Says when something was created and by whom, as far as that is known.
fn since(names: &PathNames, at: Option<Timestamp>, by: Option<&Id>) -> String {
    let Some(at) = at else {
        return String::new();
    };
    let by = by.map(|id| names.get(id).cloned().unwrap_or_else(|| id.to_string()));
    let by = by.map(|by| format!(", by {by}")).unwrap_or_default();
    format!("  since {at}{by}")
}

/// Draws a path to an app: `Maria Silva -> consumer -> app app-1`.
pub(super) fn drawn_app(names: &PathNames, user: &AccessPerson, share: &ShareGrant) -> String {
    let (user, roles) = (&user.label, joined(&share.roles));
    let since = since(names, share.since, share.by.as_ref());
    let app = share.resource.as_deref().unwrap_or("?");
    match share.path.group() {
        Some(_) => {
            let group = group(names, &share.path);
            format!("{user} -> group {group} -> {roles} -> app {app} only{since}")
        }
        None => format!("{user} -> {roles} -> app {app} only{since}"),
    }
}

/// Says by which paths a user can open a space, or which of its apps.
pub(super) fn of_user(user: &str, names: &PathNames, of_user: &UserSpace) -> String {
    let space = &of_user.space.name;
    let grants = &of_user.grants;
    let apps = apps(&of_user.shares);
    match (grants.is_empty(), of_user.shares.is_empty()) {
        (false, true) => format!(
            "{user} has access to the space {space} as {}, {}.",
            roles(grants),
            paths(names, grants)
        ),
        (false, false) => format!(
            "{user} has access to the space {space} as {}, {}, and to some of its apps directly: \
             {apps}.",
            roles(grants),
            paths(names, grants)
        ),
        (true, _) => format!("{user} has access only to some apps of the space {space}: {apps}."),
    }
}

/// Describes an assignment to something other than a known user, or a share.
pub(super) fn entry(entry: &SpaceEntry) -> String {
    match entry {
        SpaceEntry::Assigned {
            assignee,
            name,
            assignment,
        } => {
            let id = assignee.id.to_string();
            let who = match (assignee.sort.as_str(), name) {
                ("group", Some(name)) => format!("The group {name}"),
                ("user" | "bot", _) => format!("An unknown {}, {id},", assignee.sort),
                (sort, _) => format!("The {sort} {id}"),
            };
            format!("{who} is assigned as {}.", joined(&assignment.roles))
        }
        SpaceEntry::Shared { name, share, .. } => {
            let app = share.resource.as_deref().unwrap_or("?");
            let roles = joined(&share.roles);
            if share.is_link() {
                let off = match share.is_disabled {
                    true => ", but the share is switched off",
                    false => "",
                };
                return format!(
                    "Anybody who has the link can open the app {app} as {roles}, even without an \
                     account{off}."
                );
            }
            let with = share.with.as_ref().map(ToString::to_string);
            let with = name.clone().or(with).unwrap_or_default();
            let off = match share.is_disabled {
                true => "; the share is switched off, which has no effect unless it is a link",
                false => "",
            };
            format!(
                "Only the app {app} is shared with the {} {with} as {roles}{off}.",
                share.sort
            )
        }
    }
}

fn joined(roles: &BTreeSet<String>) -> String {
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    roles.join(", ")
}
