//! What has happened to spaces since a time, so that it can be undone.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::model::{Entry, Fact, Seq, Space, SpaceChange, SpaceId, Timestamp};
use crate::store::{KeptSpace, Known, Store};

use super::error::HistoryError;
use super::since::last_before;
use super::waiting::{Entries, until_included};

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// The most changed spaces, assignments and shares to keep until they are undone. Each takes some
/// 300 bytes.
const MAX_CHANGED: usize = 200_000;

/// The most of these changes to keep for the next page of an answer: 6 MB for each time that is
/// asked about.
const MAX_KEPT: usize = 20_000;

/// What has happened to spaces since a time.
#[derive(Debug)]
pub(super) struct SpacePast {
    at: Timestamp,
    up_to: Seq,
    changes: BTreeMap<SpaceId, Changes>,
    n_changed: usize,
    has_gap: bool,
}

/// The changes of one space, in their order.
#[derive(Debug, Default)]
struct Changes {
    changes: Vec<SpaceChange>,
    last: Option<Timestamp>,
}

impl SpacePast {
    /// Reads what has happened to spaces since a time.
    pub(super) fn since(store: &Store, known: &Known, at: Timestamp) -> Result<Self, HistoryError> {
        let mut past = Self {
            at,
            up_to: last_before(store, at)?,
            changes: BTreeMap::new(),
            n_changed: 0,
            has_gap: false,
        };
        past.extend(store, known)?;
        Ok(past)
    }

    fn extend(&mut self, store: &Store, known: &Known) -> Result<(), HistoryError> {
        loop {
            let entries = store.entries(self.up_to, AT_ONCE)?;
            if entries.is_empty() {
                return Ok(());
            }
            for entry in entries {
                if entry.seq != self.up_to.next() {
                    return Err(HistoryError::WasCut);
                }
                self.up_to = entry.seq;
                self.take(known, entry);
            }
            if self.n_changed > MAX_CHANGED {
                return Err(HistoryError::TooManyInSpaces { limit: MAX_CHANGED });
            }
        }
    }

    /// Returns whether an entry could not be read.
    pub(super) fn has_gap(&self) -> bool {
        self.has_gap
    }

    /// Returns the last entry that was read.
    #[cfg(test)]
    pub(super) fn up_to(&self) -> Seq {
        self.up_to
    }

    /// Returns whether there are few enough changes to keep them for the next page of an answer.
    pub(super) fn is_small(&self) -> bool {
        self.n_changed <= MAX_KEPT
    }

    /// Returns the spaces that have changed since then, of those after an id and up to another.
    /// `None` means from the first one, or up to the last.
    pub(super) fn changed(
        &self,
        after: Option<&SpaceId>,
        last: Option<&SpaceId>,
    ) -> impl Iterator<Item = &SpaceId> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let last = last.map_or(Bound::Unbounded, Bound::Included);
        self.changes
            .range::<SpaceId, _>((after, last))
            .map(|(id, _)| id)
    }

    fn take(&mut self, known: &Known, entry: Entry) {
        let is_ours = entry
            .account()
            .is_some_and(|account| account.tenant == known.tenant.id);
        let at = entry.at;
        if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
            self.has_gap = true;
        }
        if let Fact::SpaceChanged(change) = entry.fact
            && is_ours
        {
            self.n_changed += 1 + change.assignments.members.len() + change.shares.members.len();
            let changes = self.changes.entry(change.id.clone()).or_default();
            changes.last = Some(at);
            changes.changes.push(change);
        }
    }

    /// Reads on until the entries of spaces that were just read are included. A space becomes
    /// visible a moment before its entry is on disk, so this may have to wait.
    pub(super) fn catch_up(
        &mut self,
        store: &Store,
        known: &Known,
        page: &[KeptSpace],
    ) -> Result<(), HistoryError> {
        until_included(known, || {
            self.extend(store, known)?;
            let is_behind = page.iter().any(|kept| {
                let changes = self.changes.get(&kept.space.id);
                let last = changes.and_then(|changes| changes.last);
                kept.changed_at > Some(self.at) && last < kept.changed_at
            });
            Ok(match is_behind && !self.has_gap {
                true => Entries::Missing,
                false => Entries::Included,
            })
        })
    }

    /// Returns a space as it was at that time, given how it is now.
    pub(super) fn then(&self, id: &SpaceId, now: Option<Space>) -> Option<Space> {
        let changes = self.changes.get(id).into_iter();
        let changes = changes.flat_map(|it| it.changes.iter().rev());
        changes.fold(now, |space, change| change.undo(space))
    }
}
