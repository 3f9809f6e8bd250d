//! Compares what users held with what they hold.
//!
//! What all users gained or lost is said once ([`everybodys_differences`]); of a single user only
//! what the user's own paths make different. A part that is not visible grants and revokes nothing:
//! what was not visible may have been held, and what is not visible may be held still.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccessChange, Path, RoleId, User};

use super::grants::Grants;

/// How the access to a role differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The role.
    pub role: RoleId,
    /// What became of it.
    pub change: AccessChange,
    /// Every path before.
    pub before: BTreeSet<Path>,
    /// Every path after.
    pub after: BTreeSet<Path>,
}

type Roles = BTreeMap<RoleId, BTreeSet<Path>>;

/// At which of the two times something is not visible.
#[derive(Debug, Clone, Copy)]
struct Hidden {
    before: bool,
    after: bool,
}

impl Hidden {
    /// Returns whether a change is certain.
    fn may_tell(self, change: AccessChange) -> bool {
        match change {
            AccessChange::Granted => !self.before,
            AccessChange::Revoked => !self.after,
            AccessChange::PathChanged => true,
        }
    }
}

/// Returns the roles to which a user's own paths differ. The user is `None` at a time at which there
/// was no such user.
pub fn differences(
    before: &Grants,
    after: &Grants,
    then: Option<&User>,
    now: Option<&User>,
) -> Vec<Difference> {
    let is_hidden = |grants: &Grants, user: Option<&User>| {
        user.is_some_and(|user| !grants.unseen(user).is_empty())
    };
    let hidden = Hidden {
        before: is_hidden(before, then),
        after: is_hidden(after, now),
    };
    let roles = |grants: &Grants, user: Option<&User>| -> Roles {
        user.map(|user| grants.held(user)).unwrap_or_default()
    };
    let (had, has) = (roles(before, then), roles(after, now));
    let differs = |role: &RoleId| !own(paths(&had, role)).eq(own(paths(&has, role)));
    compare(&had, &has, hidden)
        .into_iter()
        .filter(|difference| differs(&difference.role))
        .collect()
}

/// Returns the roles to which the paths that all users have differ.
pub fn everybodys_differences(before: &Grants, after: &Grants) -> Vec<Difference> {
    let hidden = Hidden {
        before: !before.unseen_of_all().is_empty(),
        after: !after.unseen_of_all().is_empty(),
    };
    compare(&before.everybodys(), &after.everybodys(), hidden)
}

fn compare(had: &Roles, has: &Roles, hidden: Hidden) -> Vec<Difference> {
    let roles: BTreeSet<&RoleId> = had.keys().chain(has.keys()).collect();
    let differences = roles.into_iter().filter_map(|role| {
        let (before, after) = (paths(had, role), paths(has, role));
        let change = change(before, after).filter(|change| hidden.may_tell(*change))?;
        Some(Difference {
            role: role.clone(),
            change,
            before: before.clone(),
            after: after.clone(),
        })
    });
    differences.collect()
}

fn paths<'a>(roles: &'a Roles, role: &RoleId) -> &'a BTreeSet<Path> {
    static NONE: BTreeSet<Path> = BTreeSet::new();
    roles.get(role).unwrap_or(&NONE)
}

/// Returns the paths that not everybody has.
fn own(paths: &BTreeSet<Path>) -> impl Iterator<Item = &Path> {
    paths.iter().filter(|path| !path.is_everybodys())
}

/// Returns what became of the access to a role; `None` if nothing did.
fn change(before: &BTreeSet<Path>, after: &BTreeSet<Path>) -> Option<AccessChange> {
    match (before.is_empty(), after.is_empty()) {
        _ if before == after => None,
        (true, _) => Some(AccessChange::Granted),
        (_, true) => Some(AccessChange::Revoked),
        (false, false) => Some(AccessChange::PathChanged),
    }
}
