//! The records of a tenant as they were at an earlier time: the present ones, with every change
//! since undone.
//!
//! Each entry of the journal contains its record before and after the change. So the first entry
//! about a record after that time says what the record was then, and a record without such an entry
//! has not changed. Former roles and groups are kept in full; of users, only the position of that
//! entry is kept, since in a year every user may have changed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, RangeBounds};

use crate::model::{
    Change, Fact, Group, GroupId, Id, Kind, Record, Role, RoleId, Seq, Timestamp, User, Verb,
    Version,
};
use crate::store::{Known, PostingList, Skimmed, Store, UserEntry};

use super::changed::{Changed, Earlier, Leavers, Then, bits};
use super::error::HistoryError;
use super::since::first_since;
use super::waiting::{Entries, until_included};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// The most changed users whose former state is kept at once. Each takes some 72 bytes. If more
/// have changed, they are put back part by part, and the journal is read again for each part.
pub(super) const MAX_USERS: usize = 1_000_000;

/// What has changed since an earlier time.
#[derive(Debug)]
pub struct Past {
    /// The last entry at that time.
    begin: Seq,
    /// The last entry that was read.
    up_to: Seq,
    /// The version of that entry; `None` if it is no longer there.
    version: Option<Version>,
    roles: BTreeMap<RoleId, Option<Role>>,
    groups: BTreeMap<GroupId, Option<Group>>,
    /// The groups that users have left, each with a few of these users.
    left_groups: BTreeMap<GroupId, Leavers>,
    /// The users in the window that have changed.
    users: BTreeMap<Id, Changed>,
    /// The range of ids in which all users that have changed are kept.
    window: Window,
    /// The most users to keep at once.
    max_users: usize,
    /// How many more users were created than deleted since then.
    n_more: i64,
    /// Whether an entry could not be read.
    has_gap: bool,
}

/// A range of ids.
type Window = (Bound<Id>, Bound<Id>);

impl Past {
    /// Reads what happened to a tenant's records after a time.
    pub(super) fn since(store: &Store, known: &Known, at: Timestamp) -> Result<Self, HistoryError> {
        covered(store, known, at)?;
        let after = Timestamp::from_millis(at.millis().saturating_add(1));
        let last = store.last_seq();
        let up_to = match first_since(store, after)? {
            Some(entry) => Seq(entry.seq.0.saturating_sub(1)),
            None => last,
        };
        Self::after(store, known, up_to)
    }

    /// Reads what happened to a tenant's records after an entry.
    pub(super) fn after(store: &Store, known: &Known, up_to: Seq) -> Result<Self, HistoryError> {
        Self::with_window(store, known, up_to, MAX_USERS)
    }

    /// The same, but keeps at most this many users at once.
    pub(super) fn with_window(
        store: &Store,
        known: &Known,
        up_to: Seq,
        max_users: usize,
    ) -> Result<Self, HistoryError> {
        let mut past = Self {
            begin: up_to,
            up_to,
            version: store.entry(up_to)?.map(|entry| entry.version()),
            roles: BTreeMap::new(),
            groups: BTreeMap::new(),
            left_groups: BTreeMap::new(),
            users: BTreeMap::new(),
            window: (Bound::Unbounded, Bound::Unbounded),
            max_users,
            n_more: 0,
            has_gap: false,
        };
        past.extend(store, known)?;
        Ok(past)
    }

    /// Returns the last entry at that time.
    pub(super) fn begin(&self) -> Seq {
        self.begin
    }

    /// Returns whether a part of what happened since could not be read.
    pub(super) fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Reads the entries that were written since the last call.
    pub(super) fn extend(&mut self, store: &Store, known: &Known) -> Result<(), HistoryError> {
        loop {
            let entries = store.skim(self.up_to, AT_ONCE)?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                if entry.seq() != self.up_to.next() {
                    return Err(HistoryError::WasCut);
                }
                self.up_to = entry.seq();
                self.version = Some(entry.version());
                self.take(known, entry);
            }
        }
    }

    fn take(&mut self, known: &Known, entry: Skimmed) {
        let origin = entry.origin();
        let is_ours = origin.is_some_and(|origin| origin.account.tenant == known.tenant.id);
        let entry = match entry {
            Skimmed::User(entry) if is_ours => return self.undo_user(&entry),
            Skimmed::User(_) => return,
            Skimmed::Other(entry) => *entry,
        };
        match entry.fact {
            Fact::Changed(change) if is_ours => self.undo(change),
            Fact::Unreadable | Fact::HistoryLost(_) => self.has_gap = true,
            Fact::Changed(_)
            | Fact::Loaded { .. }
            | Fact::SpaceChanged(_)
            | Fact::LicenceChanged(_)
            | Fact::Held { .. }
            | Fact::Failed { .. }
            | Fact::Recovered(_)
            | Fact::EndpointDisabled { .. }
            | Fact::RightChanged(_)
            | Fact::RoleContentChanged { .. } => {}
        }
    }

    /// Notes what a user was before a change, unless an earlier change already did.
    fn undo_user(&mut self, entry: &UserEntry) {
        self.n_more += match entry.verb {
            Verb::Created => 1,
            Verb::Updated => 0,
            Verb::Deleted => -1,
        };
        let id = &entry.user.0;
        let earlier = match self.users.get(id) {
            Some(earlier) if earlier.then == Then::Absent => Earlier::Created,
            None if self.window.contains(id) => Earlier::Nothing,
            Some(_) | None => Earlier::Changed,
        };
        for list in &entry.left {
            if let PostingList::Group(group) = list {
                let leavers = self.left_groups.entry(group.clone()).or_default();
                leavers.add(id, earlier);
            }
        }
        self.note_user(entry.user.0.clone(), Changed::by(entry));
    }

    /// Notes what a role or group was before a change, unless an earlier change already did.
    fn undo(&mut self, change: Change) {
        let id = change.id().clone();
        let kind = change.kind();
        let (before, _) = change.into_sides();
        match (kind, before) {
            (Kind::Group, Some(Record::Group(group))) => {
                self.groups.entry(GroupId(id)).or_insert(Some(group));
            }
            (Kind::Role, Some(Record::Role(role))) => {
                self.roles.entry(RoleId(id)).or_insert(Some(role));
            }
            (Kind::Group | Kind::User, _) => {
                self.groups.entry(GroupId(id)).or_insert(None);
            }
            (Kind::Role, _) => {
                self.roles.entry(RoleId(id)).or_insert(None);
            }
        }
    }

    /// Notes what a user was, if it is in the window. If there are too many users, the window ends
    /// before the last ones.
    fn note_user(&mut self, id: Id, changed: Changed) {
        if !self.window.contains(&id) {
            return;
        }
        let kept = self.users.entry(id).or_insert(changed);
        kept.left |= changed.left;
        if self.users.len() > self.max_users
            && let Some((last, _)) = self.users.pop_last()
        {
            self.window.1 = Bound::Excluded(last);
        }
    }

    /// Lets the window begin at an id, and reads what the users in it were, as many as may be kept.
    fn move_window(
        &mut self,
        store: &Store,
        known: &Known,
        begin: Bound<Id>,
    ) -> Result<(), HistoryError> {
        self.users.clear();
        self.window = (begin, Bound::Unbounded);
        let (mut read, up_to) = (self.begin, self.up_to);
        while read < up_to {
            let entries = store.skim(read, AT_ONCE)?;
            if entries.is_empty() {
                return Err(HistoryError::WasCut);
            }
            for entry in entries.into_iter().filter(|it| it.seq() <= up_to) {
                if entry.seq() != read.next() {
                    return Err(HistoryError::WasCut);
                }
                read = entry.seq();
                if let Skimmed::User(entry) = entry
                    && entry.origin.account.tenant == known.tenant.id
                {
                    self.note_user(entry.user.0.clone(), Changed::by(&entry));
                }
            }
        }
        Ok(())
    }

    /// Makes sure that the window covers users after an id, as many as may be kept. `None` means
    /// from the first user on.
    pub(super) fn look_behind(
        &mut self,
        store: &Store,
        known: &Known,
        after: Option<&Id>,
    ) -> Result<(), HistoryError> {
        let begins = match (&self.window.0, after) {
            (Bound::Unbounded, _) => true,
            (Bound::Included(_) | Bound::Excluded(_), None) => false,
            (Bound::Included(first) | Bound::Excluded(first), Some(after)) => first <= after,
        };
        let behind = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut kept = self.users.range::<Id, _>((behind, Bound::Unbounded));
        let has_more = self.window.1 == Bound::Unbounded || kept.next().is_some();
        if begins && has_more {
            return Ok(());
        }
        let begin = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.clone()));
        self.move_window(store, known, begin)
    }

    /// Returns the roles and groups that have changed since, as they were.
    pub(super) fn givers(&self) -> impl Iterator<Item = Record> {
        let roles = self.roles.values().flatten().cloned().map(Record::Role);
        let groups = self.groups.values().flatten().cloned().map(Record::Group);
        roles.chain(groups)
    }

    /// Returns whether a role or group has changed since.
    pub(super) fn has_changed(&self, record: &Record) -> bool {
        match record {
            Record::Role(role) => self.roles.contains_key(&role.id),
            Record::Group(group) => self.groups.contains_key(&group.id),
            Record::User(user) => self.users.contains_key(&user.id.0),
        }
    }

    /// Returns what a group was then: `None` if it has not changed since, and `Some(None)` if it
    /// did not exist.
    pub(super) fn group(&self, id: &GroupId) -> Option<&Option<Group>> {
        self.groups.get(id)
    }

    /// Returns the roles and groups that have changed since.
    pub(super) fn changed_givers(&self) -> (BTreeSet<RoleId>, BTreeSet<GroupId>) {
        let roles = self.roles.keys().cloned().collect();
        (roles, self.groups.keys().cloned().collect())
    }

    /// Returns the groups that users have left since, each with users who may have been in it then.
    pub(super) fn left_groups(&self) -> impl Iterator<Item = (&GroupId, &Leavers)> {
        self.left_groups.iter()
    }

    /// Returns how many roles and groups have changed since.
    pub(super) fn n_givers(&self) -> usize {
        self.roles.len() + self.groups.len()
    }

    /// Returns how many users that have changed since it keeps.
    pub(super) fn n_changed_users(&self) -> usize {
        self.users.len()
    }

    /// Returns how many users there were then, given how many there are now.
    pub(super) fn n_users(&self, now: u64) -> u64 {
        now.saturating_add_signed(-self.n_more)
    }

    /// Puts users back as they were, at most `limit` of them. `users` are all present users after
    /// the id `after` and up to the id `last`; `None` means from the first user, or up to the last.
    /// The window must begin at `after` or before it. Returns the id up to which all users are as
    /// they were, and drops those after it; `None` if it reached the last user.
    pub(super) fn put_back(
        &self,
        store: &Store,
        users: &mut BTreeMap<Id, User>,
        after: Option<&Id>,
        last: Option<&Id>,
        limit: usize,
    ) -> Result<Option<Id>, HistoryError> {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let last_kept = match self.window.1 {
            Bound::Unbounded => None,
            Bound::Included(_) | Bound::Excluded(_) => self.users.keys().next_back(),
        };
        let last = match (last, last_kept) {
            (Some(last), Some(kept)) => Some(last.min(kept)),
            (last, kept) => last.or(kept),
        };
        if let Some(last) = last {
            users.retain(|known, _| known <= last);
        }
        let end = last.map_or(Bound::Unbounded, Bound::Included);
        let mut reached = last.cloned();
        for (n_read, (id, changed)) in self.users.range::<Id, _>((begin, end)).enumerate() {
            match read(store, changed.then)? {
                Some(user) => users.insert(id.clone(), user),
                None => users.remove(id),
            };
            if n_read + 1 == limit {
                reached = Some(id.clone());
                users.retain(|known, _| known <= id);
                break;
            }
        }
        Ok(reached)
    }

    /// Puts groups back as they were. `groups` are all present groups after the id `after` and up
    /// to the id `last`; `None` means from the first group, or up to the last.
    pub(super) fn put_back_groups(
        &self,
        groups: &mut BTreeMap<Id, Group>,
        after: Option<&Id>,
        last: Option<&Id>,
    ) {
        let id = |id: &Id| GroupId(id.clone());
        let begin = after.map_or(Bound::Unbounded, |after| Bound::Excluded(id(after)));
        let end = last.map_or(Bound::Unbounded, |last| Bound::Included(id(last)));
        for (id, then) in self.groups.range((begin, end)) {
            match then {
                Some(group) => groups.insert(id.0.clone(), group.clone()),
                None => groups.remove(&id.0),
            };
        }
    }

    /// Returns a user as it was then, given the present one; `None` if there was no such user.
    pub(super) fn user(
        &mut self,
        store: &Store,
        known: &Known,
        id: &Id,
        now: Option<User>,
    ) -> Result<Option<User>, HistoryError> {
        if !self.window.contains(id) {
            self.move_window(store, known, Bound::Included(id.clone()))?;
        }
        match self.users.get(id) {
            Some(changed) => read(store, changed.then),
            None => Ok(now),
        }
    }

    /// Finds at most `limit` users after an id, in the window, who may have been in one of some
    /// posting lists then and may have left it since. Returns them, and the id up to which it
    /// looked, or `None` if it reached the last user. The window must begin no later than
    /// `after`.
    pub(super) fn left<'a>(
        &self,
        lists: impl IntoIterator<Item = &'a PostingList>,
        after: Option<&Id>,
        limit: usize,
    ) -> (BTreeSet<Id>, Option<Id>) {
        let bits = bits(lists);
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut found = BTreeSet::new();
        for (id, changed) in self.users.range::<Id, _>((begin, Bound::Unbounded)) {
            if changed.may_have_left(bits) {
                found.insert(id.clone());
            }
            if found.len() == limit {
                return (found, Some(id.clone()));
            }
        }
        let upto = match self.window.1 {
            Bound::Unbounded => None,
            Bound::Included(_) | Bound::Excluded(_) => self.users.keys().next_back().cloned(),
        };
        (found, upto)
    }

    /// Reads on until an entry is included. The entry may reach the disk only a moment later, so
    /// this may have to wait.
    pub(super) fn catch_up_to(
        &mut self,
        store: &Store,
        known: &Known,
        last: Seq,
    ) -> Result<(), HistoryError> {
        self.wait(store, known, |past| past.up_to < last)
    }

    /// Reads on until the entries of records just read are included; `newest` is their newest
    /// version. A record becomes visible a moment before its entry is on disk, so this may have to
    /// wait.
    pub(super) fn catch_up(
        &mut self,
        store: &Store,
        known: &Known,
        newest: Option<Version>,
    ) -> Result<(), HistoryError> {
        self.wait(store, known, |past| {
            newest > past.version && past.version.is_some()
        })
    }

    /// Reads on until it is no longer behind. Fails if that takes too long.
    fn wait(
        &mut self,
        store: &Store,
        known: &Known,
        is_behind: impl Fn(&Self) -> bool,
    ) -> Result<(), HistoryError> {
        until_included(known, || {
            self.extend(store, known)?;
            Ok(match is_behind(self) {
                true => Entries::Missing,
                false => Entries::Included,
            })
        })
    }
}

/// Reads a user as it was then.
fn read(store: &Store, then: Then) -> Result<Option<User>, HistoryError> {
    let seq = match then {
        Then::Absent => return Ok(None),
        Then::Before(seq) => seq,
    };
    let entry = store.entry(seq)?.ok_or(HistoryError::WasCut)?;
    let Fact::Changed(change) = entry.fact else {
        return Ok(None);
    };
    Ok(match change {
        Change::Updated {
            before: Record::User(user),
            ..
        }
        | Change::Deleted {
            before: Record::User(user),
        } => Some(user),
        Change::Created { .. } | Change::Updated { .. } | Change::Deleted { .. } => None,
    })
}

/// Fails if the journal does not go back to a time, or nothing was known of the tenant then.
pub(super) fn covered(store: &Store, known: &Known, at: Timestamp) -> Result<(), HistoryError> {
    let too_early = |first| HistoryError::NotCovered {
        tenant: known.name.clone(),
        first,
    };
    let Some(loaded) = known.loaded else {
        return Err(too_early(None));
    };
    // The mark of the first load, or the first entry that is still there if the mark was cut.
    let first = match store.entry(loaded)? {
        Some(mark) => Some(mark),
        None => store.entries(Seq::START, 1)?.into_iter().next(),
    };
    match first {
        Some(first) if at < first.at => Err(too_early(Some(first.at))),
        Some(_) => Ok(()),
        None => Err(too_early(None)),
    }
}
