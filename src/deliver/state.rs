//! What is known of one endpoint's deliveries: what is to be sent, what came of what was sent,
//! and what of that is not on disk yet. No I/O.

use std::collections::BTreeSet;
use std::time::Duration;

use super::health::Health;
use super::lanes::{First, Held, Lanes, Parcel};
use super::options::Endpoint;
use super::position::Position;
use super::verdict::Verdict;
use crate::model::{Fact, Id, Kind, Seq, Timestamp};
use crate::store::{
    Attempt, Backfill, Cursor, Deferred, DeliveryChange, Disabled, Item, MAX_CHANGES, MAX_DEFERRED,
    TenantNo,
};
use tokio::time::Instant;

mod outcome;
mod saving;

/// Parcels in memory that have no row of their own: those under way and those read ahead.
const READ_AHEAD: usize = 512;

/// Places behind the cursor that may be settled.
const MAX_BEYOND: usize = 4_096;

/// Attempts that may wait for the disk; then nothing is sent until they are there. So many
/// are sent again after a crash at the most.
const MAX_UNSAVED: usize = 1_000;

/// A record's place among all that are known.
pub(super) type Place = (TenantNo, Kind, Id);

/// How far a backfill is.
#[derive(Debug)]
struct Filling {
    mark: Seq,
    at: Timestamp,
    position: Position<Place>,
    /// Whether everything was read.
    is_read: bool,
}

/// What reading goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum From {
    /// Entries behind this place.
    Journal(Seq),
    /// Records behind this place, for a backfill.
    Records {
        mark: Seq,
        at: Timestamp,
        after: Option<Place>,
    },
}

/// A place that was read.
#[derive(Debug)]
pub(super) enum Met {
    /// An entry; none: it is nothing for this endpoint.
    Entry(Seq, Option<Parcel>),
    /// A record; none: likewise.
    Record(Place, Option<Parcel>),
}

/// An attempt that ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub parcels: Vec<Parcel>,
    /// The types of their events.
    pub event_types: Vec<String>,
    pub at: Timestamp,
    pub began: Instant,
    pub took: Duration,
    /// What the answer began with.
    pub answer: String,
    pub verdict: Verdict,
}

/// What came of delivering.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Events delivered.
    pub delivered: u64,
    /// Events given up on.
    pub parked: u64,
    /// Events that the endpoint wants and has not got: those that wait for their next attempt,
    /// and those behind them.
    pub waiting: u64,
}

/// Whether a write is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Saving {
    UnderWay,
    Done,
}

#[derive(Debug)]
pub(super) struct State {
    endpoint: Endpoint,
    pub lanes: Lanes,
    health: Health,
    journal: Position<Seq>,
    filling: Option<Filling>,
    disabled: Option<Disabled>,
    delivered_at: Option<Timestamp>,
    /// The cursor as it is on disk.
    saved: Cursor,
    changes: Vec<DeliveryChange>,
    /// Replays that ended since they were last looked for: their rows may have been read before
    /// they went.
    replayed: BTreeSet<Item>,
    attempts: Vec<Attempt>,
    told: Option<(Timestamp, Fact)>,
    is_dirty: bool,
    pub under_way: usize,
    pub totals: Drained,
}

impl State {
    /// Goes on from what is on disk.
    pub fn of(
        endpoint: Endpoint,
        cursor: Cursor,
        deferred: Vec<(Item, Deferred)>,
        now: Timestamp,
    ) -> Self {
        let moment = Instant::now();
        let mut lanes = Lanes::default();
        for (item, row) in deferred {
            drop(lanes.push(Parcel::deferred(item, &row, moment), now));
        }
        let filling = cursor.backfill.clone().map(|backfill| Filling {
            mark: backfill.mark,
            at: backfill.at,
            position: Position::behind(backfill.after, backfill.beyond),
            is_read: false,
        });
        let max = endpoint.flow().max_in_flight.get();
        Self {
            health: Health::of(max, cursor.trouble.clone(), cursor.failing),
            journal: Position::behind(Some(cursor.settled), cursor.ahead.clone()),
            filling,
            disabled: cursor.disabled.clone(),
            delivered_at: cursor.delivered_at,
            saved: cursor,
            lanes,
            endpoint,
            changes: Vec::new(),
            replayed: BTreeSet::new(),
            attempts: Vec::new(),
            told: None,
            is_dirty: false,
            under_way: 0,
            totals: Drained::default(),
        }
    }

    /// Returns the cursor as it is now.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            settled: self.settled(),
            ahead: self.journal.done().clone(),
            trouble: self.health.trouble().cloned(),
            failing: self.health.failing(),
            disabled: self.disabled.clone(),
            backfill: self.filling.as_ref().map(|filling| Backfill {
                mark: filling.mark,
                at: filling.at,
                after: filling.position.settled().cloned(),
                beyond: filling.position.done().clone(),
            }),
            delivered_at: self.delivered_at,
        }
    }

    pub fn settled(&self) -> Seq {
        self.journal.settled().copied().unwrap_or(Seq::START)
    }

    /// Returns the place behind which the journal was not read yet.
    pub fn read(&self) -> Seq {
        self.journal.read().copied().unwrap_or(Seq::START)
    }

    /// Returns when the next probe is due, if the endpoint is in trouble.
    pub fn probe_due(&self) -> Option<Timestamp> {
        self.health.trouble().map(|trouble| trouble.due)
    }

    /// Returns whether the endpoint takes events, as far as is known.
    pub fn takes(&self) -> bool {
        self.disabled.is_none() && self.health.trouble().is_none()
    }

    pub fn disabled(&self) -> Option<&Disabled> {
        self.disabled.as_ref()
    }

    /// Returns where reading goes on, none while there is enough to do.
    pub fn reads_from(&self) -> Option<From> {
        let is_full = self.lanes.without_row() >= READ_AHEAD
            || self.lanes.len() >= MAX_DEFERRED
            || self.disabled.is_some();
        if is_full {
            return None;
        }
        let Some(filling) = &self.filling else {
            let has_room = self.journal.done().len() < MAX_BEYOND;
            return has_room.then(|| From::Journal(self.read()));
        };
        let has_room = filling.position.done().len() < MAX_BEYOND && !filling.is_read;
        has_room.then(|| From::Records {
            mark: filling.mark,
            at: filling.at,
            after: filling.position.read().cloned(),
        })
    }

    /// Takes what was read. `is_end`: there is no more for now.
    pub fn take(&mut self, met: Vec<Met>, is_end: bool, now: Timestamp) {
        for met in met {
            match met {
                Met::Entry(seq, None) => self.journal.pass(seq),
                Met::Entry(seq, Some(parcel)) => {
                    // What has a row is in the lanes by now.
                    if self.lanes.has(&parcel.item) {
                        self.journal.pass(seq);
                    } else if self.journal.open(seq) {
                        self.add(parcel, now);
                    }
                }
                Met::Record(place, parcel) => {
                    let Some(filling) = &mut self.filling else {
                        continue;
                    };
                    match parcel {
                        Some(parcel) if !self.lanes.has(&parcel.item) => {
                            if filling.position.open(place) {
                                self.add(parcel, now);
                            }
                        }
                        Some(_) | None => filling.position.pass(place),
                    }
                }
            }
            self.is_dirty = true;
        }
        if let Some(filling) = &mut self.filling {
            filling.is_read |= is_end;
        }
        self.end_backfill();
    }

    /// Returns whether replays ended whose rows may still be there. `is_saving`: a write is
    /// under way.
    pub fn has_unsaved_replays(&self, is_saving: Saving) -> bool {
        let ended = |change: &DeliveryChange| matches!(change, DeliveryChange::Replayed(_));
        match is_saving {
            Saving::UnderWay if !self.replayed.is_empty() => true,
            Saving::UnderWay | Saving::Done => self.changes.iter().any(ended),
        }
    }

    /// Notes that replays are looked for, now that the rows of those that ended are gone.
    pub fn look_for_replays(&mut self) {
        self.replayed.clear();
    }

    /// Takes deliveries that an operator asked for once more.
    pub fn take_replays(&mut self, items: Vec<(Item, super::lanes::Entity)>, now: Timestamp) {
        for (item, entity) in items {
            if self.replayed.contains(&item) {
                continue;
            }
            let parcel = Parcel {
                held: Held::Replay,
                ..Parcel::fresh(item, entity, None)
            };
            self.add(parcel, now);
        }
    }

    fn add(&mut self, parcel: Parcel, now: Timestamp) {
        for (item, row) in self.lanes.push(parcel, now) {
            self.step_over(&item);
            self.changes.push(DeliveryChange::Defer(item, row));
        }
    }

    /// Returns whether another message may begin.
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.disabled.is_none()
            && self.attempts.len() < MAX_UNSAVED
            && self.changes.len() < MAX_CHANGES
            && self.health.has_room(self.under_way, now)
    }

    /// Takes the parcels of the next message, at the most so many.
    pub fn next(&mut self, max: usize, now: Timestamp) -> Vec<Parcel> {
        let first = match self.health.trouble() {
            Some(_) => First::Other,
            None => First::Suspect,
        };
        let mut parcels = Vec::new();
        while parcels.len() < max {
            let Some(parcel) = self.lanes.next(first, now) else {
                break;
            };
            if parcel.is_alone && !parcels.is_empty() {
                self.lanes.give_back(parcel);
                break;
            }
            let (entity, is_alone) = (parcel.entity, parcel.is_alone);
            parcels.push(parcel);
            if is_alone {
                break;
            }
            while parcels.len() < max
                && let Some(parcel) = self.lanes.next_of(entity, now)
            {
                parcels.push(parcel);
            }
        }
        if !parcels.is_empty() {
            self.under_way += 1;
        }
        parcels
    }
}
