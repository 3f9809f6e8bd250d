//! Keeps what answers need of all spaces of a tenant, for the next page of an answer.
//!
//! An answer about all users reads them some hundreds at a time, and each time looks at all spaces.
//! Reading all spaces again each time would cost more than the users do.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::history::Picture;
use crate::lock::lock;
use crate::model::{Entry, Fact, Seq, Space};
use crate::store::{Known, SpaceReading, Store, StoreError, TenantNo};

use super::ControlError;

/// The most spaces, assignments and shares of all tables that are kept. Each takes some 600 bytes.
const MAX_WEIGHT: usize = if cfg!(test) { 100 } else { 30_000 };

/// How many tables are kept at most: a few operators may ask at the same time. Each keeps a picture
/// or two in memory.
const MAX_TABLES: usize = 4;

/// How many entries may have been written since a table was made, so that looking for changes of
/// spaces among them costs less than to make it again.
const MAX_SINCE: usize = 1_000;

/// The tables that were used last, the latest at the end. Clones share them.
#[derive(Clone, Default)]
pub(super) struct SpaceTables {
    made: Arc<Mutex<VecDeque<Made>>>,
    /// How often all spaces were read.
    n_reads: Arc<AtomicU64>,
}

impl fmt::Debug for SpaceTables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpaceTables")
    }
}

/// What a table is about.
#[derive(Clone)]
pub(super) struct AskedSpaces {
    pub(super) tenant: TenantNo,
    /// The times of which it has the spaces.
    pub(super) pictures: Vec<Arc<Picture>>,
    /// Only spaces with this id or name; `None` for all.
    pub(super) space: Option<String>,
}

impl PartialEq for AskedSpaces {
    fn eq(&self, other: &Self) -> bool {
        let pictures = || self.pictures.iter().zip(&other.pictures);
        self.tenant == other.tenant
            && self.space == other.space
            && self.pictures.len() == other.pictures.len()
            && pictures().all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

/// A table, and up to which entry it is known to be up to date.
struct Made {
    asked: AskedSpaces,
    /// The type of the table.
    of: TypeId,
    reading: SpaceReading,
    up_to: Seq,
    /// `None` if there are too many spaces to keep them.
    table: Option<Arc<dyn Any + Send + Sync>>,
    weight: usize,
}

/// Collects what is kept of spaces, until it is too much.
pub(super) struct Collected<T> {
    rows: Option<Vec<T>>,
    weight: usize,
}

impl<T> Collected<T> {
    pub(super) fn begin() -> Self {
        Self {
            rows: Some(Vec::new()),
            weight: 0,
        }
    }

    /// Adds what is kept of a space, unless there is too much already. `states` are the states of
    /// the space that it comes from.
    pub(super) fn add<'a>(
        &mut self,
        states: impl IntoIterator<Item = &'a Space>,
        row: impl FnOnce() -> Option<T>,
    ) {
        let Some(rows) = &mut self.rows else { return };
        let Some(row) = row() else { return };
        self.weight += states.into_iter().map(weight).sum::<usize>();
        match self.weight > MAX_WEIGHT {
            true => self.rows = None,
            false => rows.push(row),
        }
    }

    /// Returns the table with what was collected; `None` if it is too much.
    pub(super) fn end<R>(self, table: impl FnOnce(Vec<T>) -> R) -> Option<Weighed<R>> {
        Some(Weighed {
            table: table(self.rows?),
            weight: self.weight,
        })
    }
}

fn weight(space: &Space) -> usize {
    let assignments = space.assignments.as_ref().map_or(0, BTreeMap::len);
    let shares = space.shares.as_ref().map_or(0, BTreeMap::len);
    1 + assignments + shares
}

impl Made {
    fn is<T: 'static>(&self, asked: &AskedSpaces) -> bool {
        self.of == TypeId::of::<T>() && self.asked == *asked
    }
}

/// A table, and how much of the limit for all tables it takes.
pub(super) struct Weighed<T> {
    pub(super) table: T,
    pub(super) weight: usize,
}

impl SpaceTables {
    /// Returns the kept table, or makes one if there is none or if spaces have changed since.
    /// `None` if there are too many spaces to keep them.
    pub(super) fn of<T: Send + Sync + 'static>(
        &self,
        (store, known): (&Store, &Known),
        asked: AskedSpaces,
        make: impl FnOnce() -> Result<Option<Weighed<T>>, ControlError>,
    ) -> Result<Option<Arc<T>>, ControlError> {
        // Both are read before the spaces: what changes meanwhile makes the next question look
        // again.
        let (up_to, now) = (store.last_seq(), store.space_reading(known.no)?);
        let kept = {
            let mut all = lock(&self.made);
            let at = all.iter().position(|made| made.is::<T>(&asked));
            at.and_then(|at| all.remove(at))
        };
        // During the first reading, spaces change without entries.
        if let Some(mut made) = kept
            && now.first.is_some()
            && made.reading == now
            && !has_changed(store, known, (made.up_to, up_to))?
        {
            made.up_to = up_to;
            let table = made.table.clone();
            self.keep(made);
            return Ok(table.and_then(|table| table.downcast().ok()));
        }
        let weighed = make()?;
        let weight = weighed.as_ref().map_or(0, |weighed| weighed.weight);
        let table = weighed.map(|weighed| Arc::new(weighed.table));
        self.keep(Made {
            asked,
            of: TypeId::of::<T>(),
            reading: now,
            up_to,
            table: table
                .clone()
                .map(|table| table as Arc<dyn Any + Send + Sync>),
            weight,
        });
        Ok(table)
    }

    /// Notes that all spaces are read.
    pub(super) fn note_read(&self) {
        self.n_reads.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns how often all spaces were read.
    #[cfg(test)]
    pub(super) fn n_reads(&self) -> u64 {
        self.n_reads.load(Ordering::Relaxed)
    }

    fn keep(&self, made: Made) {
        let mut all = lock(&self.made);
        all.retain(|other| other.of != made.of || other.asked != made.asked);
        all.push_back(made);
        while all.len() > MAX_TABLES || all.iter().map(|it| it.weight).sum::<usize>() > MAX_WEIGHT {
            all.pop_front();
        }
    }
}

/// Returns whether spaces of a tenant may have changed between two entries. During the first
/// reading of all spaces no entries are written.
pub(super) fn has_changed(
    store: &Store,
    known: &Known,
    (after, up_to): (Seq, Seq),
) -> Result<bool, StoreError> {
    if up_to == after {
        return Ok(false);
    }
    let entries = store.entries(after, MAX_SINCE)?;
    let is_change = |entry: &Entry| {
        if let Fact::Unreadable | Fact::HistoryLost(_) = entry.fact {
            return true;
        }
        let account = entry.account();
        let is_ours = account.is_some_and(|account| account.tenant == known.tenant.id);
        is_ours && matches!(entry.fact, Fact::SpaceChanged(_))
    };
    let are_all = entries.last().is_some_and(|last| last.seq >= up_to);
    Ok(!are_all || entries.iter().any(is_change))
}
