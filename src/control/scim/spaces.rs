//! Roles in spaces: which exist, as entitlements, and which of them users have.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use super::answers::{ScimPlace, ScimRefusal};
use super::unanswered::Unanswered;
use crate::control::reading::Reading;
use crate::model::scim::{RoleInSpace, Way};
use crate::model::{Assignee, GroupId, Id, Record, Space, SpaceId, User, UserId};
use crate::store::{Kept, Known, Store, StoreError};

/// How many spaces are read from the store at once.
const SPACES_AT_ONCE: usize = 100;

/// The most roles in spaces that are kept in memory for one answer: some 60 MB.
const MAX_ROLES: usize = 200_000;

/// What is called with each role of each space, until it has enough.
type Visit<'a> = &'a mut dyn FnMut(&Space, &str) -> Result<ControlFlow<()>, Unanswered>;

/// Passes each role of each space to `visit`, in order, after a place, until it has enough.
pub(super) fn each_role(
    store: &Store,
    known: &Known,
    after: Option<&ScimPlace>,
    visit: Visit<'_>,
) -> Result<ControlFlow<()>, Unanswered> {
    let mut after = match after {
        Some(ScimPlace::RoleInSpace(space, role)) => {
            // The roles that follow in the same space.
            if let Some(kept) = store.space(known.no, space)? {
                for name in roles_of(&kept.space) {
                    if name > role.as_str() && visit(&kept.space, name)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
            }
            Some(space.clone())
        }
        // Scopes follow all roles in spaces.
        Some(ScimPlace::Scope(_)) => return Ok(ControlFlow::Continue(())),
        Some(ScimPlace::Record(_)) | None => None,
    };
    loop {
        let page = store.spaces(known.no, after.as_ref(), SPACES_AT_ONCE)?;
        let Some(last) = page.last() else {
            return Ok(ControlFlow::Continue(()));
        };
        after = Some(last.space.id.clone());
        for kept in &page {
            for role in roles_of(&kept.space) {
                if visit(&kept.space, role)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
    }
}

/// Returns the roles that are assigned in a space.
fn roles_of(space: &Space) -> BTreeSet<&str> {
    let assignments = space.assignments.iter().flat_map(BTreeMap::values);
    let roles = assignments.flat_map(|assignment| &assignment.roles);
    roles.map(String::as_str).collect()
}

/// Returns a space that has a role, by the id of the entitlement.
pub(super) fn find(
    store: &Store,
    known: &Known,
    id: &str,
) -> Result<Option<(Space, String)>, StoreError> {
    let Some((space, role)) = id.split_once(':') else {
        return Ok(None);
    };
    let Ok(space) = Id::parse(space) else {
        return Ok(None);
    };
    let kept = store.space(known.no, &SpaceId(space))?;
    let found = kept.filter(|kept| roles_of(&kept.space).contains(role));
    Ok(found.map(|kept| (kept.space, role.to_owned())))
}

/// Counts the roles in the spaces of a tenant.
pub(super) fn count(store: &Store, known: &Known) -> Result<u64, Unanswered> {
    let mut n = 0;
    let counted = each_role(store, known, None, &mut |_, _| {
        n += 1;
        Ok(ControlFlow::Continue(()))
    });
    counted.map(|_all| n)
}

/// The roles in spaces of a tenant's users.
pub(super) struct SpaceRoles {
    users: BTreeMap<UserId, BTreeSet<RoleInSpace>>,
    groups: BTreeMap<GroupId, BTreeSet<RoleInSpace>>,
    /// What all users have.
    all: BTreeSet<RoleInSpace>,
}

impl SpaceRoles {
    /// Reads the roles that some users have, or all users; `None` if the spaces of the tenant were
    /// never read.
    pub(super) fn of(
        reading: &Reading<'_>,
        known: &Known,
        users: Option<&[Kept]>,
    ) -> Result<Option<Self>, Unanswered> {
        if reading.store.space_reading(known.no)?.first.is_none() {
            return Ok(None);
        }
        let wanted = users.map(Assignees::of);
        let pictures = &reading.context.pictures;
        let picture = pictures.of(reading.store, known, None);
        let picture = picture.map_err(|error| Unanswered::Failed(error.into()))?;
        let mut found = Self {
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
            all: BTreeSet::new(),
        };
        let (mut after, mut n) = (None, 0);
        loop {
            let page = reading
                .store
                .spaces(known.no, after.as_ref(), SPACES_AT_ONCE)?;
            let Some(last) = page.last() else {
                return Ok(Some(found));
            };
            after = Some(last.space.id.clone());
            for kept in &page {
                for (assignee, assignment) in kept.space.assignments.iter().flatten() {
                    let is_everyone = assignee
                        .group()
                        .is_some_and(|group| picture.grants().is_everyone(&group));
                    let is_wanted = wanted.as_ref().is_none_or(|it| it.has(assignee));
                    if !is_everyone && !is_wanted {
                        continue;
                    }
                    n += assignment.roles.len();
                    if n > MAX_ROLES {
                        let most = MAX_ROLES as u64;
                        let refusal = ScimRefusal::TooManyInSpaces { most };
                        return Err(Unanswered::Refused(refusal));
                    }
                    let reach = match is_everyone {
                        true => Reach::All,
                        false => Reach::Some,
                    };
                    for role in &assignment.roles {
                        found.add(&kept.space, role, assignee, reach);
                    }
                }
            }
        }
    }

    fn add(&mut self, space: &Space, role: &str, to: &Assignee, to_all: Reach) {
        let held = |way: Way| RoleInSpace {
            space: space.id.to_string(),
            space_name: space.head.name.clone(),
            role: role.to_owned(),
            way,
        };
        if to_all == Reach::All {
            self.all.insert(held(Way::ByGroup));
        } else if let Some(user) = to.user() {
            self.users
                .entry(user)
                .or_default()
                .insert(held(Way::Direct));
        } else if let Some(group) = to.group() {
            self.groups
                .entry(group)
                .or_default()
                .insert(held(Way::ByGroup));
        }
    }

    /// Returns the roles of a user.
    pub(super) fn of_user(&self, user: &User) -> Vec<RoleInSpace> {
        let mut roles = self.all.clone();
        roles.extend(self.users.get(&user.id).into_iter().flatten().cloned());
        let groups = user.groups.iter().flat_map(BTreeMap::keys);
        let by_group = groups.filter_map(|group| self.groups.get(group));
        roles.extend(by_group.flatten().cloned());
        roles.into_iter().collect()
    }
}

/// Whom an assignment reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    All,
    Some,
}

/// The users on a page, and their groups.
struct Assignees {
    users: BTreeSet<UserId>,
    groups: BTreeSet<GroupId>,
}

impl Assignees {
    fn of(page: &[Kept]) -> Self {
        let users = page.iter().filter_map(|kept| match &kept.record {
            Record::User(user) => Some(user),
            Record::Role(_) | Record::Group(_) => None,
        });
        let groups = users.clone().flat_map(|user| &user.groups);
        Self {
            groups: groups.flat_map(BTreeMap::keys).cloned().collect(),
            users: users.map(|user| user.id.clone()).collect(),
        }
    }

    fn has(&self, assignee: &Assignee) -> bool {
        assignee
            .user()
            .is_some_and(|user| self.users.contains(&user))
            || assignee
                .group()
                .is_some_and(|group| self.groups.contains(&group))
    }
}
