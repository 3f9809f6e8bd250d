//! Which records are wanted, and whether one is among them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::MAX_PAGE;
use crate::model::{GroupId, Kind, Record, RoleId, User, UserStatus};
use crate::store::{Known, Store, StoreError};

/// What records are chosen by; all of it must be true of one. The default chooses all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Users who hold this role, directly or by a group; by id or name.
    pub role: Option<String>,
    /// Users in this group; by id or name.
    pub group: Option<String>,
    /// Users of this status.
    pub status: Option<UserStatus>,
    /// Users in whose e-mail address this is, whatever the letter case.
    pub email: Option<String>,
    /// Users who are bots.
    pub only_bots: bool,
    /// Records in whose id, name, subject or e-mail address this is, whatever the letter case.
    pub text: Option<String>,
}

impl Choice {
    /// Returns whether it chooses all.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// A choice as it applies to one tenant: roles and groups by their ids.
pub(super) struct Chosen<'a> {
    choice: &'a Choice,
    roles: BTreeSet<RoleId>,
    /// Groups that give one of the roles.
    giving: BTreeSet<GroupId>,
    groups: BTreeSet<GroupId>,
    email: Option<String>,
    text: Option<String>,
}

impl<'a> Chosen<'a> {
    /// Looks up the roles and groups that a choice names. Reads page by page, and keeps ids alone.
    pub(super) fn of(store: &Store, known: &Known, choice: &'a Choice) -> Result<Self, StoreError> {
        let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
        let mut chosen = Self {
            choice,
            roles: BTreeSet::new(),
            giving: BTreeSet::new(),
            groups: BTreeSet::new(),
            email: lower(&choice.email),
            text: lower(&choice.text),
        };
        if choice.role.is_some() {
            each(store, known, Kind::Role, &mut |record| chosen.look(record))?;
        }
        if choice.role.is_some() || choice.group.is_some() {
            each(store, known, Kind::Group, &mut |record| chosen.look(record))?;
        }
        Ok(chosen)
    }

    fn look(&mut self, record: &Record) {
        let is_named =
            |name: &Option<String>| name.as_deref().is_some_and(|it| is_called(record, it));
        match record {
            Record::Role(role) => {
                if is_named(&self.choice.role) {
                    self.roles.insert(role.id.clone());
                }
            }
            Record::Group(group) => {
                if is_named(&self.choice.group) {
                    self.groups.insert(group.id.clone());
                }
                if holds(group.roles.as_ref(), &self.roles) {
                    self.giving.insert(group.id.clone());
                }
            }
            Record::User(_) => {}
        }
    }

    /// Returns whether a record is among those that are wanted.
    pub(super) fn has(&self, record: &Record) -> bool {
        let is_found = |text: &String| any_text(record, |it| it.to_lowercase().contains(text));
        let is_meant = match record {
            Record::User(user) => self.has_user(user),
            Record::Role(_) | Record::Group(_) => true,
        };
        is_meant && self.text.as_ref().is_none_or(is_found)
    }

    fn has_user(&self, user: &User) -> bool {
        let Choice {
            role,
            group,
            status,
            email: _,
            only_bots,
            text: _,
        } = self.choice;
        let groups = user.groups.as_ref();
        let address = user.email.as_deref().unwrap_or_default().to_lowercase();
        (role.is_none() || holds(user.roles.as_ref(), &self.roles) || holds(groups, &self.giving))
            && (group.is_none() || holds(groups, &self.groups))
            && status.is_none_or(|status| user.status.value == status)
            && self
                .email
                .as_ref()
                .is_none_or(|part| address.contains(part))
            && (user.is_bot || !only_bots)
    }
}

fn holds<I: Ord>(held: Option<&BTreeMap<I, String>>, wanted: &BTreeSet<I>) -> bool {
    held.is_some_and(|held| held.keys().any(|id| wanted.contains(id)))
}

/// Visits all records of a kind, page by page.
fn each(
    store: &Store,
    known: &Known,
    kind: Kind,
    visit: &mut dyn FnMut(&Record),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = store.list(known.no, kind, after.as_ref(), MAX_PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.record.id().clone());
        for kept in &page {
            visit(&kept.record);
        }
    }
}

/// Returns whether a person would call a record so. Letter case does not matter to people.
pub(super) fn is_called(record: &Record, called: &str) -> bool {
    let called = called.to_lowercase();
    any_text(record, |text| text.to_lowercase() == called)
}

/// Tries what a record may be called by: its name, subject, e-mail address and id.
fn any_text(record: &Record, test: impl Fn(&str) -> bool) -> bool {
    let is_named = match record {
        Record::Role(role) => test(&role.name),
        Record::Group(group) => test(&group.name),
        Record::User(user) => {
            test(&user.subject)
                || user.name.as_deref().is_some_and(&test)
                || user.email.as_deref().is_some_and(&test)
        }
    };
    is_named || test(&record.id().to_string())
}
