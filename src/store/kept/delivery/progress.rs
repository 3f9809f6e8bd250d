//! What an endpoint's worker writes: its cursor and everything that changes with it, atomically.

use crate::model::{EndpointName, Fact, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1, v5};
use crate::store::values::delivery::{Attempt, Cursor, Deferred, Item, Parked};

use super::attempt_log::AttemptLog;

/// Changes that fit into one write.
pub const MAX_CHANGES: usize = 180;

/// A row that is added or removed along with a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryChange {
    /// A delivery will be retried later, or waits behind one that will.
    Defer(Item, Deferred),
    /// A delivery is no longer deferred.
    Resume(Item),
    /// A delivery is given up.
    Park(Parked),
    /// A delivery is no longer parked: an order sends it again.
    Unpark(Item),
    /// A replay is over.
    Replayed(Item),
    /// An order was carried out.
    OrderApplied(u64),
}

/// The progress of an endpoint's worker.
#[derive(Debug)]
pub struct Progress {
    /// The cursor.
    pub cursor: Cursor,
    /// Rows, at most [`MAX_CHANGES`].
    pub changes: Vec<DeliveryChange>,
    /// Attempts that were made, at most [`ATTEMPTS_AT_ONCE`](super::ATTEMPTS_AT_ONCE).
    pub attempts: Vec<Attempt>,
    /// A fact for the journal, with its time; `None` if there is none.
    pub fact: Option<(Timestamp, Fact)>,
    /// How many attempts to keep.
    pub keep: usize,
}

impl Progress {
    /// Progress that consists of the cursor alone.
    pub fn of(cursor: Cursor) -> Self {
        Self {
            cursor,
            changes: Vec::new(),
            attempts: Vec::new(),
            fact: None,
            keep: usize::MAX,
        }
    }
}

impl Store {
    /// Writes an endpoint's progress, either all of it or nothing.
    pub fn save_progress(
        &self,
        endpoint: &EndpointName,
        log: &mut AttemptLog,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let mut rows = log.add(endpoint, &progress.attempts, progress.keep);
        let delivery = |keyspace, item: &Item| keys::delivery(keyspace, endpoint, item);
        rows.extend(progress.changes.iter().map(|change| match change {
            DeliveryChange::Defer(item, deferred) => codec::put(
                delivery(Keyspace::Deferred, item),
                &v1::Deferred::from(deferred),
            ),
            DeliveryChange::Resume(item) => (delivery(Keyspace::Deferred, item), None),
            DeliveryChange::Park(parked) => codec::put(
                delivery(Keyspace::Parked, &parked.item),
                &v5::Parked::from(parked),
            ),
            DeliveryChange::Unpark(item) => (delivery(Keyspace::Parked, item), None),
            DeliveryChange::Replayed(item) => (delivery(Keyspace::Replay, item), None),
            DeliveryChange::OrderApplied(number) => (keys::order(endpoint, *number), None),
        }));
        rows.push(codec::put(
            keys::cursor(endpoint),
            &v5::Cursor::from(&progress.cursor),
        ));
        self.engine.write_with_fact(rows, progress.fact)?;
        Ok(())
    }
}
