//! Which rights in a space users hold by which paths, and how that differs between two times.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    GroupId, Id, OWNER, Path, Right, SpaceMention, SpacePart, Timestamp, User, UserId,
};

use super::compare::{Difference, Sight, common_differences, own_differences};
use super::space::{ShareGrant, SpaceGrant, SpaceGrants, SpacePath, UserGrants};

/// A right in one space.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpaceRight {
    /// A role in the space.
    Role(String),
    /// A role for a single resource that is shared from it.
    App {
        /// The id of the resource.
        resource: Option<String>,
        /// What kind of resource that is.
        sort: Option<String>,
        /// What the share allows.
        role: String,
    },
}

/// Rights in a space, each with every path to it.
pub type SpacePaths = BTreeMap<SpaceRight, BTreeSet<Path>>;

/// When a right was given, and by whom, as the source says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// When the first path to the right was created; `None` if the source does not say when one
    /// of its paths was.
    pub since: Option<Timestamp>,
    /// Who created that path; `None` if the source does not say.
    pub by: Option<Id>,
}

/// Whom a change of a space concerns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Concerned {
    /// Users whose own paths differ, and the old and new owner if the owner changed.
    pub users: BTreeSet<UserId>,
    /// Groups that give their members other paths than before.
    pub groups: BTreeSet<GroupId>,
}

impl SpaceRight {
    /// Returns the right with its space.
    pub fn of(self, space: SpaceMention) -> Right {
        match self {
            Self::Role(role) => Right::SpaceRole { space, role },
            Self::App {
                resource,
                sort,
                role,
            } => Right::App {
                space,
                resource,
                sort,
                role,
            },
        }
    }

    /// Returns which part of the space gives the right.
    fn part(&self) -> SpacePart {
        match self {
            Self::Role(role) if role == OWNER => SpacePart::Itself,
            Self::Role(_) => SpacePart::Assignments,
            Self::App { .. } => SpacePart::Shares,
        }
    }
}

impl UserGrants {
    /// Returns the rights that these paths give.
    pub fn rights(&self) -> SpacePaths {
        let mut rights = SpacePaths::new();
        self.add_to(&mut rights);
        rights
    }

    fn add_to(&self, rights: &mut SpacePaths) {
        for grant in &self.space {
            for right in roles_by(grant) {
                rights.entry(right).or_default().insert(path(&grant.path));
            }
        }
        for grant in &self.shares {
            for right in apps_by(grant) {
                rights.entry(right).or_default().insert(path(&grant.path));
            }
        }
    }
}

impl SpaceGrants {
    /// Returns every right of a user in the space, each with every path to it, including the paths
    /// that all users have.
    pub fn rights_of(&self, user: &User) -> SpacePaths {
        let mut rights = self.everybodys().rights();
        self.own(user).add_to(&mut rights);
        rights
    }

    /// Returns whether a user has a path besides those that everybody has.
    pub fn has_own(&self, user: &User) -> bool {
        let mut groups = user.groups.iter().flat_map(BTreeMap::keys);
        self.owner() == Some(&user.id)
            || self.users().contains_key(&user.id)
            || groups.any(|group| self.groups().contains_key(group))
    }

    /// Returns when each right of a user in the space was given, and by whom.
    pub fn given_to(&self, user: &User) -> BTreeMap<SpaceRight, Given> {
        let mut given: BTreeMap<SpaceRight, Given> = BTreeMap::new();
        let own = self.own(user);
        for grants in [&own, self.everybodys()] {
            let roles = grants.space.iter().flat_map(|grant| {
                let rights = roles_by(grant).into_iter();
                rights.map(move |right| (right, grant.since, &grant.by))
            });
            let apps = grants.shares.iter().flat_map(|grant| {
                let rights = apps_by(grant).into_iter();
                rights.map(move |right| (right, grant.since, &grant.by))
            });
            for (right, since, by) in roles.chain(apps) {
                let by = by.clone();
                let first = given.entry(right).or_insert(Given {
                    since,
                    by: by.clone(),
                });
                // `None` sorts before every time, so it stays: a path of unknown age may be the
                // first.
                if since < first.since {
                    *first = Given { since, by };
                }
            }
        }
        for given in given.values_mut().filter(|given| given.since.is_none()) {
            given.by = None;
        }
        given
    }

    /// Returns who may have paths of their own: users, and groups.
    pub fn assigned(
        &self,
    ) -> (
        impl Iterator<Item = &UserId>,
        impl Iterator<Item = &GroupId>,
    ) {
        let users = self.users().keys().chain(self.owner());
        (users, self.groups().keys())
    }
}

/// Returns whom the difference between two states of a space concerns. A state is `None` if there
/// was no such space.
pub fn concerned(then: Option<&SpaceGrants>, now: Option<&SpaceGrants>) -> Concerned {
    let none = SpaceGrants::default();
    let (then, now) = (then.unwrap_or(&none), now.unwrap_or(&none));
    let mut concerned = Concerned {
        users: differing(then.users(), now.users()),
        groups: differing(then.groups(), now.groups()),
    };
    if then.owner() != now.owner() {
        let owners = [then.owner(), now.owner()];
        concerned
            .users
            .extend(owners.into_iter().flatten().cloned());
    }
    concerned
}

fn differing<K: Ord + Clone>(
    then: &BTreeMap<K, UserGrants>,
    now: &BTreeMap<K, UserGrants>,
) -> BTreeSet<K> {
    let rights = |grants: Option<&UserGrants>| grants.map(UserGrants::rights).unwrap_or_default();
    let ids = then.keys().chain(now.keys());
    let differing = ids.filter(|id| rights(then.get(id)) != rights(now.get(id)));
    differing.cloned().collect()
}

/// Returns the rights in a space to which a user's own paths differ. Space and user are `None` if
/// there was no such space or user at that time.
pub fn space_differences(
    then: (Option<&SpaceGrants>, Option<&User>),
    now: (Option<&SpaceGrants>, Option<&User>),
) -> Vec<Difference<SpaceRight>> {
    let rights = |(grants, user): (Option<&SpaceGrants>, Option<&User>)| -> SpacePaths {
        let of_both = grants.zip(user);
        of_both
            .map(|(grants, user)| grants.rights_of(user))
            .unwrap_or_default()
    };
    let (mut had, mut has) = (rights(then), rights(now));
    share_sorts(&mut had, &mut has);
    own_differences(
        (&had, &SpaceSight(then.0, Whose::User(then.1))),
        (&has, &SpaceSight(now.0, Whose::User(now.1))),
    )
}

/// Returns the rights in a space to which the paths of all users differ.
pub fn everybodys_space_differences(
    then: Option<&SpaceGrants>,
    now: Option<&SpaceGrants>,
) -> Vec<Difference<SpaceRight>> {
    let rights = |grants: Option<&SpaceGrants>| -> SpacePaths {
        grants
            .map(|grants| grants.everybodys().rights())
            .unwrap_or_default()
    };
    let (mut had, mut has) = (rights(then), rights(now));
    share_sorts(&mut had, &mut has);
    common_differences(
        (&had, &SpaceSight(then, Whose::Everybodys)),
        (&has, &SpaceSight(now, Whose::Everybodys)),
    )
}

/// Gives each resource the same kind at both times, so that a change of its kind does not look like
/// a change of rights. The later kind is taken if it is known.
fn share_sorts(had: &mut SpacePaths, has: &mut SpacePaths) {
    let mut sorts: BTreeMap<Option<String>, String> = BTreeMap::new();
    for right in had.keys().chain(has.keys()) {
        if let SpaceRight::App {
            resource,
            sort: Some(sort),
            ..
        } = right
        {
            sorts.insert(resource.clone(), sort.clone());
        }
    }
    for rights in [had, has] {
        let mut same = SpacePaths::new();
        for (mut right, paths) in std::mem::take(rights) {
            if let SpaceRight::App { resource, sort, .. } = &mut right {
                *sort = sorts.get(resource).cloned();
            }
            same.entry(right).or_default().extend(paths);
        }
        *rights = same;
    }
}

/// Whose rights are looked at.
enum Whose<'a> {
    /// The rights of one user, who is `None` if there was no such user at that time.
    User(Option<&'a User>),
    /// The rights that all users have.
    Everybodys,
}

/// What can be seen of rights in a space, which is `None` if there was no such space at that time.
struct SpaceSight<'a>(Option<&'a SpaceGrants>, Whose<'a>);

impl SpaceSight<'_> {
    /// Returns whether a path would have been visible: the list that has it must be visible and,
    /// for a path by a group, the user's groups as well. For what all users have, it must be known
    /// which group contains all users.
    fn shows(&self, right: &SpaceRight, by_group: ByGroup) -> bool {
        // Where there is nothing, nothing is hidden.
        let Some(grants) = self.0 else { return true };
        let shows_groups = match (&self.1, by_group) {
            (Whose::User(None), _) => return true,
            (Whose::User(Some(user)), ByGroup::Maybe) => user.groups.is_some(),
            (Whose::User(Some(_)), ByGroup::No) => true,
            (Whose::Everybodys, _) => grants.shows_everyone(),
        };
        match right.part() {
            SpacePart::Itself => grants.shows(SpacePart::Itself),
            part @ (SpacePart::Assignments | SpacePart::Shares) => {
                grants.shows(part) && shows_groups
            }
        }
    }
}

impl SpaceSight<'_> {
    /// Returns whether a path would have been visible in a list that was only partly visible, since
    /// the list shows the assignment of its group.
    fn knows(&self, right: &SpaceRight, path: &Path) -> bool {
        let Self(Some(grants), Whose::User(Some(user))) = self else {
            return false;
        };
        match (right.part(), path) {
            (SpacePart::Assignments, Path::Group(group)) => {
                user.groups.is_some() && grants.assigns(group)
            }
            // A group has one assignment, but may have further shares that were not visible.
            (SpacePart::Shares | SpacePart::Itself, _)
            | (
                SpacePart::Assignments,
                Path::Direct | Path::Everyone(_) | Path::UserDefault | Path::Owner,
            ) => false,
        }
    }
}

/// Whether a path may go by a group of the user.
#[derive(Clone, Copy)]
enum ByGroup {
    Maybe,
    No,
}

impl Sight<SpaceRight> for SpaceSight<'_> {
    fn shows_path(&self, right: &SpaceRight, path: &Path) -> bool {
        let by_group = match path {
            Path::Group(_) => ByGroup::Maybe,
            Path::Direct | Path::Everyone(_) | Path::UserDefault | Path::Owner => ByGroup::No,
        };
        self.shows(right, by_group) || self.knows(right, path)
    }

    fn shows_all(&self, right: &SpaceRight) -> bool {
        self.shows(right, ByGroup::Maybe)
    }
}

fn roles_by(grant: &SpaceGrant) -> Vec<SpaceRight> {
    match grant.path {
        SpacePath::Owner => vec![SpaceRight::Role(OWNER.to_owned())],
        SpacePath::Direct | SpacePath::Group(_) | SpacePath::Everyone(_) => {
            grant.roles.iter().cloned().map(SpaceRight::Role).collect()
        }
    }
}

fn apps_by(grant: &ShareGrant) -> Vec<SpaceRight> {
    let apps = grant.roles.iter().map(|role| SpaceRight::App {
        resource: grant.resource.clone(),
        sort: grant.sort.clone(),
        role: role.clone(),
    });
    apps.collect()
}

fn path(path: &SpacePath) -> Path {
    match path {
        SpacePath::Owner => Path::Owner,
        SpacePath::Direct => Path::Direct,
        SpacePath::Group(group) => Path::Group(group.clone()),
        SpacePath::Everyone(group) => Path::Everyone(group.clone()),
    }
}

#[cfg(test)]
mod tests;
