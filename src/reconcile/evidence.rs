//! Tells a list that was left out because it is empty from one that is not visible.
//!
//! A source may leave a list out for either reason, and a record by itself does not say for which.
//! The records that came with it do: what credentials may see does not depend on whose it is, but
//! for their own user's.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assigned, Kind, Record};

/// Records that must show a list before its absence means anything: more than our own user, whose
/// lists are shown to credentials that see nobody else's.
const MIN_SHOWN: usize = 2;

/// What the records of one answer show of each list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evidence {
    roles: Seen,
    groups: Seen,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Seen {
    n_filled: usize,
    n_empty: usize,
}

impl Evidence {
    /// Takes the evidence of the records of one answer.
    pub fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut evidence = Self::default();
        for record in records {
            let (roles, groups) = lens(record);
            evidence.roles.take(roles);
            evidence.groups.take(groups);
        }
        evidence
    }

    /// Fills in the lists that were left out since they are empty. Returns them. Those that are
    /// `torn` were not left out, but could not be read.
    pub fn fill_in(self, record: &mut Record, torn: &BTreeSet<Assigned>) -> BTreeSet<Assigned> {
        let is_left_out = |seen: Seen, len: Option<usize>| len.is_none() && seen.leaves_out_empty();
        let (roles, groups) = lens(record);
        let mut left_out = BTreeSet::new();
        if is_left_out(self.roles, roles) && record.kind() != Kind::Role {
            left_out.insert(Assigned::Roles);
        }
        if is_left_out(self.groups, groups) && record.kind() == Kind::User {
            left_out.insert(Assigned::Groups);
        }
        left_out.retain(|list| !torn.contains(list));
        empty(record, &left_out);
        left_out
    }
}

/// Returns whether something known is lost if these lists are empty.
pub fn is_lost(known: &Record, empty: &BTreeSet<Assigned>) -> bool {
    let (roles, groups) = lens(known);
    let is_held =
        |list, len: Option<usize>| empty.contains(&list) && len.is_some_and(|len| len > 0);
    is_held(Assigned::Roles, roles) || is_held(Assigned::Groups, groups)
}

/// Makes lists of a record not visible again.
pub fn hide(record: &mut Record, lists: &BTreeSet<Assigned>) {
    let (roles, groups) = (
        lists.contains(&Assigned::Roles),
        lists.contains(&Assigned::Groups),
    );
    match record {
        Record::User(user) => {
            user.roles = user.roles.take().filter(|_| !roles);
            user.groups = user.groups.take().filter(|_| !groups);
        }
        Record::Group(group) => group.roles = group.roles.take().filter(|_| !roles),
        Record::Role(_) => {}
    }
}

/// Makes empty what of a record was asked for and left out once more.
pub fn empty(record: &mut Record, lists: &BTreeSet<Assigned>) {
    match record {
        Record::User(user) => {
            if lists.contains(&Assigned::Roles) {
                user.roles.get_or_insert_default();
            }
            if lists.contains(&Assigned::Groups) {
                user.groups.get_or_insert_default();
            }
        }
        Record::Group(group) => {
            if lists.contains(&Assigned::Roles) {
                group.roles.get_or_insert_default();
            }
        }
        Record::Role(_) => {}
    }
}

impl Seen {
    fn take(&mut self, len: Option<usize>) {
        match len {
            Some(0) => self.n_empty += 1,
            Some(_) => self.n_filled += 1,
            None => {}
        }
    }

    /// A source that shows an empty list to be empty leaves out what is not visible.
    fn leaves_out_empty(self) -> bool {
        self.n_filled >= MIN_SHOWN && self.n_empty == 0
    }
}

/// Returns how many roles and groups a record is assigned, as far as they are shown.
pub fn lens(record: &Record) -> (Option<usize>, Option<usize>) {
    match record {
        Record::User(user) => (
            user.roles.as_ref().map(BTreeMap::len),
            user.groups.as_ref().map(BTreeMap::len),
        ),
        Record::Group(group) => (group.roles.as_ref().map(BTreeMap::len), None),
        Record::Role(_) => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Id, RoleId, User, UserId};

    fn user(n_roles: Option<usize>) -> Record {
        let id = |n: usize| Id::parse(&format!("{n:024x}")).unwrap();
        let roles = n_roles.map(|n| (0..n).map(|n| (RoleId(id(n)), String::new())).collect());
        Record::User(User {
            roles,
            ..User::new(UserId(id(7)), "s")
        })
    }

    #[test]
    fn a_list_is_empty_where_others_show_theirs_and_none_an_empty_one() {
        for (others, is_empty) in [
            (vec![], false),
            (vec![None, None], false),
            // Our own user, whom we always see.
            (vec![Some(1), None], false),
            (vec![Some(1), Some(2), None], true),
            (vec![Some(1), Some(2), Some(0)], false),
        ] {
            let others: Vec<Record> = others.into_iter().map(user).collect();
            let mut record = user(None);

            let filled = Evidence::of(others.iter()).fill_in(&mut record, &BTreeSet::new());

            assert_eq!(filled.contains(&Assigned::Roles), is_empty, "{others:?}");
            assert!(!filled.contains(&Assigned::Groups));
            assert_eq!(record, user(is_empty.then_some(0)));
            let mut unreadable = user(None);
            Evidence::of(others.iter())
                .fill_in(&mut unreadable, &BTreeSet::from([Assigned::Roles]));
            assert_eq!(
                unreadable,
                user(None),
                "what could not be read is not empty"
            );
        }
    }
}
