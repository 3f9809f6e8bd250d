//! Which records are wanted, and whether a given record is one of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::meanings::{Meanings, Meant, Named};
use crate::model::{Called, GroupId, Record, User, UserStatus};
use crate::store::{Known, Store, StoreError};

/// Filters for records. A record must match all of them; the default matches every record.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// Users who hold this role, directly or through a group; by id or name.
    pub role: Option<String>,
    /// Users in this group; by id or name.
    pub group: Option<String>,
    /// Users with this status.
    pub status: Option<UserStatus>,
    /// Users whose e-mail address contains this text, ignoring case.
    pub email: Option<String>,
    /// Users who are bots.
    pub only_bots: bool,
    /// Records whose id, name, subject or e-mail address contains this text, ignoring case.
    pub text: Option<String>,
}

impl Choice {
    /// Returns whether every record matches.
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// Returns whether a name contains a text, ignoring case.
pub(super) fn contains(name: &str, part: &str) -> bool {
    name.to_lowercase().contains(&part.to_lowercase())
}

/// The filters as they apply to one tenant, with roles and groups by id.
pub(super) struct Chosen<'a> {
    choice: &'a Choice,
    meant: Arc<Meant>,
    email: Option<String>,
    text: Option<String>,
}

impl<'a> Chosen<'a> {
    /// Looks up the roles and groups that the filters name. Reads page by page, and keeps only ids.
    pub(super) fn of(
        store: &Store,
        known: &Known,
        choice: &'a Choice,
        meanings: &Meanings,
    ) -> Result<Self, StoreError> {
        let lower = |text: &Option<String>| text.as_deref().map(str::to_lowercase);
        let named = Named::Called {
            role: choice.role.clone(),
            group: choice.group.clone(),
        };
        Ok(Self {
            choice,
            meant: meanings.of(store, known, &named)?,
            email: lower(&choice.email),
            text: lower(&choice.text),
        })
    }

    /// Returns whether a record matches.
    pub(super) fn has(&self, record: &Record) -> bool {
        let is_found = |text: &String| record.any_name(|it| it.to_lowercase().contains(text));
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
        let is_in = |group: &GroupId| self.meant.groups.contains(group);
        (role.is_none() || self.meant.roles.path_kinds(user).holds())
            && (group.is_none() || groups.is_some_and(|groups| groups.keys().any(is_in)))
            && status.is_none_or(|status| user.status.value == status)
            && self
                .email
                .as_ref()
                .is_none_or(|part| address.contains(part))
            && (user.is_bot || !only_bots)
    }
}
