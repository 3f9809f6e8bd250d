//! What the groups of a tenant give, and so which roles a user holds by which paths.
//!
//! There is no stored list of who holds what: a user's roles follow from the user's own record and
//! from this small picture of the tenant. Groups do not nest in Qlik Cloud, so no path is longer
//! than user, group, role.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{GroupId, GroupType, Kind, Path, Record, RecordRef, Role, RoleId, User};

use super::content::is_own;
use super::unseen::Unseen;

/// The name of the role that every user has. Qlik lists it with the type `default`, and it appears
/// in nobody's assigned roles (qlik.dev, "Custom roles").
const USER_DEFAULT: &str = "UserDefault";

/// Roles, each with every path to it.
pub type RolePaths = BTreeMap<RoleId, BTreeSet<Path>>;

/// The groups of a tenant that give roles, and the roles that all users have.
///
/// Memory grows with the number of groups and of roles, not with memberships.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    /// The groups that give roles, each with those roles.
    giving: BTreeMap<GroupId, BTreeSet<RoleId>>,
    /// The groups that contain all users.
    everyone: BTreeSet<GroupId>,
    /// The groups whose roles are not visible.
    hidden: BTreeSet<GroupId>,
    /// The groups that give nothing.
    others: BTreeSet<GroupId>,
    /// The roles that every user has by default.
    default: BTreeSet<RoleId>,
}

impl Grants {
    /// Adds a role or a group. Users are ignored.
    pub fn look(&mut self, record: &Record) {
        match record {
            Record::Role(role) => {
                if is_user_default(role) {
                    self.default.insert(role.id.clone());
                }
            }
            Record::Group(group) => {
                let id = group.id.clone();
                if group.group_type.value == GroupType::Organization {
                    self.everyone.insert(id.clone());
                }
                match &group.roles {
                    None => {
                        self.hidden.insert(id);
                    }
                    Some(roles) if roles.is_empty() => {
                        self.others.insert(id);
                    }
                    Some(roles) => {
                        self.giving.insert(id, roles.keys().cloned().collect());
                    }
                }
            }
            Record::User(_) => {}
        }
    }

    /// Removes a role or a group.
    pub fn forget(&mut self, record: &RecordRef) {
        match record.kind {
            Kind::Role => {
                self.default.remove(&RoleId(record.id.clone()));
            }
            Kind::Group => {
                let id = GroupId(record.id.clone());
                self.giving.remove(&id);
                for groups in [&mut self.everyone, &mut self.hidden, &mut self.others] {
                    groups.remove(&id);
                }
            }
            Kind::User => {}
        }
    }

    /// Returns every role that a user holds, each with every path to it, including the paths that
    /// all users have.
    pub fn roles_of(&self, user: &User) -> RolePaths {
        let mut by_role = self.everybodys();
        for role in user.roles.iter().flat_map(BTreeMap::keys) {
            by_role
                .entry(role.clone())
                .or_default()
                .insert(Path::Direct);
        }
        for (group, roles) in self.groups_of(user) {
            for role in roles {
                let paths = by_role.entry(role.clone()).or_default();
                paths.insert(Path::Group(group.clone()));
            }
        }
        by_role
    }

    /// Returns the roles that all users hold, each with the paths that all users have.
    pub fn everybodys(&self) -> RolePaths {
        let mut by_role: RolePaths = BTreeMap::new();
        for role in &self.default {
            by_role
                .entry(role.clone())
                .or_default()
                .insert(Path::UserDefault);
        }
        for (group, roles) in self.everyones() {
            for role in roles {
                let paths = by_role.entry(role.clone()).or_default();
                paths.insert(Path::Everyone(group.clone()));
            }
        }
        by_role
    }

    /// Returns what cannot be seen of the roles that a user holds.
    pub fn unseen(&self, user: &User) -> BTreeSet<Unseen> {
        let mut unseen = self.unseen_of_all();
        if user.roles.is_none() {
            unseen.insert(Unseen::DirectRoles);
        }
        let Some(groups) = &user.groups else {
            unseen.insert(Unseen::Groups);
            return unseen;
        };
        for group in groups.keys() {
            if self.hidden.contains(group) {
                unseen.insert(Unseen::RolesOf(group.clone()));
            } else if !self.is_known(group) {
                unseen.insert(Unseen::Group(group.clone()));
            }
        }
        unseen
    }

    /// Returns whether a group contains all users.
    pub fn is_everyone(&self, group: &GroupId) -> bool {
        self.everyone.contains(group)
    }

    /// Returns the groups of all users.
    pub fn everyone(&self) -> &BTreeSet<GroupId> {
        &self.everyone
    }

    /// Returns the groups that give at least one of the roles to their members, except the groups
    /// that contain all users.
    pub fn giving<'a>(&'a self, roles: &'a BTreeSet<RoleId>) -> impl Iterator<Item = &'a GroupId> {
        let giving = self.giving.iter();
        giving
            .filter(|(group, given)| !self.is_everyone(group) && !given.is_disjoint(roles))
            .map(|(group, _)| group)
    }

    /// Returns whether a group is known, whether its roles are visible or not.
    pub fn is_group(&self, group: &GroupId) -> bool {
        self.is_known(group) || self.hidden.contains(group)
    }

    /// Returns the groups that are known and come after one in the order of ids; `None` for all.
    pub fn groups_after(&self, after: Option<&GroupId>) -> BTreeSet<&GroupId> {
        let giving = self.giving.keys();
        let all = giving
            .chain(&self.hidden)
            .chain(&self.others)
            .chain(&self.everyone);
        all.filter(|group| after.is_none_or(|after| *group > after))
            .collect()
    }

    /// Returns the groups whose roles are not visible.
    pub fn hidden(&self) -> impl Iterator<Item = &GroupId> {
        self.hidden.iter()
    }

    fn is_known(&self, group: &GroupId) -> bool {
        self.giving.contains_key(group) || self.others.contains(group)
    }

    /// Returns what cannot be seen of the roles that all users hold.
    pub fn unseen_of_all(&self) -> BTreeSet<Unseen> {
        let hidden = self.everyone.intersection(&self.hidden);
        hidden.cloned().map(Unseen::RolesOf).collect()
    }

    /// Returns whether a path that all users have would have been visible. Every tenant has a group
    /// of all users, and a role that every user has by default: if none is known, it could not be
    /// seen.
    pub fn shows_everybodys(&self, path: &Path) -> bool {
        match path {
            Path::Everyone(group) => {
                let is_new = !self.everyone.is_empty() && !self.everyone.contains(group);
                is_new || self.shows(group)
            }
            Path::UserDefault => !self.default.is_empty(),
            Path::Direct | Path::Group(_) | Path::Owner => true,
        }
    }

    /// Returns whether we can see which roles a group gives.
    pub fn shows(&self, group: &GroupId) -> bool {
        self.is_known(group)
    }

    /// Returns the roles that a group gives to its members, apart from what all users have; `None`
    /// if it gives none, as far as is visible.
    pub fn of_members(&self, group: &GroupId) -> Option<&BTreeSet<RoleId>> {
        let is_everyones = self.everyone.contains(group);
        self.giving.get(group).filter(|_| !is_everyones)
    }

    /// Returns the groups of a user that give anything, each with the roles that it gives.
    fn groups_of<'a>(
        &'a self,
        user: &'a User,
    ) -> impl Iterator<Item = (&'a GroupId, &'a BTreeSet<RoleId>)> {
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        groups
            .filter(|group| !self.everyone.contains(group))
            .filter_map(|group| self.giving.get_key_value(group))
    }

    fn everyones(&self) -> impl Iterator<Item = (&GroupId, &BTreeSet<RoleId>)> {
        let everyone = self.everyone.iter();
        everyone.filter_map(|group| self.giving.get_key_value(group))
    }
}

/// Returns whether every user has a role by default.
fn is_user_default(role: &Role) -> bool {
    is_own(role) && role.name == USER_DEFAULT
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Group, Id, RoleType, UserId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn role(n: u32, name: &str, origin: &str) -> Record {
        Record::Role(Role {
            origin: Some(origin.to_owned()),
            ..Role::new(RoleId(id(n)), name, Coded::new(RoleType::Basic, "user"))
        })
    }

    fn group(n: u32, group_type: GroupType, roles: Option<&[u32]>) -> Record {
        let roles = roles.map(|roles| roles.iter().map(|n| (RoleId(id(*n)), String::new())));
        Record::Group(Group {
            id: GroupId(id(n)),
            name: format!("group {n}"),
            description: None,
            group_type: Coded::new(group_type, "x"),
            status: None,
            idp_id: None,
            roles: roles.map(Iterator::collect),
            created_at: None,
            updated_at: None,
        })
    }

    fn user(roles: Option<&[u32]>, groups: Option<&[u32]>) -> User {
        let named = |n: &u32| (id(*n), String::new());
        let roles = roles.map(|roles| roles.iter().map(named));
        let groups = groups.map(|groups| groups.iter().map(named));
        User {
            roles: roles.map(|it| it.map(|(id, name)| (RoleId(id), name)).collect()),
            groups: groups.map(|it| it.map(|(id, name)| (GroupId(id), name)).collect()),
            ..User::new(UserId(id(900)), "idp|900")
        }
    }

    /// Roles 1 to 3, of which 1 is everybody's by default; groups 11 (gives 2), 12 (gives nothing),
    /// 13 (hides what it gives), and 14, the group of all users (gives 3).
    fn grants() -> Grants {
        let mut grants = Grants::default();
        for record in [
            role(1, "UserDefault", "default"),
            role(2, "UserDefault", "custom"),
            role(3, "Viewer", "custom"),
            group(11, GroupType::Group, Some(&[2])),
            group(12, GroupType::Group, Some(&[])),
            group(13, GroupType::Group, None),
            group(14, GroupType::Organization, Some(&[3])),
        ] {
            grants.look(&record);
        }
        grants
    }

    fn roles_of(user: &User) -> Vec<(RoleId, Vec<Path>)> {
        let by_role = grants().roles_of(user).into_iter();
        by_role
            .map(|(role, paths)| (role, paths.into_iter().collect()))
            .collect()
    }

    #[test]
    fn every_path_to_a_role_is_found() {
        let by_group = |n| Path::Group(GroupId(id(n)));
        let everyone = Path::Everyone(GroupId(id(14)));

        assert_eq!(
            roles_of(&user(Some(&[2, 3]), Some(&[11, 12]))),
            [
                (RoleId(id(1)), vec![Path::UserDefault]),
                (RoleId(id(2)), vec![Path::Direct, by_group(11)]),
                (RoleId(id(3)), vec![Path::Direct, everyone.clone()]),
            ]
        );
        // The same holds for a user who shows nothing, and for one who shows the group of all
        // users.
        let least = [
            (RoleId(id(1)), vec![Path::UserDefault]),
            (RoleId(id(3)), vec![everyone]),
        ];
        assert_eq!(roles_of(&user(None, None)), least);
        assert_eq!(roles_of(&user(Some(&[]), Some(&[14]))), least);
    }

    #[test]
    fn what_a_group_gives_to_its_members_alone_is_told_from_what_all_users_have() {
        let grants = grants();
        let (two, three) = (RoleId(id(2)), RoleId(id(3)));
        let both = BTreeSet::from([two.clone(), three]);
        let of = |n| grants.of_members(&GroupId(id(n)));

        assert_eq!(of(11), Some(&BTreeSet::from([two])));
        assert_eq!([12, 13, 14].map(of), [None; 3]);
        let giving: Vec<_> = grants.giving(&both).collect();
        assert_eq!(giving, [&GroupId(id(11))]);
        assert!(grants.is_everyone(&GroupId(id(14))));
    }

    #[test]
    fn groups_are_listed_whatever_they_give_until_they_are_gone() {
        let mut grants = grants();
        let after = |grants: &Grants, n: Option<u32>| -> Vec<GroupId> {
            let after = n.map(|n| GroupId(id(n)));
            grants
                .groups_after(after.as_ref())
                .into_iter()
                .cloned()
                .collect()
        };
        let groups =
            |all: &[u32]| -> Vec<GroupId> { all.iter().map(|n| GroupId(id(*n))).collect() };
        assert_eq!(after(&grants, None), groups(&[11, 12, 13, 14]));
        assert_eq!(after(&grants, Some(12)), groups(&[13, 14]));
        for n in 11..=14 {
            assert!(grants.is_group(&GroupId(id(n))), "{n}");
        }

        for n in [13, 14] {
            grants.forget(&RecordRef {
                kind: Kind::Group,
                id: id(n),
            });
        }

        assert_eq!(after(&grants, None), groups(&[11, 12]));
        assert!(grants.everyone().is_empty());
        assert!(!grants.is_group(&GroupId(id(13))));
        assert_eq!(grants.everybodys().len(), 1, "the role by default is left");
    }

    #[test]
    fn what_all_users_have_was_hidden_if_nothing_of_its_sort_is_known() {
        let everyone = |n| Path::Everyone(GroupId(id(n)));
        let mut hiding = Grants::default();
        hiding.look(&group(14, GroupType::Organization, None));

        for (grants, path, expected) in [
            (grants(), everyone(14), true),
            // A second group of all users.
            (grants(), everyone(15), true),
            (grants(), Path::UserDefault, true),
            (hiding, everyone(14), false),
            (Grants::default(), everyone(14), false),
            (Grants::default(), Path::UserDefault, false),
            (Grants::default(), Path::Direct, true),
        ] {
            let shows = grants.shows_everybodys(&path);
            assert_eq!(shows, expected, "{path:?} {grants:?}");
        }
    }

    #[test]
    fn what_is_not_visible_is_said() {
        let unseen = |roles, groups| -> Vec<Unseen> {
            grants().unseen(&user(roles, groups)).into_iter().collect()
        };

        assert_eq!(unseen(Some(&[]), Some(&[11, 12, 14])), []);
        assert_eq!(unseen(None, None), [Unseen::DirectRoles, Unseen::Groups]);
        assert_eq!(
            unseen(Some(&[]), Some(&[13, 99])),
            [
                Unseen::RolesOf(GroupId(id(13))),
                Unseen::Group(GroupId(id(99)))
            ]
        );
    }
}
