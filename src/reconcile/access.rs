//! Splits a change into the part to apply and the part to hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Change, GroupId, Id, Kind, Loss, Proof, Record, RecordRef, Removal, RoleId, Taken,
};

/// How many group memberships and roles a change adds and removes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shift {
    /// Memberships that are added.
    pub joined: u64,
    /// Memberships that are removed.
    pub left: u64,
    /// Roles that are added.
    pub granted: u64,
    /// Roles that are removed.
    pub revoked: u64,
}

/// A change in its two parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The part to apply at once; `None` if there is none.
    pub apply: Option<Change>,
    /// The part that waits; `None` if there is none.
    pub held: Option<Removal>,
}

/// What an operator has approved for a record, if anything.
pub type Permit<'a> = Option<&'a Taken>;

/// Returns the sort of loss that the deletion of a record of this kind counts as.
pub fn loss_of(kind: Kind) -> Loss {
    Loss::of(kind)
}

/// Counts the access that an update adds and removes. A list that became visible or invisible is
/// not counted: nobody can say what was added or removed.
pub fn shift(change: &Change) -> Shift {
    let Change::Updated { before, after } = change else {
        return Shift::default();
    };
    let mut shift = Shift::default();
    if let (Record::User(before), Record::User(after)) = (before, after) {
        (shift.joined, shift.left) = moved(before.groups.as_ref(), after.groups.as_ref());
    }
    (shift.granted, shift.revoked) = moved(roles(before), roles(after));
    shift
}

/// Splits a change: losses of the held sorts wait unless they are permitted, and the rest is
/// applied.
///
/// A deletion is applied or held as a whole. An update keeps the known value of what is held and
/// applies everything else.
pub fn split(change: Change, held: &BTreeSet<Loss>, permit: Permit<'_>) -> Split {
    match change {
        Change::Created { .. } => Split {
            apply: Some(change),
            held: None,
        },
        Change::Deleted { before } => {
            let permitted = matches!(permit, Some(Taken::Record { .. }));
            if permitted || !held.contains(&loss_of(before.kind())) {
                return Split {
                    apply: Some(Change::Deleted { before }),
                    held: None,
                };
            }
            let removal = removal(
                &before,
                Taken::Record {
                    proof: Proof::Confirmed,
                },
            );
            Split {
                apply: None,
                held: Some(removal),
            }
        }
        Change::Updated { before, after } => split_update(before, after, held, permit),
    }
}

/// Makes the removal that a plan lists.
pub fn removal(record: &Record, what: Taken) -> Removal {
    Removal {
        record: record.to_ref(),
        label: record.label().to_owned(),
        what,
    }
}

fn split_update(
    before: Record,
    mut after: Record,
    held: &BTreeSet<Loss>,
    permit: Permit<'_>,
) -> Split {
    let (may_revoke, may_leave) = match permit {
        Some(Taken::Access { roles, groups }) => (Some(roles), Some(groups)),
        Some(Taken::Record { .. }) | None => (None, None),
    };
    let mut lost_roles = BTreeMap::new();
    let mut lost_groups = BTreeMap::new();
    if held.contains(&Loss::RoleAssignments) {
        let after = match &mut after {
            Record::User(user) => user.roles.as_mut(),
            Record::Group(group) => group.roles.as_mut(),
            Record::Role(_) => None,
        };
        lost_roles = put_back(roles(&before), after, may_revoke);
    }
    if held.contains(&Loss::Memberships)
        && let (Record::User(before), Record::User(after)) = (&before, &mut after)
    {
        lost_groups = put_back(before.groups.as_ref(), after.groups.as_mut(), may_leave);
    }
    if lost_roles.is_empty() && lost_groups.is_empty() {
        return Split {
            apply: Some(Change::Updated { before, after }),
            held: None,
        };
    }
    let held = removal(
        &after,
        Taken::Access {
            roles: lost_roles,
            groups: lost_groups,
        },
    );
    let differs = super::fingerprint(&before) != super::fingerprint(&after);
    Split {
        apply: differs.then_some(Change::Updated { before, after }),
        held: Some(held),
    }
}

/// Puts back what is lost and not permitted, and returns it.
fn put_back<K: Ord + Clone>(
    before: Option<&BTreeMap<K, String>>,
    after: Option<&mut BTreeMap<K, String>>,
    permitted: Option<&BTreeMap<K, String>>,
) -> BTreeMap<K, String> {
    let (Some(before), Some(after)) = (before, after) else {
        return BTreeMap::new();
    };
    let lost: BTreeMap<K, String> = before
        .iter()
        .filter(|(id, _)| !after.contains_key(id))
        .filter(|(id, _)| permitted.is_none_or(|permitted| !permitted.contains_key(id)))
        .map(|(id, name)| (id.clone(), name.clone()))
        .collect();
    after.extend(lost.iter().map(|(id, name)| (id.clone(), name.clone())));
    lost
}

fn moved<K: Ord>(
    before: Option<&BTreeMap<K, String>>,
    after: Option<&BTreeMap<K, String>>,
) -> (u64, u64) {
    let (Some(before), Some(after)) = (before, after) else {
        return (0, 0);
    };
    let less = |map: &BTreeMap<K, String>, other: &BTreeMap<K, String>| {
        map.keys().filter(|id| !other.contains_key(id)).count() as u64
    };
    (less(after, before), less(before, after))
}

fn roles(record: &Record) -> Option<&BTreeMap<RoleId, String>> {
    match record {
        Record::User(user) => user.roles.as_ref(),
        Record::Group(group) => group.roles.as_ref(),
        Record::Role(_) => None,
    }
}

/// Returns the roles that a record holds and the groups that it is in, as far as they are known.
pub fn references(record: &Record) -> impl Iterator<Item = RecordRef> {
    let groups = match record {
        Record::User(user) => user.groups.as_ref(),
        Record::Group(_) | Record::Role(_) => None,
    };
    let roles = roles(record).into_iter().flat_map(|roles| roles.keys());
    named(roles, groups.into_iter().flat_map(|groups| groups.keys()))
}

/// Returns references to these roles and groups.
pub(super) fn named<'a>(
    roles: impl Iterator<Item = &'a RoleId>,
    groups: impl Iterator<Item = &'a GroupId>,
) -> impl Iterator<Item = RecordRef> {
    let roles = roles.map(|RoleId(id)| (Kind::Role, id));
    let groups = groups.map(|GroupId(id)| (Kind::Group, id));
    roles.chain(groups).map(|(kind, id)| RecordRef {
        kind,
        id: Id::clone(id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Coded, Group, GroupType, User, UserId};

    fn id(n: u32) -> Id {
        Id::parse(&format!("{n:024x}")).unwrap()
    }

    fn given(roles: Option<&[u32]>) -> Option<BTreeMap<RoleId, String>> {
        let roles = roles?.iter();
        Some(roles.map(|n| (RoleId(id(*n)), String::new())).collect())
    }

    fn user(roles: Option<&[u32]>, groups: Option<&[u32]>) -> Record {
        let named = |groups: &[u32]| {
            let groups = groups.iter();
            groups.map(|n| (GroupId(id(*n)), String::new())).collect()
        };
        Record::User(User {
            roles: given(roles),
            groups: groups.map(named),
            ..User::new(UserId(id(900)), "idp|900")
        })
    }

    fn group(roles: &[u32]) -> Record {
        Record::Group(Group {
            id: GroupId(id(11)),
            name: "Sales".to_owned(),
            description: None,
            group_type: Coded::new(GroupType::Group, "x"),
            status: None,
            idp_id: None,
            roles: given(Some(roles)),
            created_at: None,
            updated_at: None,
        })
    }

    #[test]
    fn a_change_of_which_everything_waits_is_not_applied() {
        for (before, after, loss) in [
            (
                user(Some(&[1]), Some(&[])),
                user(Some(&[]), Some(&[])),
                Loss::RoleAssignments,
            ),
            (
                user(Some(&[]), Some(&[11])),
                user(Some(&[]), Some(&[])),
                Loss::Memberships,
            ),
            (group(&[1]), group(&[]), Loss::RoleAssignments),
        ] {
            let change = Change::Updated { before, after };

            let split = split(change, &[loss].into(), None);

            assert_eq!(split.apply, None, "{loss:?}");
            assert!(split.held.is_some(), "{loss:?}");
        }
    }

    #[test]
    fn a_list_that_becomes_visible_or_invisible_adds_and_removes_nothing() {
        let shown = || user(Some(&[1]), Some(&[11]));
        let hidden = || user(None, None);
        for (before, after) in [(shown(), hidden()), (hidden(), shown())] {
            let change = Change::Updated { before, after };

            assert_eq!(shift(&change), Shift::default());
        }
    }
}
