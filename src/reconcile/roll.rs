//! A roll of records: their ids and fingerprints, in tens of bytes each, which a sweep ticks off.

use std::collections::BTreeMap;

use crate::model::{Fingerprint, Id};

/// An ordered map from id to fingerprint, with a tick for each entry.
///
/// Ids that come in ascending order, as the store and `sort=+id` give them, are appended to plain
/// vectors, which take 28 bytes and one bit for each. The few others go into a tree.
#[derive(Debug, Default)]
pub struct Roll {
    ids: Vec<[u8; 12]>,
    prints: Vec<Fingerprint>,
    ticks: Vec<u64>,
    others: BTreeMap<Id, (Fingerprint, Tick)>,
    /// Where to look first for the next id: right after the last one.
    next: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tick {
    Open,
    Seen,
}

impl Roll {
    /// Makes an empty roll with space for this many records, so that it does not grow by doubling.
    pub fn with_capacity(n_records: usize) -> Self {
        Self {
            ids: Vec::with_capacity(n_records),
            prints: Vec::with_capacity(n_records),
            ticks: Vec::with_capacity(n_records.div_ceil(64)),
            ..Self::default()
        }
    }

    /// Returns how many records are on the roll.
    pub fn len(&self) -> usize {
        self.ids.len() + self.others.len()
    }

    /// Returns whether nothing is on the roll.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a record without a tick. An id that is already on the roll keeps its entry.
    pub fn enter(&mut self, id: &Id, print: Fingerprint) {
        if let Some(bytes) = id.object_bytes()
            && self.ids.last().is_none_or(|last| *last < bytes)
            && !self.others.contains_key(id)
        {
            if self.ids.len().is_multiple_of(64) {
                self.ticks.push(0);
            }
            self.ids.push(bytes);
            self.prints.push(print);
            return;
        }
        if self.find(id).is_none() {
            self.others.entry(id.clone()).or_insert((print, Tick::Open));
        }
    }

    /// Ticks a record off. Returns its fingerprint and whether this was its first tick; `None` if
    /// it is not on the roll.
    pub fn tick(&mut self, id: &Id) -> Option<(Fingerprint, FirstTick)> {
        if let Some((print, tick)) = self.others.get_mut(id) {
            let first = if *tick == Tick::Open {
                FirstTick::Yes
            } else {
                FirstTick::No
            };
            *tick = Tick::Seen;
            return Some((*print, first));
        }
        let place = self.find(id)?;
        self.next = place + 1;
        let word = self.ticks.get_mut(place / 64)?;
        let bit = 1_u64 << (place % 64);
        let first = if *word & bit == 0 {
            FirstTick::Yes
        } else {
            FirstTick::No
        };
        *word |= bit;
        Some((*self.prints.get(place)?, first))
    }

    /// Replaces the fingerprint of a record. Returns whether the record is on the roll.
    pub fn renew(&mut self, id: &Id, print: Fingerprint) -> bool {
        if let Some((kept, _)) = self.others.get_mut(id) {
            *kept = print;
            return true;
        }
        let place = self.find(id).and_then(|place| self.prints.get_mut(place));
        place.map(|kept| *kept = print).is_some()
    }

    /// Returns the ids without a tick, ascending within each of the two parts of the roll.
    pub fn unticked(&self) -> impl Iterator<Item = Id> + '_ {
        let open = |place: usize| {
            self.ticks
                .get(place / 64)
                .is_some_and(|word| word & (1 << (place % 64)) == 0)
        };
        let plain = self
            .ids
            .iter()
            .enumerate()
            .filter(move |(place, _)| open(*place));
        let others = self
            .others
            .iter()
            .filter(|(_, (_, tick))| *tick == Tick::Open);
        plain
            .map(|(_, bytes)| Id::from_object_bytes(*bytes))
            .chain(others.map(|(id, _)| id.clone()))
    }

    fn find(&self, id: &Id) -> Option<usize> {
        let bytes = id.object_bytes()?;
        if self.ids.get(self.next) == Some(&bytes) {
            return Some(self.next);
        }
        self.ids.binary_search(&bytes).ok()
    }
}

/// Whether a record was ticked off for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FirstTick {
    /// This was the first time.
    Yes,
    /// It had been ticked off before: a duplicate in the sweep.
    No,
}
