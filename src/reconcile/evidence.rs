//! Distinguishes a list that was left out because it is empty from one that is not visible.
//!
//! A source may leave a list out for either reason, and a single record does not say which. The
//! records in the same answer do: what credentials may see is the same for every user, except for
//! the credentials' own user.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Assigned, Kind, Record};

/// How many records must show a list before its absence means anything. More than one, because
/// credentials that see nobody else's lists may still see those of our own user.
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
    /// Collects the evidence from the records of one answer.
    pub fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut evidence = Self::default();
        for record in records {
            let (roles, groups) = assigned_counts(record);
            evidence.roles.take(roles);
            evidence.groups.take(groups);
        }
        evidence
    }

    /// Fills in the lists that were left out because they are empty, and returns which. Lists in
    /// `torn` were not left out; they could not be read.
    pub fn fill_in(self, record: &mut Record, torn: &BTreeSet<Assigned>) -> BTreeSet<Assigned> {
        let is_left_out = |seen: Seen, len: Option<usize>| len.is_none() && seen.leaves_out_empty();
        let (roles, groups) = assigned_counts(record);
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

/// Returns whether known values would be lost if these lists are empty.
pub fn is_lost(known: &Record, empty: &BTreeSet<Assigned>) -> bool {
    let (roles, groups) = assigned_counts(known);
    let is_held =
        |list, len: Option<usize>| empty.contains(&list) && len.is_some_and(|len| len > 0);
    is_held(Assigned::Roles, roles) || is_held(Assigned::Groups, groups)
}

/// Marks these lists of a record as not visible, as they were before they were filled in.
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

/// Makes these lists of a record empty where it does not show them; a list that it shows stays.
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

    /// Returns whether the source leaves out empty lists. One that shows them leaves out only what
    /// is not visible.
    fn leaves_out_empty(self) -> bool {
        self.n_filled >= MIN_SHOWN && self.n_empty == 0
    }
}

/// Returns how many roles and groups a record is assigned, as far as they are shown.
pub fn assigned_counts(record: &Record) -> (Option<usize>, Option<usize>) {
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
            // Our own user, whose lists we always see.
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
