//! The spaces of a tenant at two times, side by side.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::model::{Found, Seq, Space, SpaceId, SpaceMention};
use crate::store::{Known, Store};

use super::error::HistoryError;
use super::space_past::SpacePast;

/// How many spaces are read from the store at once.
const PAGE: usize = 100;

/// A space at two times; `None` where there was no such space.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacePair {
    /// The space.
    pub id: SpaceId,
    /// At the earlier time.
    pub then: Option<Space>,
    /// What the space is if it was not there at the earlier time.
    pub found: Found,
    /// At the later time.
    pub now: Option<Space>,
}

impl SpacePair {
    /// Returns how to mention it: as it is at the later time, or as it was if it is gone.
    pub fn mention(&self) -> SpaceMention {
        let latest = self.now.as_ref().or(self.then.as_ref());
        latest.map_or_else(
            || SpaceMention {
                id: self.id.clone(),
                name: String::new(),
                sort: None,
            },
            Space::mention,
        )
    }

    /// Returns how many assignments and shares it has at both times, plus one for the space itself.
    fn weight(&self) -> usize {
        let sides = self.then.iter().chain(&self.now);
        let weights = sides.map(|space| {
            let assignments = space.assignments.as_ref().map_or(0, BTreeMap::len);
            assignments + space.shares.as_ref().map_or(0, BTreeMap::len)
        });
        1 + weights.sum::<usize>()
    }
}

/// Which spaces are compared.
#[derive(Debug, Clone)]
pub enum Compared {
    /// All.
    All,
    /// These.
    Only(BTreeSet<SpaceId>),
}

/// The spaces of a tenant after two entries of the journal, side by side, in the order of ids.
///
/// Nobody may be writing spaces of the tenant.
#[derive(Debug)]
pub struct SpacePairs {
    past: SpacePast,
    later: Seq,
    /// The spaces that are still to compare; `None` if all spaces are compared.
    only: Option<BTreeSet<SpaceId>>,
    /// The last space that was read, if all spaces are compared.
    reached: Option<SpaceId>,
    is_read: bool,
    /// Pairs that were read and did not fit.
    left: VecDeque<SpacePair>,
}

impl SpacePairs {
    /// Prepares to compare the spaces after two entries, `then` and the later one `now`.
    pub fn between(
        store: &Store,
        known: &Known,
        (then, now): (Seq, Seq),
        compared: Compared,
    ) -> Result<Self, HistoryError> {
        Ok(Self {
            past: SpacePast::after(store, known, then, None)?,
            later: now,
            only: match compared {
                Compared::All => None,
                Compared::Only(ids) => Some(ids),
            },
            reached: None,
            is_read: false,
            left: VecDeque::new(),
        })
    }

    /// Returns the next pairs, which have about this many assignments and shares at both times
    /// together, or no pairs at the end. Which pairs a call returns does not depend on what the
    /// journal has after the later entry.
    pub fn next(
        &mut self,
        store: &Store,
        known: &Known,
        max_weight: usize,
    ) -> Result<Vec<SpacePair>, HistoryError> {
        let (mut pairs, mut weight) = (Vec::new(), 0);
        while weight < max_weight {
            if let Some(pair) = self.left.pop_front() {
                weight += pair.weight();
                pairs.push(pair);
            } else if self.is_read {
                break;
            } else {
                self.read(store, known)?;
            }
        }
        Ok(pairs)
    }

    /// Reads some more pairs.
    fn read(&mut self, store: &Store, known: &Known) -> Result<(), HistoryError> {
        let mut spaces: BTreeMap<SpaceId, Option<Space>> = BTreeMap::new();
        if let Some(only) = &mut self.only {
            while spaces.len() < PAGE
                && let Some(id) = only.pop_first()
            {
                let kept = store.space(known.no, &id)?;
                spaces.insert(id, kept.map(|kept| kept.space));
            }
            self.is_read = only.is_empty();
        } else {
            let page = store.spaces(known.no, self.reached.as_ref(), PAGE)?;
            self.is_read = page.len() < PAGE;
            let last = page.last().map(|kept| kept.space.id.clone());
            let last = last.filter(|_| !self.is_read);
            // The page lacks changed spaces that are gone by now.
            let changed = self.past.changed(self.reached.as_ref(), last.as_ref());
            spaces.extend(changed.map(|id| (id.clone(), None)));
            let kept = page.into_iter().map(|kept| kept.space);
            spaces.extend(kept.map(|space| (space.id.clone(), Some(space))));
            self.reached = last;
        }
        for (id, now) in spaces {
            let pair = self.past.pair(id, now, self.later);
            if pair.then.is_some() || pair.now.is_some() {
                self.left.push_back(pair);
            }
        }
        Ok(())
    }
}
