//! Which entries of a run gave a user a role, and what the audit log reports of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, GroupId, Record, Reported, RoleId, UserId};

/// An entry that may have given roles.
pub(super) struct Cause {
    /// The user who got them; `None` if they came by a group, or if all users have them.
    user: Option<UserId>,
    /// The roles; `None` if the user joined or left groups, which may give any role.
    roles: Option<BTreeSet<RoleId>>,
    reported: Option<Reported>,
}

impl Cause {
    /// Returns what an entry may have given; `None` if it changed nobody's roles.
    pub(super) fn of(change: &Change, reported: Option<Reported>) -> Option<Self> {
        let (before, after) = (change.before(), change.after());
        let user = match change.latest() {
            Record::User(user) => Some(user.id.clone()),
            Record::Group(_) | Record::Role(_) => None,
        };
        let (had, has) = (roles(before), roles(after));
        let changed: BTreeSet<_> = had.symmetric_difference(&has).cloned().collect();
        let roles = match groups(before) == groups(after) {
            true if changed.is_empty() => return None,
            true => Some(changed),
            false => None,
        };
        Some(Self {
            user,
            roles,
            reported,
        })
    }

    fn concerns(&self, user: &UserId, role: &RoleId) -> bool {
        self.user.as_ref().is_none_or(|of| of == user)
            && self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}

/// Returns what the audit log reports of the entries that may have given a role to a user; `None`
/// if it does not report each of them.
pub(super) fn reported(causes: &[Cause], user: &UserId, role: &RoleId) -> Option<Reported> {
    let mut all: Option<Reported> = None;
    for cause in causes.iter().filter(|cause| cause.concerns(user, role)) {
        let reported = cause.reported.as_ref()?;
        match &mut all {
            Some(all) => all.add(reported),
            None => all = Some(reported.clone()),
        }
    }
    all
}

/// Returns the roles that a user has directly or a group gives; for a role, that role.
fn roles(record: Option<&Record>) -> BTreeSet<RoleId> {
    let given = match record {
        Some(Record::User(user)) => user.roles.as_ref(),
        Some(Record::Group(group)) => group.roles.as_ref(),
        Some(Record::Role(role)) => return BTreeSet::from([role.id.clone()]),
        None => None,
    };
    given
        .into_iter()
        .flat_map(BTreeMap::keys)
        .cloned()
        .collect()
}

fn groups(record: Option<&Record>) -> BTreeSet<GroupId> {
    let groups = match record {
        Some(Record::User(user)) => user.groups.as_ref(),
        Some(Record::Group(_) | Record::Role(_)) | None => None,
    };
    let groups = groups.into_iter().flat_map(BTreeMap::keys);
    groups.cloned().collect()
}
