//! A delivery that is pending: what is to be delivered, how often it failed, what keeps it on disk.

use std::time::Duration;

use tokio::time::Instant;

use super::feed::Shared;
use crate::deliver::content::entity::Entity;
use crate::deliver::endpoint::schedule::is_reached;
use crate::model::Timestamp;
use crate::store::{Deferred, Item};

/// What something is taken to weigh that was not read in this process.
const UNKNOWN: usize = 16 * 1024;

/// What keeps a delivery on disk, so that a crash does not lose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptBy {
    /// The cursor, which stands before it.
    Cursor,
    /// A row of its own, so that the cursor may step over it.
    Row,
    /// An operator's wish for it.
    Replay,
}

/// Something that is to be delivered.
#[derive(Debug, Clone)]
pub(super) struct PendingDelivery {
    pub item: Item,
    pub entity: Entity,
    /// Whose earlier events go first: a successor comes after its predecessor has gone.
    pub after: Option<Entity>,
    /// The entry, where it was just read; what failed is read again.
    pub entry: Option<Shared>,
    /// Bytes that it takes in memory when it is sent, about.
    pub weight: usize,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the next attempt is due by the schedule; `None` if it is due at once.
    pub due: Option<Timestamp>,
    /// Whether the last failure was the endpoint's.
    pub is_endpoints: bool,
    /// Whether it goes alone, where others go in batches.
    pub is_alone: bool,
    /// What keeps it on disk.
    pub kept_by: KeptBy,
    /// When its last attempt failed, in this process.
    pub failed_at: Option<Instant>,
    /// How far the clock had been set back in all when `due` was written.
    pub set_back: Duration,
}

impl PendingDelivery {
    /// A first attempt.
    pub fn new(item: Item, entity: Entity, entry: Option<Shared>) -> Self {
        Self {
            item,
            entity,
            after: None,
            weight: entry.as_ref().map_or(UNKNOWN, Shared::weight),
            entry,
            attempts: 0,
            due: None,
            is_endpoints: false,
            is_alone: false,
            kept_by: KeptBy::Cursor,
            failed_at: None,
            set_back: Duration::ZERO,
        }
    }

    /// What a row says, read at a moment: when its last attempt was, another process knew.
    pub fn deferred(item: Item, row: &Deferred, moment: Instant) -> Self {
        Self {
            failed_at: (row.attempts > 0).then_some(moment),
            after: row.after,
            attempts: row.attempts,
            due: row.due,
            is_endpoints: row.is_endpoints,
            is_alone: row.is_alone,
            kept_by: KeptBy::Row,
            ..Self::new(item, row.entity, None)
        }
    }

    /// What a row is to say.
    pub fn row(&self) -> Deferred {
        Deferred {
            entity: self.entity,
            after: self.after,
            attempts: self.attempts,
            due: self.due,
            is_endpoints: self.is_endpoints,
            is_alone: self.is_alone,
        }
    }

    /// Brings its due time to a clock that has been set back so far in all.
    pub fn follow(&mut self, set_back: Duration) {
        let by = set_back.saturating_sub(self.set_back);
        self.due = self.due.map(|due| due.minus(by));
        self.set_back = set_back;
    }

    /// Returns whether it has a row of its own, so that the cursor may step over it.
    pub fn has_row(&self) -> bool {
        self.kept_by == KeptBy::Row
    }

    /// Returns whether its next attempt is due by the schedule.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| is_reached(due, now))
    }

    /// Returns whether it has to wait, which it has not where the endpoint was to blame: then
    /// the endpoint decides when it is tried.
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.due.filter(|_| !self.is_endpoints && !self.is_due(now))
    }
}
