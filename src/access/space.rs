//! Who can open a space, or a single app of it, and by which paths.
//!
//! In a space, as in a tenant, rights only add up: a user has the roles of every path. The owner
//! has no assignment, but has all roles that can be assigned.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::model::{
    Assignee, GroupId, Id, Role, Space, SpaceAssignment, SpacePart, SpaceShare, Timestamp, User,
    UserId,
};

use super::content::is_own;
use super::grants::Grants;

/// What sort a personal space is of. The source documents no roles in one.
pub const PERSONAL: &str = "personal";

/// The source's own roles whose holders may give themselves any role in some spaces, with the sorts
/// of these spaces; `None` means all but personal ones (help.qlik.com, "Roles in Qlik Cloud").
const ADMINISTRATORS: [(&str, Option<&[&str]>); 3] = [
    ("TenantAdmin", None),
    ("AnalyticsAdmin", Some(&["shared", "managed"])),
    ("DataAdmin", Some(&["data"])),
];

/// One way by which a user can reach a space, or an app that is shared from it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type", content = "group")]
pub enum SpacePath {
    /// The user owns the space.
    Owner,
    /// The user is assigned.
    Direct,
    /// The user is in a group that is assigned.
    Group(GroupId),
    /// The system group of all users is assigned.
    Everyone(GroupId),
}

impl SpacePath {
    /// Returns the group that is assigned; `None` if no group is.
    pub fn group(&self) -> Option<&GroupId> {
        match self {
            Self::Group(group) | Self::Everyone(group) => Some(group),
            Self::Owner | Self::Direct => None,
        }
    }
}

/// A path to a space, with what it gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceGrant {
    /// The path.
    pub path: SpacePath,
    /// The roles in the space, as the source writes them. Empty for the owner.
    pub roles: BTreeSet<String>,
    /// When the assignment was created, by the source; for the owner `None`.
    pub since: Option<Timestamp>,
    /// Who created it.
    pub by: Option<Id>,
    /// When its roles last changed.
    pub changed: Option<Timestamp>,
}

/// A path to an app that is shared without the rest of its space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareGrant {
    /// The share.
    pub share: Id,
    /// What is shared.
    pub resource: Option<String>,
    /// What kind of resource that is, such as `app`; as written.
    pub sort: Option<String>,
    /// The path.
    pub path: SpacePath,
    /// What it allows, as the source writes it.
    pub roles: BTreeSet<String>,
    /// When it was created.
    pub since: Option<Timestamp>,
    /// Who created it.
    pub by: Option<Id>,
}

/// The paths to a space, computed once and then looked up for each user.
#[derive(Debug, Default)]
pub struct SpaceGrants {
    owner: Option<UserId>,
    users: BTreeMap<UserId, UserGrants>,
    groups: BTreeMap<GroupId, UserGrants>,
    /// What every user has.
    everybodys: UserGrants,
    /// The parts that were never fully visible.
    hidden: BTreeSet<SpacePart>,
    /// The parts whose known values may be out of date. They count as not visible.
    unseen: BTreeSet<SpacePart>,
    /// Whether no group of all users was visible, so that nobody can tell what they have.
    hides_everyone: bool,
}

/// Paths to a space and to what is shared from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserGrants {
    /// Paths to the space.
    pub space: Vec<SpaceGrant>,
    /// Paths to single apps.
    pub shares: Vec<ShareGrant>,
}

impl UserGrants {
    /// Returns whether there is no path.
    pub fn is_empty(&self) -> bool {
        self.space.is_empty() && self.shares.is_empty()
    }
}

impl SpaceGrants {
    /// Computes the paths to a space. A share that is switched off counts: the source documents
    /// that this ends only links, and a link gives nothing to a particular user.
    pub fn of(space: &Space, grants: &Grants) -> Self {
        let mut found = Self {
            owner: space.head.owner.clone(),
            hides_everyone: grants.everyone().is_empty(),
            ..Self::default()
        };
        for part in [SpacePart::Assignments, SpacePart::Shares] {
            if !space.was_whole(part) {
                found.hidden.insert(part);
            }
        }
        for (assignee, assignment) in space.assignments.iter().flatten() {
            if let Some((path, place)) = found.place(assignee, grants) {
                place.space.push(space_grant(path, assignment));
            }
        }
        for (id, share) in space.shares.iter().flatten() {
            if let Some(with) = share.assignee()
                && let Some((path, place)) = found.place(&with, grants)
            {
                place.shares.push(share_grant(id, path, share));
            }
        }
        found
    }

    /// Adds parts that were not visible. If the space itself was not visible, none of its parts
    /// were.
    #[must_use]
    pub fn hiding(mut self, unseen: &BTreeSet<SpacePart>) -> Self {
        self.unseen.extend(unseen);
        if unseen.contains(&SpacePart::Itself) {
            self.unseen
                .extend([SpacePart::Assignments, SpacePart::Shares]);
        }
        self
    }

    /// Returns the paths to a space that was not visible at all.
    pub fn hidden() -> Self {
        let parts = [SpacePart::Itself, SpacePart::Assignments, SpacePart::Shares];
        Self {
            hidden: parts.into(),
            ..Self::default()
        }
    }

    /// Returns the path of an assignee, and the list that its entry belongs to. `None` if the
    /// assignee is not a user and not a group.
    fn place(
        &mut self,
        assignee: &Assignee,
        grants: &Grants,
    ) -> Option<(SpacePath, &mut UserGrants)> {
        if let Some(user) = assignee.user() {
            return Some((SpacePath::Direct, self.users.entry(user).or_default()));
        }
        let group = assignee.group()?;
        if grants.is_everyone(&group) {
            return Some((SpacePath::Everyone(group), &mut self.everybodys));
        }
        let path = SpacePath::Group(group.clone());
        Some((path, self.groups.entry(group).or_default()))
    }

    /// Returns the paths of a user that not everybody has.
    pub fn own(&self, user: &User) -> UserGrants {
        let mut own = UserGrants::default();
        if self.owner.as_ref() == Some(&user.id) {
            own.space.push(SpaceGrant {
                path: SpacePath::Owner,
                roles: BTreeSet::new(),
                since: None,
                by: None,
                changed: None,
            });
        }
        let direct = self.users.get(&user.id).into_iter();
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        let by_group = groups.filter_map(|group| self.groups.get(group));
        for grants in direct.chain(by_group) {
            own.space.extend(grants.space.iter().cloned());
            own.shares.extend(grants.shares.iter().cloned());
        }
        own
    }

    /// Returns the paths that every user has.
    pub fn everybodys(&self) -> &UserGrants {
        &self.everybodys
    }

    /// Returns the owner.
    pub fn owner(&self) -> Option<&UserId> {
        self.owner.as_ref()
    }

    /// Returns the users who are assigned, or whom something is shared with, and their paths.
    pub(super) fn users(&self) -> &BTreeMap<UserId, UserGrants> {
        &self.users
    }

    /// Returns the groups that are assigned, or that something is shared with, and the paths that
    /// they give to their members.
    pub(super) fn groups(&self) -> &BTreeMap<GroupId, UserGrants> {
        &self.groups
    }

    /// Returns whether a group is assigned. Each assignee has one assignment. If the list of
    /// assignments may be out of date, no group counts as assigned.
    pub(super) fn assigns(&self, group: &GroupId) -> bool {
        let grants = self.groups.get(group);
        let is_seen = !self.unseen.contains(&SpacePart::Assignments);
        is_seen && grants.is_some_and(|grants| !grants.space.is_empty())
    }

    /// Returns whether it is visible what is assigned to all users.
    pub(super) fn shows_everyone(&self) -> bool {
        !self.hides_everyone
    }

    /// Returns whether a part of the space counts as visible.
    pub(super) fn shows(&self, part: SpacePart) -> bool {
        !self.hidden.contains(&part) && !self.unseen.contains(&part)
    }
}

/// Returns whether the holders of a role may give themselves any role in spaces of this sort. They
/// cannot open a space by it: they would have to take a role there first.
pub fn administers(role: &Role, sort: Option<&str>) -> bool {
    let found = ADMINISTRATORS.iter().find(|(name, _)| *name == role.name);
    is_own(role)
        && sort != Some(PERSONAL)
        && found.is_some_and(|(_, sorts)| {
            sorts.is_none_or(|sorts| sort.is_some_and(|sort| sorts.contains(&sort)))
        })
}

fn space_grant(path: SpacePath, assignment: &SpaceAssignment) -> SpaceGrant {
    SpaceGrant {
        path,
        roles: assignment.roles.clone(),
        since: assignment.created_at,
        by: assignment.created_by.clone(),
        changed: assignment.updated_at,
    }
}

fn share_grant(id: &Id, path: SpacePath, share: &SpaceShare) -> ShareGrant {
    ShareGrant {
        share: id.clone(),
        resource: share.resource.clone(),
        sort: share.resource_sort.clone(),
        path,
        roles: share.roles.clone(),
        since: share.created_at,
        by: share.created_by.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Group, GroupType, Record, RoleId, RoleType, SpaceHead, SpaceId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn everyone() -> Record {
        Record::Group(Group {
            id: GroupId(id(14)),
            name: "com.qlik.Everyone".into(),
            description: None,
            group_type: Coded::new(GroupType::Organization, "system"),
            status: None,
            idp_id: None,
            roles: Some(BTreeMap::new()),
            created_at: None,
            updated_at: None,
        })
    }

    fn share(sort: &str, with: Option<u32>, is_disabled: bool) -> SpaceShare {
        SpaceShare {
            sort: sort.into(),
            with: with.map(id),
            roles: ["consumer".to_owned()].into(),
            resource: Some("app-1".into()),
            resource_sort: Some("app".into()),
            is_disabled,
            created_at: None,
            created_by: None,
        }
    }

    /// User 1 owns it; user 2, bot 3, groups 11 and 14 (everyone) and a hologram are assigned; an
    /// app is shared with user 2, with group 11, and, switched off, with user 4.
    fn space() -> Space {
        let rows = [
            ("user", 2),
            ("bot", 3),
            ("group", 11),
            ("group", 14),
            ("hologram", 2),
        ];
        let assignments = rows.map(|(sort, n)| {
            let assignee = Assignee {
                sort: sort.into(),
                id: id(n),
            };
            let assignment = SpaceAssignment {
                roles: [format!("{sort} role")].into(),
                created_at: Some(Timestamp::from_millis(i64::from(n))),
                created_by: Some(id(1)),
                updated_at: None,
            };
            (assignee, assignment)
        });
        let shares = [
            (id(101), share("user", Some(2), false)),
            (id(102), share("group", Some(11), false)),
            (id(103), share("user", Some(4), true)),
            (id(104), share("link", None, false)),
        ];
        Space {
            id: SpaceId(id(99)),
            head: SpaceHead {
                name: "Sales".into(),
                sort: Some("shared".into()),
                owner: Some(UserId(id(1))),
                created_at: None,
                unseen: BTreeSet::new(),
            },
            assignments: Some(assignments.into()),
            shares: Some(shares.into()),
            partial: BTreeSet::new(),
        }
    }

    fn user(n: u32, groups: &[u32]) -> User {
        let named = groups.iter().map(|n| (GroupId(id(*n)), String::new()));
        User {
            groups: Some(named.collect()),
            ..User::new(UserId(id(n)), "idp|n")
        }
    }

    #[test]
    fn a_space_is_open_by_every_path_to_it() {
        let mut grants = Grants::default();
        grants.look(&everyone());
        let grants = SpaceGrants::of(&space(), &grants);
        let by_group = || SpacePath::Group(GroupId(id(11)));
        let paths = |n, groups: &[u32]| {
            let own = grants.own(&user(n, groups));
            let space: Vec<_> = own.space.into_iter().map(|grant| grant.path).collect();
            let shares: Vec<_> = own.shares.into_iter().map(|grant| grant.path).collect();
            (space, shares)
        };

        assert_eq!(paths(1, &[14]), (vec![SpacePath::Owner], vec![]));
        assert_eq!(
            paths(2, &[11, 12]),
            (
                vec![SpacePath::Direct, by_group()],
                vec![SpacePath::Direct, by_group()]
            )
        );
        assert_eq!(paths(3, &[]), (vec![SpacePath::Direct], vec![]));
        // Switching a share off ends only links, and a link gives nothing to a particular user.
        assert_eq!(paths(4, &[12]), (vec![], vec![SpacePath::Direct]));
        assert_eq!(paths(5, &[12]), (vec![], vec![]));
        let everybodys = grants.everybodys();
        assert_eq!(
            everybodys.space[0].path,
            SpacePath::Everyone(GroupId(id(14)))
        );
        let direct = grants.own(&user(2, &[]));
        assert_eq!(direct.space[0].since, Some(Timestamp::from_millis(2)));
    }

    #[test]
    fn administrators_may_take_roles_in_their_spaces() {
        let role = |name: &str, origin: &str| Role {
            origin: Some(origin.to_owned()),
            ..Role::new(RoleId(id(1)), name, Coded::new(RoleType::Basic, "user"))
        };
        for (name, origin, sort, expected) in [
            ("TenantAdmin", "default", Some("shared"), true),
            ("TenantAdmin", "default", None, true),
            ("TenantAdmin", "custom", Some("shared"), false),
            ("AnalyticsAdmin", "default", Some("managed"), true),
            ("AnalyticsAdmin", "default", Some("data"), false),
            ("DataAdmin", "default", Some("data"), true),
            ("DataAdmin", "default", Some("hologram"), false),
            ("Steward", "default", Some("data"), false),
            ("TenantAdmin", "default", Some("personal"), false),
        ] {
            let found = administers(&role(name, origin), sort);

            assert_eq!(found, expected, "{name}, {sort:?}");
        }
    }
}
