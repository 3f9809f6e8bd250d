//! What may be known of a tenant after it was looked at again and again, and who then holds which
//! role by which paths: slow, and as the documents say it.
//!
//! Only what a tenant shows goes in, and which removals wait for an operator.

use std::collections::{BTreeMap, BTreeSet};

use qlik_roster::model::{
    AccessChange, Barrier, GroupId, Kind, Loss, Path, Removal, RoleId, ShownPath, Taken, Timestamp,
    UserId,
};

use super::raw::{Seen, SeenUser};

/// Every path of every user to every role.
pub type Reckoning = BTreeMap<(UserId, RoleId), BTreeSet<String>>;

/// How the roles of each user changed.
pub type Differences =
    BTreeMap<(UserId, RoleId), (AccessChange, BTreeSet<String>, BTreeSet<String>)>;

/// What is known of a tenant at a time.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub users: BTreeMap<UserId, KnownUser>,
    pub roles: BTreeMap<RoleId, KnownRole>,
    pub groups: BTreeMap<GroupId, KnownGroup>,
    /// The names of all roles that were ever listed: a record that hides its roles may still be
    /// known to have one that is gone.
    names: BTreeMap<RoleId, String>,
}

#[derive(Debug, Clone)]
pub struct KnownUser {
    /// `None` if they were never visible.
    pub roles: Option<BTreeSet<RoleId>>,
    /// `None` if they were never visible.
    pub groups: Option<BTreeSet<GroupId>>,
    status: String,
    invited_until: Option<i64>,
}

#[derive(Debug, Clone)]
pub struct KnownRole {
    pub name: String,
    sort: String,
}

#[derive(Debug, Clone)]
pub struct KnownGroup {
    has_everyone: bool,
    /// `None` if they were never visible.
    pub roles: Option<BTreeSet<RoleId>>,
}

impl KnownUser {
    /// Returns whether the user is known to be in a group.
    pub fn is_in(&self, group: &GroupId) -> bool {
        self.groups.iter().any(|groups| groups.contains(group))
    }
}

/// Removals: records that are gone, and what records that are there have lost.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removals {
    pub users: BTreeSet<UserId>,
    pub roles: BTreeSet<RoleId>,
    pub groups: BTreeSet<GroupId>,
    pub user_roles: BTreeSet<(UserId, RoleId)>,
    pub memberships: BTreeSet<(UserId, GroupId)>,
    pub group_roles: BTreeSet<(GroupId, RoleId)>,
}

impl Removals {
    /// Reads what a plan lists.
    pub fn of(listed: &[Removal]) -> Self {
        let mut removals = Self::default();
        for Removal { record, what, .. } in listed {
            let (user, group) = (UserId(record.id.clone()), GroupId(record.id.clone()));
            match (record.kind, what) {
                (Kind::User, Taken::Record { .. }) => drop(removals.users.insert(user)),
                (Kind::Group, Taken::Record { .. }) => drop(removals.groups.insert(group)),
                (Kind::Role, _) => drop(removals.roles.insert(RoleId(record.id.clone()))),
                (Kind::User, Taken::Access { roles, groups }) => {
                    let of_user = |id: &RoleId| (user.clone(), id.clone());
                    removals.user_roles.extend(roles.keys().map(of_user));
                    let of_user = |id: &GroupId| (user.clone(), id.clone());
                    removals.memberships.extend(groups.keys().map(of_user));
                }
                (Kind::Group, Taken::Access { roles, .. }) => {
                    let of_group = |id: &RoleId| (group.clone(), id.clone());
                    removals.group_roles.extend(roles.keys().map(of_group));
                }
            }
        }
        removals
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Leaves out what would take away users, memberships or roles, unless that sort is held. Roles
    /// and groups may also wait for what refers to them.
    pub fn of_sorts(self, held: &BTreeSet<Loss>) -> Self {
        let none = Self::default();
        let Self {
            users,
            roles,
            groups,
            user_roles,
            memberships,
            group_roles,
        } = self;
        let (user_roles, group_roles) = match held.contains(&Loss::RoleAssignments) {
            true => (user_roles, group_roles),
            false => (none.user_roles, none.group_roles),
        };
        Self {
            users: if held.contains(&Loss::Users) {
                users
            } else {
                none.users
            },
            roles,
            groups,
            user_roles,
            memberships: match held.contains(&Loss::Memberships) {
                true => memberships,
                false => none.memberships,
            },
            group_roles,
        }
    }

    /// Returns what is not among others.
    pub fn without(&self, others: &Self) -> Self {
        Self {
            users: &self.users - &others.users,
            roles: &self.roles - &others.roles,
            groups: &self.groups - &others.groups,
            user_roles: &self.user_roles - &others.user_roles,
            memberships: &self.memberships - &others.memberships,
            group_roles: &self.group_roles - &others.group_roles,
        }
    }
}

impl Known {
    /// Returns what is known after a look. What is not shown stays as it was known, and what waits
    /// for an operator has not happened.
    pub fn after(&self, seen: &Seen, waiting: &Removals) -> Self {
        let mut users = BTreeMap::new();
        for (id, user) in &seen.users {
            let SeenUser {
                roles,
                groups,
                status,
                invited_until,
            } = user.clone();
            let old = self.users.get(id);
            let old_roles = old.and_then(|old| old.roles.as_ref());
            let old_groups = old.and_then(|old| old.groups.as_ref());
            let waits = |role: &RoleId| waiting.user_roles.contains(&(id.clone(), role.clone()));
            let stays =
                |group: &GroupId| waiting.memberships.contains(&(id.clone(), group.clone()));
            let user = KnownUser {
                roles: list(old_roles, roles, waits),
                groups: list(old_groups, groups, stays),
                status,
                invited_until,
            };
            users.insert(id.clone(), user);
        }
        for (id, user) in &self.users {
            if !seen.users.contains_key(id) && waiting.users.contains(id) {
                users.insert(id.clone(), user.clone());
            }
        }
        let mut names = self.names.clone();
        for (id, role) in seen.roles.iter().flatten() {
            names.insert(id.clone(), role.name.clone());
        }
        Self {
            users,
            roles: self.roles_after(seen, waiting),
            groups: self.groups_after(seen, waiting),
            names,
        }
    }

    fn roles_after(&self, seen: &Seen, waiting: &Removals) -> BTreeMap<RoleId, KnownRole> {
        let Some(shown) = &seen.roles else {
            return self.roles.clone();
        };
        let shown = shown.iter().map(|(id, role)| {
            let (name, sort) = (role.name.clone(), role.sort.clone());
            (id.clone(), KnownRole { name, sort })
        });
        let mut roles: BTreeMap<RoleId, KnownRole> = shown.collect();
        for (id, role) in &self.roles {
            if waiting.roles.contains(id) {
                roles.entry(id.clone()).or_insert_with(|| role.clone());
            }
        }
        roles
    }

    fn groups_after(&self, seen: &Seen, waiting: &Removals) -> BTreeMap<GroupId, KnownGroup> {
        let Some(shown) = &seen.groups else {
            return self.groups.clone();
        };
        let mut groups = BTreeMap::new();
        for (id, group) in shown {
            let old = self.groups.get(id).and_then(|old| old.roles.as_ref());
            let waits = |role: &RoleId| waiting.group_roles.contains(&(id.clone(), role.clone()));
            let group = KnownGroup {
                has_everyone: group.has_everyone,
                roles: list(old, group.roles.clone(), waits),
            };
            groups.insert(id.clone(), group);
        }
        for (id, group) in &self.groups {
            if waiting.groups.contains(id) {
                groups.entry(id.clone()).or_insert_with(|| group.clone());
            }
        }
        groups
    }

    /// Returns the roles that are listed, and those that a user or a group is still known to have.
    pub fn named_roles(&self) -> BTreeMap<RoleId, String> {
        let listed = self.roles.iter();
        let mut named: BTreeMap<RoleId, String> = listed
            .map(|(id, role)| (id.clone(), role.name.clone()))
            .collect();
        let of_users = self.users.values().flat_map(|it| it.roles.iter().flatten());
        let of_groups = self
            .groups
            .values()
            .flat_map(|it| it.roles.iter().flatten());
        for id in of_users.chain(of_groups) {
            named.insert(id.clone(), self.names[id].clone());
        }
        named
    }

    /// Returns what a look shows to be gone or lost. What is not visible is not lost.
    pub fn lost(&self, seen: &Seen) -> Removals {
        let mut lost = Removals::default();
        for (id, user) in &self.users {
            let Some(now) = seen.users.get(id) else {
                lost.users.insert(id.clone());
                continue;
            };
            let roles = gone(user.roles.as_ref(), now.roles.as_ref());
            let groups = gone(user.groups.as_ref(), now.groups.as_ref());
            lost.user_roles.extend(roles.map(|role| (id.clone(), role)));
            lost.memberships
                .extend(groups.map(|group| (id.clone(), group)));
        }
        if let Some(roles) = &seen.roles {
            let roles_gone = self.roles.keys().filter(|id| !roles.contains_key(id));
            lost.roles.extend(roles_gone.cloned());
        }
        let Some(groups) = &seen.groups else {
            return lost;
        };
        for (id, group) in &self.groups {
            let Some(now) = groups.get(id) else {
                lost.groups.insert(id.clone());
                continue;
            };
            let roles = gone(group.roles.as_ref(), now.roles.as_ref());
            lost.group_roles
                .extend(roles.map(|role| (id.clone(), role)));
        }
        lost
    }

    /// Asserts that nothing waits but what was known and is not shown.
    pub fn assert_waits(&self, seen: &Seen, waiting: &Removals) {
        let mut unfounded = waiting.without(&self.lost(seen));
        unfounded.user_roles.retain(|(user, _)| {
            let user = seen.users.get(user);
            user.is_some_and(|user| user.roles.is_some())
        });
        unfounded.memberships.retain(|(user, _)| {
            let user = seen.users.get(user);
            user.is_some_and(|user| user.groups.is_some())
        });
        let groups = seen.groups.as_ref();
        unfounded.group_roles.retain(|(group, _)| {
            let group = groups.and_then(|groups| groups.get(group));
            group.is_some_and(|group| group.roles.is_some())
        });
        unfounded.groups.retain(|_| groups.is_some());
        unfounded.roles.retain(|_| seen.roles.is_some());
        assert!(
            unfounded.is_empty(),
            "it waits, and is shown: {unfounded:?}"
        );
    }

    /// Computes every path: each user with each role and each group.
    pub fn reckon(&self) -> Reckoning {
        let mut reckoning = Reckoning::new();
        for (id, user) in &self.users {
            let mut add = |role: &RoleId, path: String| {
                let paths = reckoning.entry((id.clone(), role.clone()));
                paths.or_default().insert(path);
            };
            for role in user.roles.iter().flatten() {
                add(role, "direct".to_owned());
            }
            for role in self.default_roles() {
                add(role, "every user".to_owned());
            }
            for (group, it) in &self.groups {
                let mut groups = user.groups.iter().flatten();
                let is_member = groups.any(|of_user| of_user == group);
                for role in it.roles.iter().flatten() {
                    if it.has_everyone {
                        add(role, format!("everyone {group}"));
                    } else if is_member {
                        add(role, format!("group {group}"));
                    }
                }
            }
        }
        reckoning
    }

    /// Returns whether something of what a user holds was never visible.
    pub fn hides(&self, user: &UserId) -> bool {
        let Some(user) = self.users.get(user) else {
            return false;
        };
        let hides = |group: &GroupId| self.groups.get(group).is_none_or(|it| it.roles.is_none());
        let mut everyone = self.groups.values().filter(|it| it.has_everyone);
        user.roles.is_none()
            || user
                .groups
                .as_ref()
                .is_none_or(|groups| groups.iter().any(hides))
            || everyone.any(|it| it.roles.is_none())
    }

    /// Returns the groups of all users.
    pub fn everyone(&self) -> Vec<GroupId> {
        let groups = self.groups.iter().filter(|(_, it)| it.has_everyone);
        groups.map(|(id, _)| id.clone()).collect()
    }

    /// Returns whether something of what anybody holds was never visible.
    pub fn hides_anything(&self) -> bool {
        self.users.keys().any(|user| self.hides(user))
    }

    /// Returns whether a path would have been visible if a user had had it. Whoever was not there
    /// had none.
    fn shows(&self, user: &UserId, path: &str) -> bool {
        let Some(user) = self.users.get(user) else {
            return true;
        };
        match path.split_once(' ') {
            None => user.roles.is_some(),
            Some(("group", group)) => user.groups.as_ref().is_some_and(|groups| {
                let is_member = groups.iter().any(|id| id.to_string() == group);
                !is_member || self.shows_roles_of(group)
            }),
            Some(_) => self.shows_everybodys(path),
        }
    }

    /// Returns whether a path that all users have would have been visible. Every tenant has a group
    /// of all users and a role that all have: while none is known, they are hidden.
    fn shows_everybodys(&self, path: &str) -> bool {
        match path.strip_prefix("everyone ") {
            Some(group) => {
                let everyone = self.everyone();
                let is_one = everyone.iter().any(|id| id.to_string() == group);
                let is_new = !everyone.is_empty() && !is_one;
                is_new || self.shows_roles_of(group)
            }
            None => self.default_roles().next().is_some(),
        }
    }

    fn shows_roles_of(&self, group: &str) -> bool {
        let mut groups = self.groups.iter();
        let group = groups.find(|(id, _)| id.to_string() == group);
        group.is_some_and(|(_, it)| it.roles.is_some())
    }

    /// Returns the roles that every user has by default.
    fn default_roles(&self) -> impl Iterator<Item = &RoleId> {
        let default = |it: &KnownRole| it.name == "UserDefault" && it.sort == "default";
        let roles = self.roles.iter();
        roles.filter(move |(_, it)| default(it)).map(|(id, _)| id)
    }

    /// Returns what kept a user from using any right at a time.
    pub fn barrier(&self, user: &UserId, at: Timestamp) -> Option<Barrier> {
        let KnownUser {
            status,
            invited_until,
            ..
        } = &self.users[user];
        match (status.as_str(), invited_until) {
            ("active", _) => None,
            ("disabled", _) => Some(Barrier::Disabled),
            ("invited" | "provisioned", Some(until)) if *until < at.millis() => {
                Some(Barrier::InvitationEnded)
            }
            ("invited" | "provisioned", _) => Some(Barrier::Invited),
            (other, _) => panic!("no status of a user: {other}"),
        }
    }
}

/// Returns a list after a look: what is shown of it, and what is lost and waits. One that is not
/// shown stays as it was known.
fn list<I: Ord + Clone>(
    old: Option<&BTreeSet<I>>,
    shown: Option<BTreeSet<I>>,
    waits: impl Fn(&I) -> bool,
) -> Option<BTreeSet<I>> {
    let Some(mut shown) = shown else {
        return old.cloned();
    };
    shown.extend(old.into_iter().flatten().filter(|id| waits(id)).cloned());
    Some(shown)
}

/// Returns what a list no longer has, if it is shown.
fn gone<'a, I: Ord + Clone>(
    old: Option<&'a BTreeSet<I>>,
    shown: Option<&'a BTreeSet<I>>,
) -> impl Iterator<Item = I> + 'a {
    let old = old.filter(|_| shown.is_some()).into_iter().flatten();
    let is_gone = move |id: &&I| !shown.is_some_and(|shown| shown.contains(*id));
    old.filter(is_gone).cloned()
}

/// Computes how each user's own paths changed, as far as that is certain: what merely becomes
/// visible is not granted, and nothing is revoked while a path may be hidden.
pub fn differences(before: &Known, after: &Known) -> Differences {
    let (earlier, later) = (before.reckon(), after.reckon());
    let none = BTreeSet::new();
    let mut expected = BTreeMap::new();
    for who in earlier.keys().chain(later.keys()) {
        let user = &who.0;
        let had = earlier.get(who).unwrap_or(&none);
        let has = later.get(who).unwrap_or(&none);
        if own_paths(had) == own_paths(has) {
            continue;
        }
        let has_new = has.difference(had).any(|path| before.shows(user, path));
        let has_lost = had.difference(has).any(|path| after.shows(user, path));
        let (change, is_certain) = match (had.is_empty(), has.is_empty()) {
            (true, _) => (AccessChange::Granted, has_new),
            (_, true) => (AccessChange::Revoked, !after.hides(user)),
            (false, false) => (AccessChange::PathChanged, has_new || has_lost),
        };
        if is_certain {
            expected.insert(who.clone(), (change, had.clone(), has.clone()));
        }
    }
    expected
}

/// Computes the roles to which the paths of all users differ, as far as that is certain.
pub fn everybodys_differences(before: &Known, after: &Known) -> BTreeSet<RoleId> {
    let (had, has) = (everybodys(before), everybodys(after));
    let is_shown = |known: &Known| {
        let mut everyone = known.groups.values().filter(|it| it.has_everyone);
        everyone.all(|it| it.roles.is_some())
    };
    let none = BTreeSet::new();
    let changed = had.keys().chain(has.keys()).filter(|role| {
        let had = had.get(*role).unwrap_or(&none);
        let has = has.get(*role).unwrap_or(&none);
        let is_new = has
            .difference(had)
            .any(|path| before.shows_everybodys(path));
        let is_gone = had.difference(has).any(|path| after.shows_everybodys(path));
        had != has
            && match (had.is_empty(), has.is_empty()) {
                (true, _) => is_shown(before) && is_new,
                (_, true) => is_shown(after),
                (false, false) => is_new || is_gone,
            }
    });
    changed.cloned().collect()
}

/// Returns the roles that all users hold, each with the paths that all users have.
pub fn everybodys(known: &Known) -> BTreeMap<RoleId, BTreeSet<String>> {
    let mut everybodys = BTreeMap::<RoleId, BTreeSet<String>>::new();
    for role in known.default_roles() {
        let paths = everybodys.entry(role.clone()).or_default();
        paths.insert("every user".to_owned());
    }
    for (group, it) in known.groups.iter().filter(|(_, it)| it.has_everyone) {
        for role in it.roles.iter().flatten() {
            let paths = everybodys.entry(role.clone()).or_default();
            paths.insert(format!("everyone {group}"));
        }
    }
    everybodys
}

/// Keeps the roles that users hold by at least one path that not everybody has.
pub fn own(reckoning: Reckoning) -> Reckoning {
    let own = reckoning.into_iter();
    own.filter(|(_, paths)| paths.iter().any(|path| is_own(path)))
        .collect()
}

pub fn own_paths(paths: &BTreeSet<String>) -> BTreeSet<String> {
    paths.iter().filter(|path| is_own(path)).cloned().collect()
}

pub fn is_own(path: &str) -> bool {
    path == "direct" || path.starts_with("group ")
}

pub fn words(paths: &[ShownPath]) -> BTreeSet<String> {
    let words = paths.iter().map(|shown| match &shown.path {
        Path::Direct => "direct".to_owned(),
        Path::Group(group) => format!("group {group}"),
        Path::Everyone(group) => format!("everyone {group}"),
        Path::UserDefault => "every user".to_owned(),
        Path::Owner => panic!("no role belongs to an owner"),
    });
    words.collect()
}
