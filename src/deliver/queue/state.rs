//! What is known about one endpoint's deliveries: what to send, the results so far, and what is not
//! on disk yet. No I/O.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::health::Health;
use super::lanes::{First, Lanes};
use super::pending_delivery::{KeptBy, PendingDelivery};
use super::position::Position;
use super::read_position::{Look, Met, Page, ReadPosition, Replays, SnapshotPosition};
use crate::clock::ClockJump;
use crate::deliver::content::entity::Entity;
use crate::deliver::endpoint::options::Endpoint;
use crate::deliver::transport::verdict::Verdict;
use crate::model::{Fact, Seq, Timestamp};
use crate::store::{
    Attempt, Backfill, Cursor, Deferred, DeliveryChange, Disabled, Item, MAX_CHANGES, MAX_DEFERRED,
    TenantNo,
};
use tokio::time::Instant;

mod expanding;
mod outcome;
mod saving;

use expanding::Expanding;

/// The most deliveries in memory without a row of their own, both under way and read ahead: a
/// multiple of what may be under way, within these bounds.
const READ_AHEAD: RangeInclusive<usize> = 512..=8_192;

/// The most positions that may be settled after an earlier one that is not.
const MAX_BEYOND: usize = 4_096;

/// The most events under way and attempts that wait for the disk, calculated the same way. At this
/// number, nothing more is sent until they are written. At most this many are sent again after a
/// crash.
const MAX_UNSAVED: RangeInclusive<usize> = 1_000..=8_192;

/// The factor for these multiples. With a factor of two, batches waited a seventh of the time for
/// the disk or for the journal.
const AHEAD: usize = 4;

/// Size in bytes at which a batch takes no more events, since receivers have limits, too.
const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// How far a backfill has got.
#[derive(Debug)]
struct Filling {
    mark: Seq,
    at: Timestamp,
    /// The tenant whose records are sent, or `None` for all tenants.
    tenant: Option<TenantNo>,
    position: Position<SnapshotPosition>,
    /// Whether everything was read.
    is_read: bool,
}

/// An attempt that ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub deliveries: Vec<PendingDelivery>,
    /// The types of their events.
    pub event_types: Vec<&'static str>,
    pub at: Timestamp,
    pub began: Instant,
    pub took: Duration,
    /// The beginning of the answer.
    pub answer: String,
    pub verdict: Verdict,
}

/// The result of delivering so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drained {
    /// Events delivered.
    pub delivered: u64,
    /// Events given up on.
    pub parked: u64,
    /// Events that the endpoint wants and has not got: those that wait for their next attempt, and
    /// those after them.
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
    expanding: Option<Expanding>,
    disabled: Option<Disabled>,
    delivered_at: Option<Timestamp>,
    /// The cursor as it is on disk.
    saved: Cursor,
    changes: Vec<DeliveryChange>,
    /// Replays that ended since we last looked for them: their rows may have been read before they
    /// were deleted.
    replayed: BTreeSet<Item>,
    /// Replays that were accepted and have not ended yet.
    replaying: BTreeSet<Item>,
    /// The last replay that was looked at; `None` if all were.
    replays_read: Option<Item>,
    attempts: Vec<Attempt>,
    fact: Option<(Timestamp, Fact)>,
    is_dirty: bool,
    /// How far the clock has been set back in total.
    set_back: Duration,
    /// Messages under way, and events in them.
    under_way: usize,
    events_under_way: usize,
    pub totals: Drained,
}

impl State {
    /// Continues from what is on disk.
    pub fn of(
        endpoint: Endpoint,
        cursor: Cursor,
        deferred: Vec<(Item, Deferred)>,
        now: Timestamp,
    ) -> Self {
        let moment = Instant::now();
        let mut lanes = Lanes::default();
        for (item, row) in deferred {
            drop(lanes.push(PendingDelivery::deferred(item, &row, moment), now));
        }
        let filling = cursor.backfill.clone().map(|backfill| Filling {
            mark: backfill.mark,
            at: backfill.at,
            tenant: backfill.tenant,
            position: Position::behind(backfill.after, backfill.beyond),
            is_read: false,
        });
        let expanding = cursor.expansion.clone().map(Expanding::of);
        let max = endpoint.flow().max_in_flight.get();
        let last_known = cursor
            .delivered_at
            .max(cursor.failing.map(|failing| failing.last));
        let mut state = Self {
            health: Health::of(max, cursor.trouble.clone(), cursor.failing),
            journal: Position::behind(Some(cursor.settled), cursor.ahead.clone()),
            filling,
            expanding,
            disabled: cursor.disabled.clone(),
            delivered_at: cursor.delivered_at,
            saved: cursor,
            lanes,
            endpoint,
            changes: Vec::new(),
            replayed: BTreeSet::new(),
            replaying: BTreeSet::new(),
            replays_read: None,
            attempts: Vec::new(),
            fact: None,
            is_dirty: false,
            set_back: Duration::ZERO,
            under_way: 0,
            events_under_way: 0,
            totals: Drained::default(),
        };
        // The cursor was written under a clock that was ahead, or is read under one that is behind.
        let back = last_known.map_or(Duration::ZERO, |known| known.since(now));
        if !back.is_zero() {
            state.follow(ClockJump::Back(back), now);
        }
        state
    }

    /// Adapts to a clock that was set, so that no wait becomes longer than it was meant to be.
    pub fn follow(&mut self, jump: ClockJump, now: Timestamp) {
        self.health.follow(jump);
        self.is_dirty = true;
        match jump {
            ClockJump::Back(by) => {
                self.set_back += by;
                self.delivered_at = self.delivered_at.map(|at| at.min(now));
                let rows = self.lanes.follow(self.set_back, now);
                self.keep(rows);
            }
            ClockJump::Ahead(_) => {}
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
                tenant: filling.tenant,
                after: filling.position.settled().cloned(),
                beyond: filling.position.done().clone(),
            }),
            expansion: self.expanding.as_ref().map(Expanding::stored),
            delivered_at: self.delivered_at,
        }
    }

    pub fn settled(&self) -> Seq {
        self.journal.settled().copied().unwrap_or(Seq::START)
    }

    /// Returns the position after which the journal was not read yet.
    pub fn read(&self) -> Seq {
        self.journal.read().copied().unwrap_or(Seq::START)
    }

    /// Returns when the next probe is due, if the endpoint is failing.
    pub fn probe_due(&self) -> Option<Timestamp> {
        self.health.trouble().map(|trouble| trouble.due)
    }

    /// Returns whether the endpoint accepts events, as far as is known.
    pub fn takes(&self) -> bool {
        self.disabled.is_none() && self.health.trouble().is_none()
    }

    pub fn disabled(&self) -> Option<&Disabled> {
        self.disabled.as_ref()
    }

    /// Returns where to continue reading, or `None` while there is enough to do.
    pub fn reads_from(&self) -> Option<ReadPosition> {
        let is_full = self.lanes.without_row() >= self.ahead(READ_AHEAD)
            || self.lanes.len() >= MAX_DEFERRED
            || self.disabled.is_some();
        if is_full {
            return None;
        }
        if let (None, Some(expanding)) = (&self.filling, &self.expanding) {
            let has_capacity = expanding.position.may_read_on(MAX_BEYOND) && !expanding.is_read;
            return has_capacity.then(|| ReadPosition::Members {
                entry: expanding.entry,
                after: expanding.position.read().copied(),
            });
        }
        let Some(filling) = &self.filling else {
            let has_capacity = self.journal.may_read_on(MAX_BEYOND);
            return has_capacity.then(|| ReadPosition::Journal(self.read()));
        };
        let has_capacity = filling.position.may_read_on(MAX_BEYOND) && !filling.is_read;
        has_capacity.then(|| ReadPosition::Records {
            mark: filling.mark,
            at: filling.at,
            tenant: filling.tenant,
            after: filling.position.read().cloned(),
        })
    }

    /// Returns a multiple of the events that may be under way, within bounds.
    fn ahead(&self, bounds: RangeInclusive<usize>) -> usize {
        let in_flight = self.endpoint.flow().max_in_flight.get();
        let in_message = self.endpoint.batching().map_or(1, |batching| batching.max);
        let ahead = in_flight.saturating_mul(in_message).saturating_mul(AHEAD);
        ahead.clamp(*bounds.start(), *bounds.end())
    }

    /// Takes in a page that was read.
    pub fn take(&mut self, page: Page, now: Timestamp) {
        for met in page.met {
            match met {
                Met::Entry(seq, None) => self.journal.pass(seq),
                Met::Entry(seq, Some(delivery)) => {
                    // Anything with a row is in the lanes by now.
                    if self.lanes.has(&delivery.item) {
                        self.journal.pass(seq);
                    } else if self.journal.open(seq) {
                        self.add(delivery, now);
                    }
                }
                Met::Loaded { seq, at, tenant } => {
                    // After a restart during the backfill, the entry is settled already, and the
                    // backfill continues.
                    if !self.journal.done().contains(&seq) && self.filling.is_none() {
                        self.filling = Some(Filling {
                            mark: seq,
                            at,
                            tenant: Some(tenant),
                            position: Position::behind(None, BTreeSet::new()),
                            is_read: false,
                        });
                    }
                    self.journal.pass(seq);
                }
                Met::Listed(seq) => {
                    // After a restart within the list, the entry is settled already, and the list
                    // continues.
                    if !self.journal.done().contains(&seq) && self.expanding.is_none() {
                        self.expanding = Some(Expanding::begin(seq));
                    }
                    self.journal.pass(seq);
                }
                Met::Member(number, delivery) => {
                    let Some(expanding) = &mut self.expanding else {
                        continue;
                    };
                    if self.lanes.has(&delivery.item) {
                        expanding.position.pass(number);
                    } else if expanding.position.open(number) {
                        self.add(delivery, now);
                    }
                }
                Met::Record(place, delivery) => {
                    let Some(filling) = &mut self.filling else {
                        continue;
                    };
                    match delivery {
                        Some(delivery) if !self.lanes.has(&delivery.item) => {
                            if filling.position.open(place) {
                                self.add(delivery, now);
                            }
                        }
                        Some(_) | None => filling.position.pass(place),
                    }
                }
            }
            self.is_dirty = true;
        }
        if let Some(filling) = &mut self.filling {
            filling.is_read |= page.is_end;
        } else if let Some(expanding) = &mut self.expanding {
            expanding.is_read |= page.is_end;
        }
        self.end_backfill_and_list();
    }

    /// Returns whether replays have ended whose rows may still exist. `is_saving` says whether a
    /// write is under way.
    pub fn has_unsaved_replays(&self, is_saving: Saving) -> bool {
        let ended = |change: &DeliveryChange| matches!(change, DeliveryChange::Replayed(_));
        match is_saving {
            Saving::UnderWay if !self.replayed.is_empty() => true,
            Saving::UnderWay | Saving::Done => self.changes.iter().any(ended),
        }
    }

    /// Returns from where to look for replays, now that the rows of those that ended are deleted.
    pub fn look_for_replays(&mut self) -> Look {
        self.replayed.clear();
        match self.takes() && self.lanes.len() < MAX_DEFERRED {
            true => Look::Behind(self.replays_read.clone()),
            false => Look::Nowhere,
        }
    }

    /// Accepts deliveries that an operator asked to repeat. Returns whether there are more.
    pub fn take_replays(&mut self, replays: Option<Replays>, now: Timestamp) -> bool {
        let Some(Replays { items, read }) = replays else {
            return false;
        };
        self.replays_read = read;
        for (item, entity) in items {
            if self.replayed.contains(&item) || self.replaying.contains(&item) {
                continue;
            }
            if self.lanes.has(&item) {
                self.hasten(item, entity, now);
                continue;
            }
            if self.is_to_come(&item) {
                self.replayed(item);
                continue;
            }
            let delivery = PendingDelivery {
                kept_by: KeptBy::Replay,
                ..PendingDelivery::new(item, entity, None)
            };
            self.replaying.insert(delivery.item.clone());
            self.add(delivery, now);
        }
        self.replays_read.is_some()
    }

    /// Returns whether an item is still ahead in the journal, and will be read from there. An
    /// endpoint that was set back gets it from there, in order; as a replay it would overtake
    /// events that come before it.
    fn is_to_come(&self, item: &Item) -> bool {
        match item {
            Item::Entry(seq) => *seq > self.read() && !self.journal.done().contains(seq),
            Item::Member { entry, number } => match &self.expanding {
                Some(expanding) if expanding.entry == *entry => {
                    let position = &expanding.position;
                    position.read() < Some(number) && !position.done().contains(number)
                }
                Some(_) | None => *entry > self.read() && !self.journal.done().contains(entry),
            },
            Item::Snapshot { .. } => false,
        }
    }

    /// Makes a waiting event due at once, since an operator asked to repeat it.
    fn hasten(&mut self, item: Item, entity: Entity, now: Timestamp) {
        let rows = self.lanes.make_due(&item, entity, now);
        self.keep(rows);
        self.replayed(item);
    }

    fn add(&mut self, mut delivery: PendingDelivery, now: Timestamp) {
        delivery.set_back = self.set_back;
        let rows = self.lanes.push(delivery, now);
        self.keep(rows);
    }

    /// Gives deliveries rows of their own, or new ones, so that the cursor need not wait for them.
    fn keep(&mut self, rows: impl IntoIterator<Item = (Item, Deferred)>) {
        for (item, row) in rows {
            self.step_over(&item);
            self.changes.push(DeliveryChange::Defer(item, row));
        }
    }

    /// Returns whether a message is under way.
    pub fn is_sending(&self) -> bool {
        self.under_way > 0
    }

    /// Notes that a message has ended, whatever the result.
    pub fn came_back(&mut self, n_events: usize) {
        self.under_way -= 1;
        self.events_under_way -= n_events;
    }

    /// Returns whether another message may begin.
    pub fn may_send(&self, now: Timestamp) -> bool {
        self.disabled.is_none()
            && self.attempts.len() + self.events_under_way < self.ahead(MAX_UNSAVED)
            && self.changes.len() < MAX_CHANGES
            && self.health.has_capacity(self.under_way, now)
    }

    /// Takes the deliveries of the next message, up to a number.
    pub fn next(&mut self, max: usize, now: Timestamp) -> Vec<PendingDelivery> {
        let first = match self.health.trouble() {
            Some(_) => First::Other,
            None => First::Suspect,
        };
        let mut deliveries = Vec::new();
        let mut bytes = 0;
        while deliveries.len() < max && bytes < MAX_MESSAGE {
            let Some(delivery) = self.lanes.next(first, now) else {
                break;
            };
            bytes += delivery.weight;
            if delivery.is_alone && !deliveries.is_empty() {
                self.lanes.give_back(delivery);
                break;
            }
            let (entity, is_alone) = (delivery.entity, delivery.is_alone);
            deliveries.push(delivery);
            if is_alone {
                break;
            }
            while deliveries.len() < max
                && bytes < MAX_MESSAGE
                && let Some(delivery) = self.lanes.next_of(entity, now)
            {
                bytes += delivery.weight;
                deliveries.push(delivery);
            }
        }
        if !deliveries.is_empty() {
            self.under_way += 1;
            self.events_under_way += deliveries.len();
        }
        deliveries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::{options, start};
    use crate::model::{Id, Kind};
    use crate::store::Expansion;

    #[test]
    fn however_much_was_settled_ahead_of_what_is_open_it_is_read_after_a_restart() {
        let at = start();
        let many = || 2..MAX_BEYOND as u64 + 9;
        let journal = Cursor {
            settled: Seq(1),
            ahead: many().map(|n| Seq(n + 1)).collect(),
            ..Cursor::default()
        };
        let list = Cursor {
            settled: Seq(1),
            expansion: Some(Expansion {
                entry: Seq(1),
                settled: Some(0),
                beyond: many().collect(),
            }),
            ..Cursor::default()
        };
        let tenant: TenantNo = serde_json::from_value(1.into()).unwrap();
        let user = |n: u64| (tenant, Kind::User, Id::parse(&format!("{n:024x}")).unwrap());
        let backfill = Cursor {
            settled: Seq(1),
            backfill: Some(Backfill {
                mark: Seq(1),
                at,
                tenant: None,
                after: Some(user(0)),
                beyond: many().map(user).collect(),
            }),
            ..Cursor::default()
        };
        for (cursor, expected) in [
            (journal, ReadPosition::Journal(Seq(1))),
            (
                list,
                ReadPosition::Members {
                    entry: Seq(1),
                    after: Some(0),
                },
            ),
            (
                backfill,
                ReadPosition::Records {
                    mark: Seq(1),
                    at,
                    tenant: None,
                    after: Some(user(0)),
                },
            ),
        ] {
            let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
            let state = State::of(endpoint, cursor, Vec::new(), start());

            assert_eq!(state.reads_from(), Some(expected));
        }
    }

    #[test]
    fn a_replay_that_is_asked_for_before_the_endpoint_is_set_back_overtakes_nothing() {
        for (ahead, first) in [(vec![], 2), (vec![Seq(3)], 3)] {
            let is_still_to_come = ahead.is_empty();
            let cursor = Cursor {
                settled: Seq(1),
                ahead: ahead.into_iter().collect(),
                ..Cursor::default()
            };
            let endpoint = Endpoint::new(options(([127, 0, 0, 1], 9).into())).unwrap();
            let mut state = State::of(endpoint, cursor, Vec::new(), start());
            let (item, entity) = (Item::Entry(Seq(3)), 7);
            let replays = Replays {
                items: vec![(item.clone(), entity)],
                read: None,
            };
            state.take_replays(Some(replays), start());
            let met = [2, 3].map(|seq| {
                let new = PendingDelivery::new(Item::Entry(Seq(seq)), entity, None);
                Met::Entry(Seq(seq), Some(new))
            });
            let page = Page {
                met: met.into(),
                is_end: true,
            };
            state.take(page, start());

            let next = state.next(1, start());
            assert_eq!(next[0].item, Item::Entry(Seq(first)));
            let is_over = state.changes.contains(&DeliveryChange::Replayed(item));
            assert_eq!(is_over, is_still_to_come);
        }
    }
}
