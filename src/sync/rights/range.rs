//! Finds the changes of the next run that have not been reported yet.

use std::collections::BTreeMap;

use crate::model::{Change, Entry, Fact, Id, Record, RunId, Seq, Timestamp, User};
use crate::store::{Known, Store, StoreError};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// How many changed users are compared at once: some 60 bytes are kept of each. A larger run is
/// reported in parts.
const MAX_USERS: usize = 1_000_000;

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
    /// The users whose own roles or groups changed, each with the first entry that changed them and
    /// the last.
    pub users: BTreeMap<Id, (Seq, Seq)>,
    /// Whether a role or a group changed.
    pub has_giver: bool,
}

/// What follows a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ahead {
    /// The changes of a run.
    Changes(Range),
    /// Nothing that concerns who holds what in the tenant, up to this entry.
    Nothing(Seq),
}

/// Looks for the changes of the next run after an entry. What precedes a part of the history that
/// was lost is not compared, since nobody knows what the records were then.
///
/// `up_to` is the last entry of a run that we have begun to report; `None` if there is none. If
/// that run has written further entries since, they are reported separately; otherwise the entries
/// that are already reported would come out differently.
pub(super) fn next(
    store: &Store,
    known: &Known,
    after: Seq,
    up_to: Option<Seq>,
) -> Result<Ahead, StoreError> {
    let first = Seq(store.first_seq()?.0.saturating_sub(1));
    if first > after {
        tracing::warn!(
            tenant.id = %known.tenant.id, tenant.name = %known.name,
            "The journal was cut past the last comparison of who holds what in `{}`; changes up to \
             entry {first} are not reported", known.name,
        );
    }
    let mut begin = after.max(first);
    let mut read = begin;
    let mut found: Option<Range> = None;
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
            let Some((run, change)) = change_of(known, &entry) else {
                continue;
            };
            if let Some(range) = &found
                && (range.run != run || range.users.len() >= MAX_USERS)
            {
                return Ok(found.map_or(Ahead::Nothing(read), Ahead::Changes));
            }
            let range = found.get_or_insert_with(|| Range {
                begin,
                end: entry.seq,
                run,
                at: entry.at,
                users: BTreeMap::new(),
                has_giver: false,
            });
            range.take(&entry, change);
        }
    }
}

impl Range {
    fn take(&mut self, entry: &Entry, change: &Change) {
        (self.end, self.at) = (entry.seq, entry.at);
        match change.latest() {
            Record::User(user) => {
                let users = self.users.entry(user.id.0.clone());
                users
                    .and_modify(|(_, last)| *last = entry.seq)
                    .or_insert((entry.seq, entry.seq));
            }
            Record::Group(_) | Record::Role(_) => self.has_giver = true,
        }
    }
}

/// Returns a change of the tenant that may concern who holds what, and the run that found it;
/// `None` for any other entry.
fn change_of<'a>(known: &Known, entry: &'a Entry) -> Option<(RunId, &'a Change)> {
    let origin = entry.origin.as_ref()?;
    let Fact::Changed(change) = &entry.fact else {
        return None;
    };
    let is_ours = origin.account.tenant == known.tenant.id;
    (is_ours && concerns_rights(change)).then_some((origin.run, change))
}

/// Returns whether a change may concern who holds what: any change but one of a user whose groups
/// and assigned roles stay the same.
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
