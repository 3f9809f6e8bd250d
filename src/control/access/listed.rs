//! Finds who holds a role with the posting lists of the store, so that it need not read all users.

use std::collections::BTreeSet;

use crate::control::ControlError;
use crate::control::MAX_PAGE;
use crate::control::query::Which;
use crate::control::reading::Reading;
use crate::control::records::MAX_READ;
use crate::model::{Id, RoleId};
use crate::store::{Known, PostingList};

use super::Envelope;
use super::envelope::{MAX_NAMED, note_group, note_user};
use super::list::{Finder, Found};

impl Finder<'_> {
    /// Reads the users who may hold a requested role, beginning after `after`, until there are at
    /// least `limit` rows, or as many users were read as one question may read. Returns `None` if
    /// all users must be read.
    pub(super) fn read_listed(
        &self,
        reading: &Reading<'_>,
        known: &Known,
        after: Option<Id>,
        limit: usize,
        envelope: &mut Envelope,
    ) -> Result<Option<Found>, ControlError> {
        let Some(lists) = self.lists() else {
            return Ok(None);
        };
        if !self.note_unseen(reading, known, after.as_ref(), envelope)? {
            return Ok(None);
        }
        let (store, mut found) = (reading.store, Found::begin(after));
        for _ in 0..MAX_READ / MAX_PAGE {
            let begin = found.next.as_ref();
            let Some(page) = self.picture.users_in(store, known, &lists, begin, limit)? else {
                return Ok(None);
            };
            for user in page.users {
                found.next = Some(user.id.0.clone());
                self.look(user, envelope, &mut found);
                if found.rows.len() >= limit {
                    return Ok(Some(found));
                }
            }
            found.next = page.next;
            if found.next.is_none() {
                break;
            }
        }
        Ok(Some(found))
    }

    /// Returns the posting lists that together have everybody who may have a row; `None` if there
    /// are no such lists.
    fn lists(&self) -> Option<BTreeSet<PostingList>> {
        let grants = self.picture.grants();
        let roles: BTreeSet<RoleId> = match self.which {
            Which::Own | Which::Redundant => self.roles?.iter().cloned().collect(),
            Which::Potential => self.granting.clone(),
        };
        let is_everybodys = |role: &RoleId| grants.everybodys().contains_key(role);
        if self.which == Which::Potential && roles.iter().any(is_everybodys) {
            return None;
        }
        let groups = grants.giving(&roles).cloned().map(PostingList::Group);
        let mut lists: BTreeSet<PostingList> = groups.collect();
        lists.extend(roles.into_iter().map(PostingList::Role));
        Some(lists)
    }

    /// Notes what is not visible about who holds a role: which roles groups give, and which roles
    /// and groups the users after `after` have. Returns false if the lists are not complete.
    fn note_unseen(
        &self,
        reading: &Reading<'_>,
        known: &Known,
        after: Option<&Id>,
        envelope: &mut Envelope,
    ) -> Result<bool, ControlError> {
        let (store, picture, grants) = (reading.store, self.picture, self.picture.grants());
        let hidden = BTreeSet::from([PostingList::HiddenRoles, PostingList::HiddenGroups]);
        let mut begin = after.cloned();
        while envelope.not_known.len() <= MAX_NAMED {
            let page = picture.users_in(store, known, &hidden, begin.as_ref(), MAX_NAMED + 1)?;
            let Some(page) = page else {
                return Ok(false);
            };
            for user in &page.users {
                note_user(envelope, picture, user, &grants.unseen(user));
            }
            if page.next.is_none() {
                break;
            }
            begin = page.next;
        }
        for group in grants.hidden() {
            note_group(envelope, picture, group, None);
        }
        let is_known = |group: &_| grants.is_group(group);
        let Some(unknown) = store.unknown_groups(known.no, is_known)? else {
            return Ok(false);
        };
        for (group, member) in unknown {
            let member = picture.user(store, known, &member)?;
            let groups = member.and_then(|member| member.groups);
            if let Some(name) = groups.and_then(|mut groups| groups.remove(&group)) {
                note_group(envelope, picture, &group, Some(&name));
            }
        }
        for (group, name) in picture.unknown_groups_left(store, known)? {
            note_group(envelope, picture, &group, Some(&name));
        }
        Ok(true)
    }
}
