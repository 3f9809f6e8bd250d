//! A pending delivery: what to deliver, how often it failed, and what keeps it on disk.

use std::time::Duration;

use tokio::time::Instant;

use super::feed::Shared;
use crate::deliver::content::entity::Entity;
use crate::deliver::endpoint::schedule::is_reached;
use crate::model::Timestamp;
use crate::store::{Deferred, Item};

/// The assumed weight of an item that was not read in this process.
const UNKNOWN: usize = 16 * 1024;

/// What keeps a delivery on disk, so that a crash does not lose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeptBy {
    /// The cursor, which has not moved past it.
    Cursor,
    /// A row of its own, so that the cursor may move past it.
    Row,
    /// An operator's request for it.
    Replay,
}

/// An item to deliver, and how its attempts went so far.
#[derive(Debug, Clone)]
pub(super) struct PendingDelivery {
    pub item: Item,
    pub entity: Entity,
    /// The record whose earlier events go first: an earlier record that this one replaces.
    pub after: Option<Entity>,
    /// The entry, if it was just read; the entry of a failed delivery is read again.
    pub entry: Option<Shared>,
    /// About how many bytes it uses in memory when it is sent.
    pub weight: usize,
    /// Attempts that failed.
    pub attempts: u32,
    /// When the next attempt is due by the schedule; `None` if it is due at once.
    pub due: Option<Timestamp>,
    /// Whether the endpoint was to blame for the last failure.
    pub is_endpoints: bool,
    /// Whether it is sent alone even if others are sent in batches.
    pub is_alone: bool,
    /// Which row stores it.
    pub kept_by: KeptBy,
    /// When its last attempt failed, in this process.
    pub failed_at: Option<Instant>,
    /// How far the clock had been set back in total when `due` was written.
    pub set_back: Duration,
}

impl PendingDelivery {
    /// Makes a delivery that has had no attempt yet.
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

    /// Makes a delivery from its row. Another process made its last attempt, nobody knows when, so
    /// it counts as failed at `moment`.
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

    /// Returns what its row should say.
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

    /// Adapts its due time to a clock that has been set back by this much in total.
    pub fn follow(&mut self, set_back: Duration) {
        let by = set_back.saturating_sub(self.set_back);
        self.due = self.due.map(|due| due.minus(by));
        self.set_back = set_back;
    }

    /// Returns whether it has a row of its own, so that the cursor may move past it.
    pub fn has_row(&self) -> bool {
        self.kept_by == KeptBy::Row
    }

    /// Returns whether its next attempt is due by the schedule.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| is_reached(due, now))
    }

    /// Returns until when it has to wait, or `None` if it need not wait. It need not if the
    /// endpoint was to blame: then the endpoint's state decides when to try again.
    pub fn waits(&self, now: Timestamp) -> Option<Timestamp> {
        self.due.filter(|_| !self.is_endpoints && !self.is_due(now))
    }
}
