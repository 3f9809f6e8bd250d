//! Finds the changes of the next run that have not been reported yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Change, Entry, Fact, GroupId, Id, Record, RunId, Seq, SpaceChange, SpaceHead, SpaceId,
    Timestamp, User,
};
use crate::store::{Known, Store, StoreError};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// How many changed users are compared at once: some 60 bytes are kept of each. A larger run is
/// reported in parts.
pub(super) const MAX_USERS: usize = if cfg!(test) { 600 } else { 1_000_000 };

/// How many changed spaces are compared at once. A larger run is reported in parts.
pub(super) const MAX_SPACES: usize = if cfg!(test) { 100 } else { 100_000 };

/// The changes of a run that may concern who holds what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Range {
    /// The entry after which the comparison begins; nothing between it and the first change
    /// concerns who holds what here.
    pub begin: Seq,
    /// The entry of the last change.
    pub end: Seq,
    /// The run that found the changes.
    pub run: RunId,
    /// When the last change was found.
    pub at: Timestamp,
    /// The users whose own roles or groups changed.
    pub users: BTreeMap<Id, UserEntries>,
    /// Whether a role or a group changed.
    pub has_giver: bool,
    /// The spaces that changed.
    pub spaces: BTreeSet<SpaceId>,
    /// Whether rights in spaces are compared, too.
    pub compared: Compared,
}

/// The entries about a user whose own roles or groups changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UserEntries {
    /// The first.
    pub first: Seq,
    /// The last.
    pub last: Seq,
    /// Whether the user's rights in spaces may differ.
    pub moved: Moved,
}

/// Whether a user's rights may differ in spaces that have not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Moved {
    /// No: only the user's roles changed.
    No,
    /// Yes: the user came or went, or is in other groups.
    Yes,
}

/// Which rights are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compared {
    /// Roles in the tenant.
    Roles,
    /// Also rights in spaces, since all spaces were read before.
    RolesAndSpaces,
    /// Rights in spaces alone: the roles were compared while spaces were not read.
    Spaces,
}

/// The time since which rights in spaces are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SpacesFrom {
    /// They are not: spaces are not read, or were not all read yet.
    Never,
    /// After this entry.
    After(Seq),
}

impl SpacesFrom {
    fn has(self, seq: Seq) -> bool {
        match self {
            Self::Never => false,
            Self::After(since) => seq > since,
        }
    }
}

/// What follows a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The changes of a run.
    Changes(Range),
    /// Nothing that concerns who holds what in the tenant, up to this entry.
    Nothing(Seq),
}

/// Looks for the changes of the next run after an entry. Changes before a lost part of the history
/// are not compared, since nobody knows what the records were then.
///
/// `up_to` is the last entry of a run that we have begun to report; `None` if there is none. If
/// that run has written further entries since, they are reported separately; otherwise the entries
/// that are already reported would come out differently.
///
/// Spaces are read beside other runs. A change of a space that was found while a run wrote its
/// changes counts as a change of this run: otherwise the run would be compared in several parts.
pub(super) fn next(
    store: &Store,
    known: &Known,
    after: Seq,
    up_to: Option<Seq>,
    spaces: SpacesFrom,
) -> Result<Ahead, StoreError> {
    let mut begin = begin_after(store, known, after)?;
    let mut read = begin;
    let mut found: Option<Range> = None;
    // Changes of spaces after the last change of the range: they belong to the range if it goes on.
    let mut beside: Vec<SpaceId> = Vec::new();
    loop {
        let entries = store.entries(read, AT_ONCE)?;
        if entries.is_empty() {
            return Ok(found.map_or(Ahead::Nothing(read), Ahead::Changes));
        }
        for entry in entries {
            if up_to.is_some_and(|up_to| entry.seq > up_to) {
                return Ok(found.map_or(Ahead::Nothing(read), Ahead::Changes));
            }
            if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
                if let Some(range) = found {
                    return Ok(Ahead::Changes(range));
                }
                begin = entry.seq;
            }
            read = entry.seq;
            let Some((run, change)) = change_of(known, &entry, spaces) else {
                continue;
            };
            if let Some(range) = &found {
                let is_beside = range.run != run && range.is_of_records();
                if let Concerning::Space(change) = change
                    && is_beside
                    && beside.len() < MAX_SPACES
                {
                    beside.push(change.id.clone());
                    continue;
                }
                if range.run != run || range.is_full() {
                    return Ok(found.map_or(Ahead::Nothing(read), Ahead::Changes));
                }
            }
            let range = found.get_or_insert_with(|| match spaces {
                // Spaces that changed before all were read are not compared.
                SpacesFrom::After(since) if entry.seq > since => {
                    Range::new(begin.max(since), run, &entry, Compared::RolesAndSpaces)
                }
                SpacesFrom::After(_) | SpacesFrom::Never => {
                    Range::new(begin, run, &entry, Compared::Roles)
                }
            });
            range.spaces.extend(beside.drain(..));
            range.take(&entry, change);
        }
    }
}

/// Looks for all changes after an entry and up to another, whichever runs found them. Only rights
/// in spaces are compared, and all differences are reported as changes of the last of these runs.
pub(super) fn of_spaces(
    store: &Store,
    known: &Known,
    after: Seq,
    up_to: Seq,
) -> Result<Ahead, StoreError> {
    let mut begin = begin_after(store, known, after)?;
    let mut read = begin;
    let mut found: Option<Range> = None;
    loop {
        let entries = store.entries(read, AT_ONCE)?;
        if entries.is_empty() {
            return Ok(found.map_or(Ahead::Nothing(read), Ahead::Changes));
        }
        for entry in entries {
            if entry.seq > up_to || found.as_ref().is_some_and(Range::is_full) {
                return Ok(found.map_or(Ahead::Nothing(up_to), Ahead::Changes));
            }
            if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
                if let Some(range) = found {
                    return Ok(Ahead::Changes(range));
                }
                begin = entry.seq;
            }
            read = entry.seq;
            let Some((run, change)) = change_of(known, &entry, SpacesFrom::After(after)) else {
                continue;
            };
            let range =
                found.get_or_insert_with(|| Range::new(begin, run, &entry, Compared::Spaces));
            range.run = run;
            range.take(&entry, change);
        }
    }
}

/// Returns the entry after which the comparison begins: the given one or, if the journal was cut
/// past it, the last one that was cut.
fn begin_after(store: &Store, known: &Known, after: Seq) -> Result<Seq, StoreError> {
    let first = Seq(store.first_seq()?.0.saturating_sub(1));
    if first > after {
        tracing::warn!(
            tenant.id = %known.tenant.id, tenant.name = %known.name,
            "The journal was cut past the last comparison of who holds what in `{}`; changes up to \
             entry {first} are not reported", known.name,
        );
    }
    Ok(after.max(first))
}

impl Range {
    fn new(begin: Seq, run: RunId, entry: &Entry, compared: Compared) -> Self {
        Self {
            begin,
            end: entry.seq,
            run,
            at: entry.at,
            users: BTreeMap::new(),
            has_giver: false,
            spaces: BTreeSet::new(),
            compared,
        }
    }

    /// Returns whether the range consists of changes of records.
    fn is_of_records(&self) -> bool {
        !self.users.is_empty() || self.has_giver
    }

    fn is_full(&self) -> bool {
        self.users.len() >= MAX_USERS || self.spaces.len() >= MAX_SPACES
    }

    fn take(&mut self, entry: &Entry, change: Concerning<'_>) {
        (self.end, self.at) = (entry.seq, entry.at);
        let change = match change {
            Concerning::Record(change) => change,
            Concerning::Space(change) => {
                self.spaces.insert(change.id.clone());
                return;
            }
        };
        match change.latest() {
            Record::User(user) => {
                let moved = moved(change);
                let entries = self.users.entry(user.id.0.clone()).or_insert(UserEntries {
                    first: entry.seq,
                    last: entry.seq,
                    moved,
                });
                entries.last = entry.seq;
                entries.moved = entries.moved.max(moved);
            }
            Record::Group(_) | Record::Role(_) => self.has_giver = true,
        }
    }
}

/// A change that may concern who holds what.
#[derive(Debug, Clone, Copy)]
enum Concerning<'a> {
    Record(&'a Change),
    Space(&'a SpaceChange),
}

/// Returns a change of the tenant that may concern who holds what, and the run that found it;
/// `None` for any other entry.
fn change_of<'a>(
    known: &Known,
    entry: &'a Entry,
    spaces: SpacesFrom,
) -> Option<(RunId, Concerning<'a>)> {
    let origin = entry.origin.as_ref()?;
    let change = match &entry.fact {
        Fact::Changed(change) if concerns_rights(change) => Concerning::Record(change),
        Fact::SpaceChanged(change) if spaces.has(entry.seq) && concerns_rights_in(change) => {
            Concerning::Space(change)
        }
        _ => return None,
    };
    let is_ours = origin.account.tenant == known.tenant.id;
    is_ours.then_some((origin.run, change))
}

/// Returns whether a change of a space may concern who holds what there. Only changes of its name,
/// of its sort or of what can be seen of it do not.
fn concerns_rights_in(change: &SpaceChange) -> bool {
    let SpaceChange {
        id: _,
        before,
        after,
        found: _,
        assignments,
        shares,
    } = change;
    let owner = |head: &Option<SpaceHead>| head.as_ref().map(|head| head.owner.clone());
    owner(before) != owner(after) || !assignments.members.is_empty() || !shares.members.is_empty()
}

/// Returns whether the rights of a user in spaces may differ after a change of the user.
fn moved(change: &Change) -> Moved {
    match change {
        Change::Updated {
            before: Record::User(before),
            after: Record::User(after),
        } if groups_of(before) == groups_of(after) => Moved::No,
        Change::Created { .. } | Change::Updated { .. } | Change::Deleted { .. } => Moved::Yes,
    }
}

/// Returns the groups of a user; `None` if they are not visible.
fn groups_of(user: &User) -> Option<Vec<&GroupId>> {
    user.groups.as_ref().map(|groups| groups.keys().collect())
}

/// Returns whether a change may concern who holds what: every change does, except that of a user
/// whose groups and assigned roles stay the same.
fn concerns_rights(change: &Change) -> bool {
    match change {
        Change::Updated {
            before: Record::User(before),
            after: Record::User(after),
        } => !holds_the_same(before, after),
        Change::Created { .. } | Change::Updated { .. } | Change::Deleted { .. } => true,
    }
}

fn holds_the_same(before: &User, after: &User) -> bool {
    let keys = |user: &User| {
        let roles: Option<Vec<_>> = user.roles.as_ref().map(|it| it.keys().cloned().collect());
        let groups: Option<Vec<_>> = user.groups.as_ref().map(|it| it.keys().cloned().collect());
        (roles, groups)
    };
    (&before.roles, &before.groups) == (&after.roles, &after.groups) || keys(before) == keys(after)
}
