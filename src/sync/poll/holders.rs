//! Finds the users and groups that the store still shows with a role or group that is gone.
//!
//! A role that was deleted has no holders, but the audit log need not name those who had it. If we
//! reported only that the role is gone, its former holders would still show it; and if their losses
//! exceed a limit, we would notice too late to hold them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::model::{Kind, Record, RecordRef};
use crate::reconcile;
use crate::store::{Store, TenantNo};

use crate::sync::RunError;

/// The known holders of what is gone, except records that were asked for already.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::sync) enum Holders {
    /// All of them.
    All(BTreeSet<RecordRef>),
    /// There are more than the limit.
    More,
}

/// Finds the holders of `gone`. Reads the tenant's users and groups until it has found more than
/// `limit`.
pub(in crate::sync) fn find(
    store: &Store,
    tenant: TenantNo,
    gone: &BTreeSet<RecordRef>,
    asked: &BTreeSet<RecordRef>,
    limit: usize,
) -> Result<Holders, RunError> {
    let mut found = BTreeSet::new();
    for kind in [Kind::Group, Kind::User] {
        let walked = store.walk(tenant, kind, &mut |record| {
            let reference = record.to_ref();
            if holds(record, gone) && !asked.contains(&reference) {
                found.insert(reference);
            }
            match found.len() > limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        walked.map_err(RunError::store)?;
    }
    Ok(match found.len() > limit {
        true => Holders::More,
        false => Holders::All(found),
    })
}

fn holds(record: &Record, gone: &BTreeSet<RecordRef>) -> bool {
    reconcile::references(record).any(|reference| gone.contains(&reference))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::tests::{Stored, group, role, user};

    /// Roles 1 and 2, group 1 with role 1, and users: 1 to 3 hold role 1, 4 is in group 1.
    fn find_of(gone: &[Record], asked: &[Record], limit: usize) -> Holders {
        let stored = Stored::of(&[
            role(1),
            role(2),
            group(1, &[1]),
            user(1, &[1], &[]),
            user(2, &[2, 1], &[]),
            user(3, &[1], &[1]),
            user(4, &[], &[1]),
            user(5, &[2], &[]),
        ]);
        let of = |records: &[Record]| records.iter().map(Record::to_ref).collect();
        let (gone, asked) = (of(gone), of(asked));
        find(&stored.store, stored.target.tenant, &gone, &asked, limit).unwrap()
    }

    fn all(records: &[Record]) -> Holders {
        Holders::All(records.iter().map(Record::to_ref).collect())
    }

    #[test]
    fn holders_are_the_users_and_groups_that_were_not_asked_for() {
        let (group_1, user_1) = (group(1, &[]), user(1, &[], &[]));
        let (user_2, user_3, user_4) = (user(2, &[], &[]), user(3, &[], &[]), user(4, &[], &[]));

        assert_eq!(
            find_of(&[role(1)], std::slice::from_ref(&user_2), 9),
            all(&[group_1.clone(), user_1.clone(), user_3.clone()])
        );
        assert_eq!(
            find_of(std::slice::from_ref(&group_1), &[], 9),
            all(&[user_3.clone(), user_4.clone()])
        );
        assert_eq!(
            find_of(&[role(1), group_1.clone()], &[group_1, user_1], 9),
            all(&[user_2, user_3, user_4])
        );
        assert_eq!(find_of(&[role(7)], &[], 0), all(&[]));
    }

    #[test]
    fn more_than_the_limit_are_not_told_in_part() {
        for (limit, asked, is_more) in [(4, 0, false), (3, 0, true), (3, 1, false), (0, 0, true)] {
            let asked: Vec<_> = (1..=asked).map(|n| user(n, &[], &[])).collect();

            let found = find_of(&[role(1)], &asked, limit);

            assert_eq!(found == Holders::More, is_more, "{limit} {found:?}");
        }
    }
}
