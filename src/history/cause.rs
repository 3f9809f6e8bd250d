//! Which entries of a run gave a user a role, and what the audit log reports of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, GroupId, GroupType, Record, Reported, RoleId, UserId};

/// An entry that may have given roles.
pub(super) struct Cause {
    whom: Whom,
    /// The roles; `None` if the user joined or left groups, which may give any role.
    roles: Option<BTreeSet<RoleId>>,
    reported: Option<Reported>,
}

/// Who may have received roles through an entry.
enum Whom {
    /// This user.
    User(UserId),
    /// The members of this group.
    Members(GroupId),
    /// All users.
    All,
}

impl Cause {
    /// Returns what an entry may have given; `None` if it changed nobody's roles.
    pub(super) fn of(change: &Change, reported: Option<Reported>) -> Option<Self> {
        let (before, after) = (change.before(), change.after());
        let whom = match change.latest() {
            Record::User(user) => Whom::User(user.id.clone()),
            Record::Group(group) if group.group_type.value == GroupType::Organization => Whom::All,
            Record::Group(group) => Whom::Members(group.id.clone()),
            Record::Role(_) => Whom::All,
        };
        let (had, has) = (roles(before), roles(after));
        let changed: BTreeSet<_> = had.symmetric_difference(&has).cloned().collect();
        let roles = match groups(before) == groups(after) {
            true if changed.is_empty() => return None,
            true => Some(changed),
            false => None,
        };
        Some(Self {
            whom,
            roles,
            reported,
        })
    }

    fn concerns(&self, receiver: &Receiver<'_>, role: &RoleId) -> bool {
        let is_whom = match &self.whom {
            Whom::User(user) => user == receiver.user,
            Whom::Members(group) => receiver.groups.is_none_or(|groups| groups.contains(group)),
            Whom::All => true,
        };
        is_whom && self.roles.as_ref().is_none_or(|roles| roles.contains(role))
    }
}

/// The user who received a role.
pub(super) struct Receiver<'a> {
    pub(super) user: &'a UserId,
    /// The groups of the user at the end of the run; `None` if they are not visible.
    pub(super) groups: Option<&'a BTreeSet<GroupId>>,
}

/// Returns what the audit log reports of the entries that may have given a role to a user; `None`
/// if it does not report each of them.
pub(super) fn reported(
    causes: &[Cause],
    receiver: &Receiver<'_>,
    role: &RoleId,
) -> Option<Reported> {
    let mut all: Option<Reported> = None;
    for cause in causes.iter().filter(|cause| cause.concerns(receiver, role)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Group, Id, Timestamp};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    /// Returns a change by which group 7 comes to give role 1.
    fn gives(group_type: GroupType) -> Change {
        let group = |roles: &[u32]| {
            let roles = roles.iter().map(|n| (RoleId(id(*n)), String::new()));
            Record::Group(Group {
                id: GroupId(id(7)),
                name: "G".to_owned(),
                description: None,
                group_type: Coded::new(group_type, "x"),
                status: None,
                idp_id: None,
                roles: Some(roles.collect()),
                created_at: None,
                updated_at: None,
            })
        };
        Change::Updated {
            before: group(&[]),
            after: group(&[1]),
        }
    }

    #[test]
    fn whoever_gives_a_role_to_all_users_gives_it_to_each_and_to_a_group_to_its_members() {
        let log = Reported {
            first: Timestamp::from_millis(5),
            last: Timestamp::from_millis(6),
            by: Some([UserId(id(3))].into()),
        };
        let in_it = Some(BTreeSet::from([GroupId(id(7))]));
        let in_none = Some(BTreeSet::new());
        for (group_type, groups, role, is_cause) in [
            (GroupType::Organization, &in_none, 1, true),
            (GroupType::Organization, &None, 1, true),
            (GroupType::Organization, &in_none, 2, false),
            (GroupType::Group, &in_it, 1, true),
            // It is not visible in which groups the user is.
            (GroupType::Group, &None, 1, true),
            (GroupType::Group, &in_none, 1, false),
        ] {
            let causes = [Cause::of(&gives(group_type), Some(log.clone())).unwrap()];
            let receiver = Receiver {
                user: &UserId(id(9)),
                groups: groups.as_ref(),
            };

            let found = reported(&causes, &receiver, &RoleId(id(role)));

            let expected = is_cause.then(|| log.clone());
            assert_eq!(found, expected, "{group_type:?} {groups:?} {role}");
        }
    }
}
