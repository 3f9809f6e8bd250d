//! What an endpoint's worker writes: its cursor and all that goes with it, at once.

use crate::model::{EndpointName, Fact, Timestamp};
use crate::store::engine::rows::journal;
use crate::store::engine::writing::work::Work;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1};

use super::attempt::Attempt;
use super::attempt_log::AttemptLog;
use super::cursor::Cursor;
use super::item::Item;
use super::rows::{Deferred, Parked};

/// Changes that fit into one write.
pub const MAX_CHANGES: usize = 180;

/// A row that comes or goes with a cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A delivery is tried again later, or waits behind one.
    Defer(Item, Deferred),
    /// It is that no longer.
    Resume(Item),
    /// It is given up on.
    Park(Parked),
    /// It is parked no longer: an order makes it again.
    Unpark(Item),
    /// It is made once more, or was.
    Replayed(Item),
    /// An order was done.
    Obeyed(u64),
}

/// What an endpoint's worker has come to.
#[derive(Debug)]
pub struct Progress {
    /// The cursor.
    pub cursor: Cursor,
    /// Rows, [`MAX_CHANGES`] at the most.
    pub changes: Vec<Change>,
    /// Attempts that were made, [`ATTEMPTS_AT_ONCE`](super::ATTEMPTS_AT_ONCE) at the most.
    pub attempts: Vec<Attempt>,
    /// What the journal is told: time and fact.
    pub told: Option<(Timestamp, Fact)>,
    /// Attempts that are kept.
    pub keep: usize,
}

impl Progress {
    /// A cursor and nothing else.
    pub fn of(cursor: Cursor) -> Self {
        Self {
            cursor,
            changes: Vec::new(),
            attempts: Vec::new(),
            told: None,
            keep: usize::MAX,
        }
    }
}

impl Store {
    /// Writes how far an endpoint is; on disk, all or nothing, when it returns.
    pub fn save_progress(
        &self,
        endpoint: &EndpointName,
        log: &mut AttemptLog,
        progress: Progress,
    ) -> Result<(), StoreError> {
        let mut rows = log.add(endpoint, &progress.attempts, progress.keep);
        let delivery = |keyspace, item: &Item| keys::delivery(keyspace, endpoint, item);
        rows.extend(progress.changes.iter().map(|change| match change {
            Change::Defer(item, deferred) => codec::put(
                delivery(Keyspace::Deferred, item),
                &v1::Deferred::from(deferred),
            ),
            Change::Resume(item) => (delivery(Keyspace::Deferred, item), None),
            Change::Park(parked) => codec::put(
                delivery(Keyspace::Parked, &parked.item),
                &v1::Parked::from(parked),
            ),
            Change::Unpark(item) => (delivery(Keyspace::Parked, item), None),
            Change::Replayed(item) => (delivery(Keyspace::Replay, item), None),
            Change::Obeyed(number) => (keys::order(endpoint, *number), None),
        }));
        rows.push(codec::put(
            keys::cursor(endpoint),
            &v1::Cursor::from(&progress.cursor),
        ));
        let told = progress
            .told
            .map(|(at, fact)| (at, journal::pack(None, &fact)));
        self.engine.submit(Work::Rows { rows, told })?.wait()?;
        Ok(())
    }
}
