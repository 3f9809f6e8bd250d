//! How spaces changed after an entry of the journal, so that the changes can be undone. Reads the
//! changes of as many spaces as fit, in the order of their ids.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Entry, Fact, Found, Seq, Space, SpaceChange, SpaceId};
use crate::store::{Known, Store};

use super::error::HistoryError;
use super::space_pair::SpacePair;

/// How many entries are read at once.
const AT_ONCE: usize = 500;

/// The most changed spaces, assignments and shares to keep until they are undone. Each takes some
/// 300 bytes.
pub(super) const MAX_CHANGED: usize = 200_000;

/// How spaces changed.
#[derive(Debug)]
pub(super) struct SpaceChanges {
    /// The changes of each space, oldest first, each with the number of its entry.
    changes: BTreeMap<SpaceId, Vec<(Seq, SpaceChange)>>,
    n_changed: usize,
    /// The first space whose changes did not fit; `None` if all did.
    beyond: Option<SpaceId>,
}

/// Which changes are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Changes after this entry.
    pub since: Seq,
    /// Changes of these spaces; `None` for all spaces.
    pub only: Option<&'a BTreeSet<SpaceId>>,
    /// Changes of this space and those that follow it; `None` to begin with the first space.
    pub from: Option<&'a SpaceId>,
    /// How many changed spaces, assignments and shares to keep.
    pub max: usize,
}

impl SpaceChanges {
    /// Reads the changes up to the end of the journal. Nobody may be writing spaces of the tenant.
    pub(super) fn read(
        store: &Store,
        known: &Known,
        wanted: Wanted<'_>,
    ) -> Result<Self, HistoryError> {
        let mut found = Self {
            changes: BTreeMap::new(),
            n_changed: 0,
            beyond: None,
        };
        let mut up_to = wanted.since;
        loop {
            let entries = store.entries(up_to, AT_ONCE)?;
            if entries.is_empty() {
                return Ok(found);
            }
            for entry in entries {
                if entry.seq != up_to.next() {
                    return Err(HistoryError::WasCut);
                }
                up_to = entry.seq;
                found.take(known, entry, wanted);
            }
            found.drop_last(wanted.max)?;
        }
    }

    fn take(&mut self, known: &Known, entry: Entry, wanted: Wanted<'_>) {
        let account = entry.account();
        if account.is_none_or(|account| account.tenant != known.tenant.id) {
            return;
        }
        let seq = entry.seq;
        let Fact::SpaceChanged(change) = entry.fact else {
            return;
        };
        let id = &change.id;
        let is_wanted = wanted.from.is_none_or(|from| id >= from)
            && wanted.only.is_none_or(|only| only.contains(id))
            && self.beyond.as_ref().is_none_or(|beyond| id < beyond);
        if is_wanted {
            let change = change.of_rights();
            self.n_changed += weight(&change);
            let changes = self.changes.entry(change.id.clone()).or_default();
            changes.push((seq, change));
        }
    }

    /// Drops the changes of the last spaces until there are few enough.
    fn drop_last(&mut self, max: usize) -> Result<(), HistoryError> {
        while self.n_changed > max {
            if self.changes.len() == 1 {
                return Err(HistoryError::TooManyInSpaces { limit: max });
            }
            let Some((id, changes)) = self.changes.pop_last() else {
                return Ok(());
            };
            let weights = changes.iter().map(|(_, change)| weight(change));
            self.n_changed -= weights.sum::<usize>();
            self.beyond = Some(id);
        }
        Ok(())
    }

    /// Returns the first space whose changes were read and not yet dropped.
    pub(super) fn first(&self) -> Option<&SpaceId> {
        self.changes.keys().next()
    }

    /// Returns the first space whose changes did not fit; `None` if all did.
    pub(super) fn beyond(&self) -> Option<&SpaceId> {
        self.beyond.as_ref()
    }

    /// Undoes the changes of a space, given how it is now, and drops them. Returns the space as it
    /// was before the first change and as it was after the entry `later`, and whether it was new or
    /// only became visible in between, if it was not known before.
    pub(super) fn pair(
        &mut self,
        id: SpaceId,
        now: Option<Space>,
        later: Seq,
    ) -> (SpacePair, Found) {
        let changes = self.changes.remove(&id).unwrap_or_default();
        let weights = changes.iter().map(|(_, change)| weight(change));
        self.n_changed -= weights.sum::<usize>();
        let begin = changes.partition_point(|(seq, _)| *seq <= later);
        let (earlier, since) = changes.split_at(begin);
        let undone = |space, changes: &[(Seq, SpaceChange)]| {
            let changes = changes.iter().rev();
            changes.fold(space, |space, (_, change)| change.undo(space))
        };
        let now = undone(now, since);
        let then = match earlier {
            [] => now.clone(),
            earlier => undone(now.clone(), earlier),
        };
        let mut created = earlier.iter().rev().map(|(_, change)| change);
        let created = created.find(|change| change.before.is_none());
        let found = created.map_or(Found::New, |change| change.found);
        (SpacePair { id, then, now }, found)
    }
}

fn weight(change: &SpaceChange) -> usize {
    1 + change.assignments.members.len() + change.shares.members.len()
}
