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
            Path::Everyone(_) | Path::UserDefault => grants.shows_everybodys(path),
            Path::Owner => true,
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
    fn shows_path(&self, _: &RoleId, path: &Path) -> bool {
        self.0.shows_everybodys(path)
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
        differs(right)
            && match difference.change {
                AccessChange::Granted => is_new(difference, then),
                AccessChange::Revoked => now.shows_all(right),
                AccessChange::PathChanged => is_new(difference, then) || is_gone(difference, now),
            }
    });
    differences.collect()
}

/// Returns whether one of the paths is certainly new.
fn is_new<R>(difference: &Difference<R>, then: &impl Sight<R>) -> bool {
    let mut new = difference.after.difference(&difference.before);
    new.any(|path| then.shows_path(&difference.right, path))
}

/// Returns whether one of the paths is certainly gone.
fn is_gone<R>(difference: &Difference<R>, now: &impl Sight<R>) -> bool {
    let mut gone = difference.before.difference(&difference.after);
    gone.any(|path| now.shows_path(&difference.right, path))
}

/// Returns the rights to which the paths of all users differ.
pub(super) fn common_differences<R: Ord + Clone>(
    (had, then): (&Paths<R>, &impl Sight<R>),
    (has, now): (&Paths<R>, &impl Sight<R>),
) -> Vec<Difference<R>> {
    let may_tell = |difference: &Difference<R>| match difference.change {
        AccessChange::Granted => then.shows_all(&difference.right) && is_new(difference, then),
        AccessChange::Revoked => now.shows_all(&difference.right),
        AccessChange::PathChanged => is_new(difference, then) || is_gone(difference, now),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Group, GroupId, GroupType, Id, Record, Role, RoleType, UserId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Returns grants in which group 11 gives role 2, and these groups give roles or hide them.
    fn grants(groups: &[(u32, GroupType, Option<&[u32]>)]) -> Grants {
        let mut grants = Grants::default();
        let first = (11, GroupType::Group, Some(&[2][..]));
        for (n, group_type, roles) in [first].iter().chain(groups) {
            let named = |n: &u32| (RoleId(id(*n)), String::new());
            grants.look(&Record::Group(Group {
                id: GroupId(id(*n)),
                name: format!("group {n}"),
                description: None,
                group_type: Coded::new(*group_type, "x"),
                status: None,
                idp_id: None,
                roles: roles.map(|roles| roles.iter().map(named).collect()),
                created_at: None,
                updated_at: None,
            }));
        }
        grants
    }

    fn user((roles, groups): (Option<&[u32]>, Option<&[u32]>)) -> User {
        let named = |n: &u32| (id(*n), String::new());
        let roles = roles.map(|roles| roles.iter().map(named));
        let groups = groups.map(|groups| groups.iter().map(named));
        User {
            roles: roles.map(|it| it.map(|(id, name)| (RoleId(id), name)).collect()),
            groups: groups.map(|it| it.map(|(id, name)| (GroupId(id), name)).collect()),
            ..User::new(UserId(id(900)), "idp|900")
        }
    }

    #[test]
    fn what_was_hidden_is_not_granted_and_what_may_be_hidden_is_not_revoked() {
        let hides = || grants(&[(13, GroupType::Group, None)]);
        let shows = || grants(&[(13, GroupType::Group, Some(&[2]))]);
        let none = Some(&[][..]);
        let (one, eleven, thirteen) = (Some(&[1][..]), Some(&[11][..]), Some(&[13][..]));
        let (granted, revoked) = (Some(AccessChange::Granted), Some(AccessChange::Revoked));
        for (case, before, after, then, now, expected) in [
            (
                "assigned",
                shows(),
                shows(),
                (none, none),
                (one, none),
                granted,
            ),
            (
                "roles were hidden",
                shows(),
                shows(),
                (None, none),
                (one, none),
                None,
            ),
            (
                "joined",
                shows(),
                shows(),
                (none, none),
                (none, eleven),
                granted,
            ),
            (
                "groups were hidden",
                shows(),
                shows(),
                (none, None),
                (none, eleven),
                None,
            ),
            (
                "a group hid its roles",
                hides(),
                shows(),
                (none, thirteen),
                (none, thirteen),
                None,
            ),
            (
                "joined such a group",
                hides(),
                shows(),
                (none, none),
                (none, thirteen),
                granted,
            ),
            (
                "unassigned",
                shows(),
                shows(),
                (one, none),
                (none, none),
                revoked,
            ),
            (
                "groups are hidden",
                shows(),
                shows(),
                (one, none),
                (none, None),
                None,
            ),
            (
                "a group hides its roles",
                shows(),
                hides(),
                (one, thirteen),
                (none, thirteen),
                None,
            ),
        ] {
            let (then, now) = (user(then), user(now));

            let found = differences(&before, &after, Some(&then), Some(&now));

            let changes: Vec<_> = found.iter().map(|it| Some(it.change)).collect();
            let expected: Vec<_> = expected.into_iter().map(Some).collect();
            assert_eq!(changes, expected, "{case}");
        }
    }

    #[test]
    fn what_all_users_have_is_not_granted_to_them_when_it_first_becomes_visible() {
        let role = |n: u32| {
            Record::Role(Role {
                origin: Some("default".to_owned()),
                ..Role::new(
                    RoleId(id(n)),
                    "UserDefault",
                    Coded::new(RoleType::Basic, "user"),
                )
            })
        };
        let shows = |everyone: Option<&[u32]>, default: Option<u32>| {
            let group = everyone.map(|roles| (14, GroupType::Organization, Some(roles)));
            let mut shows = grants(group.as_slice());
            if let Some(n) = default {
                shows.look(&role(n));
            }
            shows
        };
        let (granted, moved) = (AccessChange::Granted, AccessChange::PathChanged);
        for (case, then, now, expected) in [
            (
                "groups were refused",
                shows(None, Some(5)),
                shows(Some(&[3]), Some(5)),
                None,
            ),
            (
                "roles were refused",
                shows(Some(&[]), None),
                shows(Some(&[]), Some(5)),
                None,
            ),
            (
                "a role that all have by default is given to them, too",
                shows(Some(&[]), Some(5)),
                shows(Some(&[5]), Some(5)),
                Some(moved),
            ),
            (
                "they may have had it by the group as well",
                shows(None, Some(5)),
                shows(Some(&[5]), Some(5)),
                None,
            ),
            (
                "given",
                shows(Some(&[]), Some(5)),
                shows(Some(&[3]), Some(5)),
                Some(granted),
            ),
            (
                "there is no role by default",
                shows(Some(&[]), None),
                shows(Some(&[3]), None),
                Some(granted),
            ),
        ] {
            let found = everybodys_differences(&then, &now);

            let found = found.first().map(|it| it.change);
            assert_eq!(found, expected, "{case}");
        }
    }

    #[test]
    fn what_the_group_of_all_users_hid_is_not_granted_to_all() {
        let gives = |roles| grants(&[(14, GroupType::Organization, roles)]);
        let (nothing, something) = (Some(&[][..]), Some(&[3][..]));
        for (then, now, expected) in [
            (nothing, something, Some(AccessChange::Granted)),
            (None, something, None),
            (something, nothing, Some(AccessChange::Revoked)),
            (something, None, None),
        ] {
            let found = everybodys_differences(&gives(then), &gives(now));

            let found = found.first().map(|it| it.change);
            assert_eq!(found, expected, "{then:?} {now:?}");
        }
    }
}
