//! Compares what users held with what they hold.
//!
//! What all users gained or lost is reported once ([`everybodys_differences`]); for one user, only
//! what differs in the user's own paths. What is not visible does not count as granted or as
//! revoked: the user may have held it, or may still hold it.

use std::collections::BTreeSet;

use crate::model::{AccessChange, Path, RoleId, User};

use super::grants::{Grants, RolePaths};

/// How the access to a role differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The role.
    pub role: RoleId,
    /// How the access changed.
    pub change: AccessChange,
    /// Every path before.
    pub before: BTreeSet<Path>,
    /// Every path after.
    pub after: BTreeSet<Path>,
}

/// Returns the roles to which a user's own paths differ. A user is `None` if there was no such user
/// at that time.
pub fn differences(
    before: &Grants,
    after: &Grants,
    then: Option<&User>,
    now: Option<&User>,
) -> Vec<Difference> {
    let roles = |grants: &Grants, user: Option<&User>| -> RolePaths {
        user.map(|user| grants.roles_of(user)).unwrap_or_default()
    };
    let (had, has) = (roles(before, then), roles(after, now));
    let is_hidden = now.is_some_and(|user| !after.unseen(user).is_empty());
    let differs = |role: &RoleId| !own(paths(&had, role)).eq(own(paths(&has, role)));
    let differences = compare(&had, &has).into_iter().filter(|difference| {
        let new = difference.after.difference(&difference.before);
        let gone = difference.before.difference(&difference.after);
        let mut new = new.filter(|path| is_visible(before, then, path));
        let mut gone = gone.filter(|path| is_visible(after, now, path));
        differs(&difference.role)
            && match difference.change {
                AccessChange::Granted => new.next().is_some(),
                AccessChange::Revoked => !is_hidden,
                AccessChange::PathChanged => new.next().is_some() || gone.next().is_some(),
            }
    });
    differences.collect()
}

/// Returns whether a path would have been visible if a user had it. The user is `None` if there was
/// no such user.
fn is_visible(grants: &Grants, user: Option<&User>, path: &Path) -> bool {
    let Some(user) = user else { return true };
    match path {
        Path::Direct => user.roles.is_some(),
        Path::Group(group) => match &user.groups {
            None => false,
            Some(groups) => !groups.contains_key(group) || grants.shows(group),
        },
        Path::Everyone(group) => grants.shows(group),
        Path::UserDefault => true,
    }
}

/// Compares the paths that all users have, and returns the roles for which they differ.
pub fn everybodys_differences(before: &Grants, after: &Grants) -> Vec<Difference> {
    let may_tell = |difference: &Difference| match difference.change {
        AccessChange::Granted => before.unseen_of_all().is_empty(),
        AccessChange::Revoked => after.unseen_of_all().is_empty(),
        AccessChange::PathChanged => true,
    };
    let differences = compare(&before.everybodys(), &after.everybodys());
    differences.into_iter().filter(may_tell).collect()
}

fn compare(had: &RolePaths, has: &RolePaths) -> Vec<Difference> {
    let roles: BTreeSet<&RoleId> = had.keys().chain(has.keys()).collect();
    let differences = roles.into_iter().filter_map(|role| {
        let (before, after) = (paths(had, role), paths(has, role));
        Some(Difference {
            role: role.clone(),
            change: change(before, after)?,
            before: before.clone(),
            after: after.clone(),
        })
    });
    differences.collect()
}

fn paths<'a>(roles: &'a RolePaths, role: &RoleId) -> &'a BTreeSet<Path> {
    static NONE: BTreeSet<Path> = BTreeSet::new();
    roles.get(role).unwrap_or(&NONE)
}

/// Returns the paths that not everybody has.
fn own(paths: &BTreeSet<Path>) -> impl Iterator<Item = &Path> {
    paths.iter().filter(|path| !path.is_everybodys())
}

/// Returns how the access to a role changed, or `None` if it did not.
fn change(before: &BTreeSet<Path>, after: &BTreeSet<Path>) -> Option<AccessChange> {
    match (before.is_empty(), after.is_empty()) {
        _ if before == after => None,
        (true, _) => Some(AccessChange::Granted),
        (_, true) => Some(AccessChange::Revoked),
        (false, false) => Some(AccessChange::PathChanged),
    }
}
