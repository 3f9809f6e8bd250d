//! The roles and groups of a tenant, now or at an earlier time, and the users of that time page by
//! page.

mod unknown_groups;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use crate::access::Grants;
use crate::lock::lock;
use crate::model::{
    Group, GroupId, Id, Kind, Path, Record, RecordRef, Role, RoleId, RoleMention, Seq, ShownPath,
    Timestamp, User, UserId, Version,
};
use crate::store::{Known, PostingList, Store, StoreError};

use super::error::HistoryError;
use super::licence_past::LicencePast;
use super::past::Past;
use super::present::present;
use super::space_past::SpacePast;
use super::trail::{Dates, Trail};

/// How many records are read at once.
const PAGE: usize = 500;

/// How many times roles and groups are read if they change meanwhile.
const TRIES: usize = 5;

/// The roles and groups of a tenant at a time.
///
/// Memory grows with roles and groups, not with users: of a user that has changed since that time,
/// it keeps only the position of an entry.
#[derive(Debug, Default)]
pub struct Picture {
    /// The roles. A tenant has a few hundred at most.
    roles: BTreeMap<RoleId, Role>,
    /// The names of the groups that give roles, and of those whose roles are not visible.
    names: BTreeMap<GroupId, String>,
    /// Shared with questions that undo entries, which copy it only if they have to change it.
    grants: Arc<Grants>,
    /// The time that was asked about; `None` if the picture is of now, or of an entry.
    at: Option<Timestamp>,
    /// What differs from now; `None` if the picture is of now.
    past: Option<Mutex<Past>>,
    /// What has happened to spaces since then; `None` if nobody has asked yet, or if it is too much
    /// to keep.
    spaces: Mutex<Option<SpacePast>>,
    /// What has happened to the licence since then, likewise.
    licence: Mutex<Option<LicencePast>>,
    /// The entries before its time that changed who holds which role, as far back as questions have
    /// needed them.
    trail: Arc<Mutex<Trail>>,
}

/// A page of users as they were at the time of a picture.
pub struct UserPage {
    /// The users, in the order of their ids.
    pub users: Vec<User>,
    /// The user after whom the next page begins; `None` if this is the last one.
    pub next: Option<Id>,
}

/// The ids of users, and the id up to which these are complete; `None` if they are all.
pub(super) type Ids = (BTreeSet<Id>, Option<Id>);

impl Picture {
    /// Reads the roles and groups of a tenant as they were at a time; `None` means now.
    pub fn of(store: &Store, known: &Known, at: Option<Timestamp>) -> Result<Self, HistoryError> {
        let picture = match at {
            Some(at) => Self::past(store, known, Past::since(store, known, at)?)?,
            None => Self::read(store, known, None)?.0,
        };
        Ok(Self { at, ..picture })
    }

    /// Reads the roles and groups of a tenant as they were after an entry.
    pub fn after(store: &Store, known: &Known, entry: Seq) -> Result<Self, HistoryError> {
        Self::past(store, known, Past::after(store, known, entry)?)
    }

    pub(super) fn past(store: &Store, known: &Known, mut past: Past) -> Result<Self, HistoryError> {
        for _ in 0..TRIES {
            let n_before = past.n_givers();
            let (mut picture, newest) = Self::read(store, known, Some(&past))?;
            past.catch_up(store, known, newest)?;
            // A role or group that changed while we read was read as it is now.
            if past.n_givers() == n_before {
                for record in past.givers() {
                    picture.look(&record);
                }
                picture.past = Some(Mutex::new(past));
                return Ok(picture);
            }
        }
        Err(HistoryError::Unsteady {
            tenant: known.name.clone(),
        })
    }

    /// Reads the present roles and groups that have not changed since then, and returns the newest
    /// version of all roles and groups.
    fn read(
        store: &Store,
        known: &Known,
        past: Option<&Past>,
    ) -> Result<(Self, Option<Version>), StoreError> {
        let mut picture = Self::default();
        let mut newest = None;
        for kind in [Kind::Role, Kind::Group] {
            let mut after = None;
            loop {
                let page = store.list(known.no, kind, after.as_ref(), PAGE)?;
                let Some(last) = page.last() else { break };
                after = Some(last.record.id().clone());
                for kept in page {
                    newest = newest.max(Some(kept.version));
                    if past.is_none_or(|past| !past.has_changed(&kept.record)) {
                        picture.look(&kept.record);
                    }
                }
            }
        }
        Ok((picture, newest))
    }

    fn look(&mut self, record: &Record) {
        Arc::make_mut(&mut self.grants).look(record);
        match record {
            Record::Role(role) => {
                self.roles.insert(role.id.clone(), role.clone());
            }
            Record::Group(group) => {
                if group.roles.as_ref().is_none_or(|roles| !roles.is_empty()) {
                    self.names.insert(group.id.clone(), group.name.clone());
                }
            }
            Record::User(_) => {}
        }
    }

    /// Returns which roles the groups give, and which roles all users have.
    pub fn grants(&self) -> &Grants {
        &self.grants
    }

    /// Returns a role, if it is known.
    pub fn role(&self, id: &RoleId) -> Option<&Role> {
        self.roles.get(id)
    }

    /// Returns the roles.
    pub fn roles(&self) -> impl Iterator<Item = &Role> {
        self.roles.values()
    }

    /// Returns the roles from an id on.
    pub(super) fn roles_from(&self, begin: Bound<RoleId>) -> impl Iterator<Item = &Role> {
        let roles = self.roles.range((begin, Bound::Unbounded));
        roles.map(|(_, role)| role)
    }

    /// Returns what differs from now; `None` if the picture is of now.
    pub(super) fn since_then(&self) -> Option<&Mutex<Past>> {
        self.past.as_ref()
    }

    /// Returns the name of a group that gives roles or hides them.
    pub fn group_name(&self, id: &GroupId) -> Option<&str> {
        self.names.get(id).map(String::as_str)
    }

    /// Returns the name that any group had; `None` if there was no such group.
    pub fn name_of(
        &self,
        store: &Store,
        known: &Known,
        id: &GroupId,
    ) -> Result<Option<String>, HistoryError> {
        if let Some(name) = self.group_name(id) {
            return Ok(Some(name.to_owned()));
        }
        let group = self.group(store, known, id)?;
        Ok(group.map(|group| group.name))
    }

    /// Returns a role with its name. If the role is unknown, `name` is the name by which its
    /// holder's record mentions it.
    pub fn mention(&self, id: &RoleId, name: Option<&str>) -> RoleMention {
        let role = self.role(id);
        RoleMention {
            id: id.clone(),
            name: match role {
                Some(role) => role.name.clone(),
                None => name.unwrap_or_default().to_owned(),
            },
            level: role.and_then(|role| role.level.clone()),
            is_unknown: role.is_none(),
        }
    }

    /// Returns paths with the names of their groups.
    pub fn shown<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) -> Vec<ShownPath> {
        let shown = paths.into_iter().map(|path| ShownPath {
            path: path.clone(),
            group: path
                .group()
                .and_then(|group| self.group_name(group))
                .map(str::to_owned),
        });
        shown.collect()
    }

    /// Returns the roles and groups that have changed since the time of the picture, as far as the
    /// journal was read.
    pub fn changed_givers(&self) -> (BTreeSet<RoleId>, BTreeSet<GroupId>) {
        let past = self.past.as_ref();
        past.map(|past| lock(past).changed_givers())
            .unwrap_or_default()
    }

    /// Returns whether a part of what happened since the time of the picture could not be read.
    pub fn has_gap(&self) -> bool {
        let past = self.past.as_ref();
        past.is_some_and(|past| lock(past).has_gap())
    }

    /// Returns the last entry of the journal at the time of the picture.
    pub fn last_seq(&self, store: &Store) -> Seq {
        match &self.past {
            Some(past) => lock(past).begin(),
            None => store.last_seq(),
        }
    }

    /// Finds, for each user and each of the roles beside the user, the time since which the user
    /// has had the role. The users are given as they were at the time of the picture.
    pub fn since_when(
        &self,
        store: &Store,
        known: &Known,
        wanted: Vec<(User, Vec<RoleId>)>,
    ) -> Result<Dates, HistoryError> {
        let up_to = match &self.past {
            Some(past) => lock(past).begin(),
            None => store.settled_seq()?,
        };
        let grants = Arc::clone(&self.grants);
        lock(&self.trail).since_when((store, known), grants, up_to, wanted)
    }

    /// Reuses what an older picture of the same time has read from the journal.
    pub(super) fn follow(&mut self, older: &Self) {
        self.trail = Arc::clone(&older.trail);
    }

    /// Returns the time that was asked about; `None` if the picture is of now, or of an entry.
    pub(super) fn at(&self) -> Option<Timestamp> {
        self.at
    }

    /// Takes what has happened to spaces since `at`, which must be the time of the picture. Reads
    /// it if nothing is kept.
    pub(super) fn take_space_past(
        &self,
        store: &Store,
        known: &Known,
        at: Timestamp,
    ) -> Result<SpacePast, HistoryError> {
        match lock(&self.spaces).take() {
            Some(past) => Ok(past),
            None => SpacePast::since(store, known, at),
        }
    }

    /// Keeps what has happened to spaces for the next page of an answer, unless it is too much to
    /// keep.
    pub(super) fn keep_space_past(&self, past: SpacePast) {
        if past.is_small() {
            *lock(&self.spaces) = Some(past);
        }
    }

    /// Takes what has happened to the licence since `at`, which must be the time of the picture.
    /// Reads it if nothing is kept.
    pub(super) fn take_licence_past(
        &self,
        store: &Store,
        known: &Known,
        at: Timestamp,
    ) -> Result<LicencePast, HistoryError> {
        match lock(&self.licence).take() {
            Some(past) => Ok(past),
            None => LicencePast::since(store, known, at),
        }
    }

    /// Keeps what has happened to the licence for the next page of an answer, unless it is too much
    /// to keep.
    pub(super) fn keep_licence_past(&self, past: LicencePast) {
        if past.is_small() {
            *lock(&self.licence) = Some(past);
        }
    }

    /// Returns the entry up to which it keeps what has happened to spaces; `None` if it keeps
    /// nothing.
    #[cfg(test)]
    pub(super) fn kept_up_to(&self) -> Option<Seq> {
        lock(&self.spaces).as_ref().map(SpacePast::up_to)
    }

    /// Returns how many users there were at the time of the picture.
    pub fn n_users(&self, store: &Store, known: &Known) -> Result<u64, HistoryError> {
        let now = store.census(known.no, Kind::User)?.count;
        Ok(match &self.past {
            Some(past) => {
                let mut past = lock(past);
                past.extend(store, known)?;
                past.n_users(now)
            }
            None => now,
        })
    }

    /// Reads a page of users as they were at the time of the picture, in the order of ids, after
    /// `after`. It covers about `limit` present users.
    pub fn users(
        &self,
        store: &Store,
        known: &Known,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<UserPage, HistoryError> {
        let page = store.list(known.no, Kind::User, after, limit)?;
        let newest = page.iter().map(|kept| kept.version).max();
        let last = page.last().map(|kept| kept.record.id().clone());
        let next = last.filter(|_| page.len() == limit);
        let users = page.into_iter().filter_map(|kept| match kept.record {
            Record::User(user) => Some(user),
            Record::Group(_) | Record::Role(_) => None,
        });
        let Some(past) = &self.past else {
            let users = users.collect();
            return Ok(UserPage { users, next });
        };
        let mut past = lock(past);
        past.catch_up(store, known, newest)?;
        past.look_behind(store, known, after)?;
        let mut users: BTreeMap<Id, User> = users.map(|user| (user.id.0.clone(), user)).collect();
        let next = past.put_back(store, &mut users, after, next.as_ref(), limit)?;
        Ok(UserPage {
            users: users.into_values().collect(),
            next,
        })
    }

    /// Returns one group as it was at the time of the picture.
    pub fn group(
        &self,
        store: &Store,
        known: &Known,
        id: &GroupId,
    ) -> Result<Option<Group>, HistoryError> {
        let record = RecordRef {
            kind: Kind::Group,
            id: id.0.clone(),
        };
        let kept = store.get(known.no, &record)?;
        let version = kept.as_ref().map(|kept| kept.version);
        let now = kept.and_then(|kept| match kept.record {
            Record::Group(group) => Some(group),
            Record::User(_) | Record::Role(_) => None,
        });
        let Some(past) = &self.past else {
            return Ok(now);
        };
        let mut past = lock(past);
        past.catch_up(store, known, version)?;
        Ok(past.group(id).cloned().unwrap_or(now))
    }

    /// Finds users after an id who may have been in at least one of these posting lists at the time
    /// of the picture: all who were, and a few others. Returns about `limit` of them, and the id up
    /// to which they are complete, which is `None` if there are no more. Returns `None` if a list
    /// is not complete at present: then all users must be read.
    pub(super) fn ids_in(
        &self,
        store: &Store,
        known: &Known,
        lists: &BTreeSet<PostingList>,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Option<Ids>, HistoryError> {
        let asked: Vec<_> = lists.iter().map(|list| (list.clone(), 1)).collect();
        let Some(posted) = store.posted(known.no, &asked, after, limit)? else {
            return Ok(None);
        };
        let mut ids: BTreeSet<Id> = posted.users.into_keys().map(|user| user.0).collect();
        let mut next = posted.next;
        if let Some(past) = &self.past {
            let mut past = lock(past);
            past.catch_up_to(store, known, posted.last)?;
            past.look_behind(store, known, after)?;
            let (left, upto) = past.left(lists, after, limit);
            ids.extend(left);
            next = match (next, upto) {
                (Some(next), Some(upto)) => Some(next.min(upto)),
                (next, upto) => next.or(upto),
            };
        }
        if let Some(next) = &next {
            ids.retain(|id| id <= next);
        }
        Ok(Some((ids, next)))
    }

    /// Reads the users after an id who were in at least one of these posting lists at the time of
    /// the picture, and a few others, in the order of ids. Returns `None` if a list is not complete
    /// at present.
    pub fn users_in(
        &self,
        store: &Store,
        known: &Known,
        lists: &BTreeSet<PostingList>,
        after: Option<&Id>,
        limit: usize,
    ) -> Result<Option<UserPage>, HistoryError> {
        let Some((ids, next)) = self.ids_in(store, known, lists, after, limit)? else {
            return Ok(None);
        };
        let mut now = present(store, known, &ids)?;
        self.catch_up(store, known, now.newest)?;
        let mut users = Vec::with_capacity(ids.len());
        for id in &ids {
            users.extend(self.put_back(store, known, id, now.users.remove(id))?);
        }
        Ok(Some(UserPage { users, next }))
    }

    /// Makes sure that everything that happened up to a version was read.
    pub(super) fn catch_up(
        &self,
        store: &Store,
        known: &Known,
        newest: Option<Version>,
    ) -> Result<(), HistoryError> {
        match &self.past {
            Some(past) => lock(past).catch_up(store, known, newest),
            None => Ok(()),
        }
    }

    /// Returns a user as it was at the time of the picture, given the present one. What happened up
    /// to the present one must have been read: see [`Self::catch_up`].
    pub(super) fn put_back(
        &self,
        store: &Store,
        known: &Known,
        id: &Id,
        now: Option<User>,
    ) -> Result<Option<User>, HistoryError> {
        match &self.past {
            Some(past) => lock(past).user(store, known, id, now),
            None => Ok(now),
        }
    }

    /// Returns one user as it was at the time of the picture.
    pub fn user(
        &self,
        store: &Store,
        known: &Known,
        id: &UserId,
    ) -> Result<Option<User>, HistoryError> {
        let record = RecordRef {
            kind: Kind::User,
            id: id.0.clone(),
        };
        let kept = store.get(known.no, &record)?;
        let version = kept.as_ref().map(|kept| kept.version);
        let now = kept.and_then(|kept| match kept.record {
            Record::User(user) => Some(user),
            Record::Group(_) | Record::Role(_) => None,
        });
        let Some(past) = &self.past else {
            return Ok(now);
        };
        let mut past = lock(past);
        past.catch_up(store, known, version)?;
        past.user(store, known, &id.0, now)
    }
}

#[cfg(test)]
pub(super) mod tests;
