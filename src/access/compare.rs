//! Compares what users had with what they have.
//!
//! What all users gained or lost is reported once ([`everybodys_differences`]); for one user, only
//! what differs in the user's own paths. What is not visible does not count as granted or as
//! revoked: the user may have had it, or may still have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{AccessChange, Path, RoleId, User};

use super::grants::{Grants, RolePaths};

/// How the access to a right differs. A role in the tenant is given by its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<R = RoleId> {
    /// The right.
    pub right: R,
    /// How the access changed.
    pub change: AccessChange,
    /// Every path before.
    pub before: BTreeSet<Path>,
    /// Every path after.
    pub after: BTreeSet<Path>,
}

/// What can be seen of the rights of a user, or of all users, at a time.
pub(super) trait Sight<R> {
    /// Returns whether a path would have been visible if there had been one.
    fn shows_path(&self, right: &R, path: &Path) -> bool;

    /// Returns whether every path to a right would have been visible.
    fn shows_all(&self, right: &R) -> bool;
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
    own_differences(
        (&had, &RoleSight(before, then)),
        (&has, &RoleSight(after, now)),
    )
}

/// What can be seen of the roles of a user, who is `None` if there was no such user.
struct RoleSight<'a>(&'a Grants, Option<&'a User>);

impl Sight<RoleId> for RoleSight<'_> {
    fn shows_path(&self, _: &RoleId, path: &Path) -> bool {
        let Self(grants, user) = self;
        let Some(user) = user else { return true };
        match path {
            Path::Direct => user.roles.is_some(),
            Path::Group(group) => match &user.groups {
                None => false,
                Some(groups) => !groups.contains_key(group) || grants.shows(group),
            },
            Path::Everyone(group) => grants.shows(group),
            Path::UserDefault | Path::Owner => true,
        }
    }

    fn shows_all(&self, _: &RoleId) -> bool {
        let Self(grants, user) = self;
        user.is_none_or(|user| grants.unseen(user).is_empty())
    }
}

/// Compares the paths that all users have, and returns the roles for which they differ.
pub fn everybodys_differences(before: &Grants, after: &Grants) -> Vec<Difference> {
    common_differences(
        (&before.everybodys(), &AllSight(before)),
        (&after.everybodys(), &AllSight(after)),
    )
}

/// What can be seen of the roles of all users.
struct AllSight<'a>(&'a Grants);

impl Sight<RoleId> for AllSight<'_> {
    fn shows_path(&self, _: &RoleId, _: &Path) -> bool {
        true
    }

    fn shows_all(&self, _: &RoleId) -> bool {
        self.0.unseen_of_all().is_empty()
    }
}

/// Rights, each with every path to it.
type Paths<R> = BTreeMap<R, BTreeSet<Path>>;

/// Returns the rights to which a user's own paths differ. `had` and `has` also have the paths of
/// all users.
pub(super) fn own_differences<R: Ord + Clone>(
    (had, then): (&Paths<R>, &impl Sight<R>),
    (has, now): (&Paths<R>, &impl Sight<R>),
) -> Vec<Difference<R>> {
    let differs = |right: &R| !own(paths(had, right)).eq(own(paths(has, right)));
    let differences = compare(had, has).into_iter().filter(|difference| {
        let right = &difference.right;
        let new = difference.after.difference(&difference.before);
        let gone = difference.before.difference(&difference.after);
        let mut new = new.filter(|path| then.shows_path(right, path));
        let mut gone = gone.filter(|path| now.shows_path(right, path));
        differs(right)
            && match difference.change {
                AccessChange::Granted => new.next().is_some(),
                AccessChange::Revoked => now.shows_all(right),
                AccessChange::PathChanged => new.next().is_some() || gone.next().is_some(),
            }
    });
    differences.collect()
}

/// Returns the rights to which the paths of all users differ.
pub(super) fn common_differences<R: Ord + Clone>(
    (had, then): (&Paths<R>, &impl Sight<R>),
    (has, now): (&Paths<R>, &impl Sight<R>),
) -> Vec<Difference<R>> {
    let may_tell = |difference: &Difference<R>| match difference.change {
        AccessChange::Granted => then.shows_all(&difference.right),
        AccessChange::Revoked => now.shows_all(&difference.right),
        AccessChange::PathChanged => true,
    };
    compare(had, has).into_iter().filter(may_tell).collect()
}

fn compare<R: Ord + Clone>(had: &Paths<R>, has: &Paths<R>) -> Vec<Difference<R>> {
    let rights: BTreeSet<&R> = had.keys().chain(has.keys()).collect();
    let differences = rights.into_iter().filter_map(|right| {
        let (before, after) = (paths(had, right), paths(has, right));
        Some(Difference {
            right: right.clone(),
            change: change(before, after)?,
            before: before.clone(),
            after: after.clone(),
        })
    });
    differences.collect()
}

fn paths<'a, R: Ord>(rights: &'a Paths<R>, right: &R) -> &'a BTreeSet<Path> {
    static NONE: BTreeSet<Path> = BTreeSet::new();
    rights.get(right).unwrap_or(&NONE)
}

/// Returns the paths that not everybody has.
fn own(paths: &BTreeSet<Path>) -> impl Iterator<Item = &Path> {
    paths.iter().filter(|path| !path.is_everybodys())
}

/// Returns how the access to a right changed, or `None` if it did not.
fn change(before: &BTreeSet<Path>, after: &BTreeSet<Path>) -> Option<AccessChange> {
    match (before.is_empty(), after.is_empty()) {
        _ if before == after => None,
        (true, _) => Some(AccessChange::Granted),
        (_, true) => Some(AccessChange::Revoked),
        (false, false) => Some(AccessChange::PathChanged),
    }
}
