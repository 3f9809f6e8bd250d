//! Orders deliveries: one lane for each record, first come, first served within it.
//!
//! Two events of one record are never under way together, and the later one waits for the earlier
//! one, even while that waits for its next attempt. Different records do not wait for one another.
//! Pure.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::pending_delivery::{KeptBy, PendingDelivery};
use crate::deliver::content::entity::Entity;
use crate::deliver::endpoint::schedule::is_reached;
use crate::model::Timestamp;
use crate::store::{Deferred, Item};

#[derive(Debug, Default)]
struct Lane {
    deliveries: VecDeque<PendingDelivery>,
    under_way: usize,
    /// Its key in `waiting`, if it is there.
    waits_until: Option<Timestamp>,
}

impl Lane {
    /// Makes a lane with space for one delivery, since it seldom has more.
    fn of_one() -> Self {
        Self {
            deliveries: VecDeque::with_capacity(1),
            ..Self::default()
        }
    }

    /// Returns where a delivery belongs: an event that is sent again goes before later ones.
    fn place_of(&self, delivery: &PendingDelivery) -> usize {
        let is_later = |waiting: &PendingDelivery| match (&waiting.item, &delivery.item) {
            (
                Item::Entry(waiting) | Item::Member { entry: waiting, .. },
                Item::Entry(replayed)
                | Item::Member {
                    entry: replayed, ..
                },
            ) => waiting > replayed,
            (Item::Snapshot { .. }, _) | (_, Item::Snapshot { .. }) => false,
        };
        let first_later = match delivery.kept_by {
            KeptBy::Replay => self.deliveries.iter().position(is_later),
            KeptBy::Cursor | KeptBy::Row => None,
        };
        first_later.unwrap_or(self.deliveries.len())
    }

    /// Returns whether anything that is added must have a row, since the first delivery waits for
    /// its time.
    fn is_deferred(&self) -> bool {
        self.deliveries
            .front()
            .is_some_and(|first| first.has_row() && !first.is_endpoints)
    }
}

/// All deliveries of one endpoint that are in memory.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    by_entity: FxHashMap<Entity, Lane>,
    /// Lanes whose first delivery may be sent.
    ready: VecDeque<Entity>,
    /// The same, for deliveries that the endpoint failed before.
    suspect: VecDeque<Entity>,
    /// Lanes whose first delivery waits for its time.
    waiting: BTreeSet<(Timestamp, Entity)>,
    /// Lanes whose first delivery must follow those of another lane, keyed by that lane.
    blocked: FxHashMap<Entity, Vec<Entity>>,
    /// Items that are in a lane or under way.
    items: FxHashSet<Item>,
    without_row: usize,
}

impl Lanes {
    /// Adds a delivery after those of its record. If it comes after one that waits for its time, it
    /// gets a row, and so do all before it: a restart reads the rows first, so a delivery without a
    /// row must come after them. Returns those rows.
    pub fn push(&mut self, delivery: PendingDelivery, now: Timestamp) -> Vec<(Item, Deferred)> {
        let mut given = Vec::new();
        if !self.items.insert(delivery.item.clone()) {
            return given;
        }
        let (entity, after) = (delivery.entity, delivery.after);
        if !delivery.has_row() {
            self.without_row += 1;
        }
        let lane = self.by_entity.entry(entity).or_insert_with(Lane::of_one);
        let is_behind = lane.is_deferred();
        let place = lane.place_of(&delivery);
        lane.deliveries.insert(place, delivery);
        let was_empty = lane.deliveries.len() == 1 && lane.under_way == 0;
        if was_empty {
            self.arrange(entity, now);
        } else if place == 0 {
            self.rearrange(entity, now);
        }
        let waits_for = after.and_then(|after| self.by_entity.get(&after));
        if is_behind || waits_for.is_some_and(Lane::is_deferred) {
            self.give_rows(entity, &mut given);
        }
        given
    }

    /// Makes a waiting item due, and with it the deliveries that must go before it. Returns the
    /// changed rows; there are none if the item is under way, or not here.
    pub fn make_due(
        &mut self,
        item: &Item,
        entity: Entity,
        now: Timestamp,
    ) -> Vec<(Item, Deferred)> {
        let mut rows = Vec::new();
        let Some(lane) = self.by_entity.get_mut(&entity) else {
            return rows;
        };
        let Some(place) = lane
            .deliveries
            .iter()
            .position(|delivery| delivery.item == *item)
        else {
            return rows;
        };
        for delivery in lane.deliveries.iter_mut().take(place + 1) {
            if delivery.due.take().is_some() {
                rows.push((delivery.item.clone(), delivery.row()));
            }
        }
        self.rearrange(entity, now);
        rows
    }

    /// Adapts waiting deliveries to a clock that has been set back by this much in total. Returns
    /// the changed rows.
    pub fn follow(&mut self, set_back: Duration, now: Timestamp) -> Vec<(Item, Deferred)> {
        let mut rows = Vec::new();
        for lane in self.by_entity.values_mut() {
            for delivery in &mut lane.deliveries {
                delivery.follow(set_back);
                if delivery.has_row() && delivery.due.is_some() {
                    rows.push((delivery.item.clone(), delivery.row()));
                }
            }
        }
        for (_, entity) in std::mem::take(&mut self.waiting) {
            self.arrange(entity, now);
        }
        rows
    }

    /// Takes the next delivery that may be sent.
    pub fn next(&mut self, first: First, now: Timestamp) -> Option<PendingDelivery> {
        self.wake(now);
        loop {
            let entity = match first {
                First::Suspect => self.suspect.pop_front().or_else(|| self.ready.pop_front()),
                First::Other => self.ready.pop_front().or_else(|| self.suspect.pop_front()),
            }?;
            let Some(lane) = self.by_entity.get_mut(&entity) else {
                continue;
            };
            if let Some(delivery) = lane.deliveries.pop_front() {
                lane.under_way += 1;
                return Some(delivery);
            }
        }
    }

    /// Takes the delivery after one that was just taken, to go in the same batch.
    pub fn next_of(&mut self, entity: Entity, now: Timestamp) -> Option<PendingDelivery> {
        if self.comes_after(entity).is_some() {
            return None;
        }
        let lane = self.by_entity.get_mut(&entity)?;
        let first = lane.deliveries.front()?;
        if first.is_alone || first.waits(now).is_some() {
            return None;
        }
        lane.under_way += 1;
        lane.deliveries.pop_front()
    }

    /// Takes back a delivery that was taken and not sent: it is the next one.
    pub fn give_back(&mut self, delivery: PendingDelivery) {
        let entity = delivery.entity;
        if let Some(lane) = self.by_entity.get_mut(&entity) {
            lane.under_way = lane.under_way.saturating_sub(1);
            lane.deliveries.push_front(delivery);
            self.ready.push_front(entity);
        }
    }

    /// Returns whether an item is in a lane or under way.
    pub fn has(&self, item: &Item) -> bool {
        self.items.contains(item)
    }

    /// Notes that a delivery is finished for good.
    pub fn done(&mut self, delivery: &PendingDelivery, now: Timestamp) {
        self.items.remove(&delivery.item);
        if !delivery.has_row() {
            self.without_row -= 1;
        }
        self.arrive(delivery.entity, now);
    }

    /// Puts a delivery back at the front of its lane, with a row. Of several that went together,
    /// the last one is put back first. Returns the deliveries after it that had no row; they have
    /// one now.
    pub fn put_back(&mut self, delivery: PendingDelivery, now: Timestamp) -> Vec<(Item, Deferred)> {
        let entity = delivery.entity;
        debug_assert!(delivery.has_row(), "what is put back has a row");
        let is_deferred = !delivery.is_endpoints;
        let lane = self.by_entity.entry(entity).or_default();
        lane.deliveries.push_front(delivery);
        let mut behind = Vec::new();
        if is_deferred {
            self.give_rows(entity, &mut behind);
        }
        self.arrive(entity, now);
        behind
    }

    /// Gives a row to everything that waits in a lane, and in the lanes that wait for it.
    fn give_rows(&mut self, entity: Entity, given: &mut Vec<(Item, Deferred)>) {
        let Some(lane) = self.by_entity.get_mut(&entity) else {
            return;
        };
        let deliveries = lane.deliveries.iter_mut();
        for waiting in deliveries.filter(|delivery| delivery.kept_by == KeptBy::Cursor) {
            waiting.kept_by = KeptBy::Row;
            waiting.entry = None;
            self.without_row -= 1;
            given.push((waiting.item.clone(), waiting.row()));
        }
        for blocked in self.blocked.get(&entity).cloned().unwrap_or_default() {
            self.give_rows(blocked, given);
        }
    }

    /// Notes that a delivery under way has got its row.
    pub fn count_row(&mut self) {
        self.without_row -= 1;
    }

    /// Returns when the next waiting delivery is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.waiting.first().map(|(due, _)| *due)
    }

    /// Returns how many lanes have a delivery that may be sent.
    pub fn n_ready(&mut self, now: Timestamp) -> usize {
        self.wake(now);
        self.ready.len() + self.suspect.len()
    }

    /// Returns whether enough deliveries may be sent to fill a message.
    pub fn fills(&mut self, max: usize, now: Timestamp) -> bool {
        self.wake(now);
        let lanes = self.suspect.iter().chain(&self.ready);
        let mut n_deliveries = 0;
        lanes
            .filter_map(|entity| self.by_entity.get(entity))
            .any(|lane| {
                n_deliveries += lane.deliveries.len();
                n_deliveries >= max
            })
    }

    /// Returns whether everything that may be sent has failed before.
    pub fn is_all_suspect(&self) -> bool {
        self.ready.is_empty()
    }

    /// Returns how many deliveries have no row, those under way included.
    pub fn without_row(&self) -> usize {
        self.without_row
    }

    /// Returns how many deliveries there are, those under way included.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    fn arrive(&mut self, entity: Entity, now: Timestamp) {
        let Some(lane) = self.by_entity.get_mut(&entity) else {
            return;
        };
        lane.under_way = lane.under_way.saturating_sub(1);
        if lane.under_way > 0 {
            return;
        }
        if lane.deliveries.is_empty() {
            self.by_entity.remove(&entity);
        } else {
            self.arrange(entity, now);
        }
        for blocked in self.blocked.remove(&entity).unwrap_or_default() {
            self.arrange(blocked, now);
        }
    }

    /// Puts a lane with nothing under way among those that wait or may send.
    fn arrange(&mut self, entity: Entity, now: Timestamp) {
        if let Some(other) = self.comes_after(entity) {
            self.blocked.entry(other).or_default().push(entity);
            return;
        }
        let Some(lane) = self.by_entity.get_mut(&entity) else {
            return;
        };
        lane.waits_until = lane.deliveries.front().and_then(|first| first.waits(now));
        let is_suspect = lane
            .deliveries
            .front()
            .is_some_and(|first| first.is_endpoints);
        match lane.waits_until {
            Some(due) => drop(self.waiting.insert((due, entity))),
            None if is_suspect => self.suspect.push_back(entity),
            None => self.ready.push_back(entity),
        }
    }

    /// Moves a lane whose first delivery has changed, or may be sent now. Lanes that are under way,
    /// or may send anyway, take their first delivery when it is their turn.
    fn rearrange(&mut self, entity: Entity, now: Timestamp) {
        let Some(lane) = self.by_entity.get_mut(&entity) else {
            return;
        };
        if let Some(due) = lane.waits_until.take()
            && self.waiting.remove(&(due, entity))
        {
            self.arrange(entity, now);
        }
    }

    /// Returns the lane whose earlier events must be settled before the first of this one.
    fn comes_after(&self, entity: Entity) -> Option<Entity> {
        let first = self.by_entity.get(&entity)?.deliveries.front()?;
        let after = first.after.filter(|after| *after != entity)?;
        let other = self.by_entity.get(&after)?;
        let is_earlier = |delivery: &PendingDelivery| delivery.item < first.item;
        (other.under_way > 0 || other.deliveries.front().is_some_and(is_earlier)).then_some(after)
    }

    /// Moves the lanes whose time has come to those that may send.
    fn wake(&mut self, now: Timestamp) {
        while let Some((due, entity)) = self.waiting.first().copied() {
            if !is_reached(due, now) {
                break;
            }
            self.waiting.pop_first();
            self.ready.push_back(entity);
        }
        // A time that was written under a wrong clock comes last of all.
        while let Some((due, entity)) = self.waiting.last().copied() {
            if !is_reached(due, now) {
                break;
            }
            self.waiting.pop_last();
            self.ready.push_back(entity);
        }
    }
}

/// Which deliveries are sent first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    /// What the endpoint failed before, since it is the oldest.
    Suspect,
    /// Anything else, since what failed may have been the reason.
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::Feed;
    use crate::deliver::tests::{create_users, open, start};
    use crate::model::Seq;

    fn delivery(seq: u64, entity: Entity) -> PendingDelivery {
        PendingDelivery::new(Item::Entry(Seq(seq)), entity, None)
    }

    #[test]
    fn what_is_to_go_alone_goes_into_no_batch_of_its_record() {
        let mut lanes = Lanes::default();
        for seq in 1..=3 {
            let is_alone = seq == 2;
            let delivery = PendingDelivery {
                is_alone,
                ..delivery(seq, 7)
            };
            lanes.push(delivery, start());
        }
        let first = lanes.next(First::Other, start()).unwrap();

        assert_eq!(first.item, Item::Entry(Seq(1)));
        assert!(lanes.next_of(7, start()).is_none());
    }

    #[test]
    fn what_failed_in_one_batch_is_tried_again_in_its_order() {
        let mut lanes = Lanes::default();
        for seq in 1..=2 {
            lanes.push(delivery(seq, 7), start());
        }
        let first = lanes.next(First::Other, start()).unwrap();
        let second = lanes.next_of(7, start()).unwrap();
        for mut delivery in [second, first] {
            lanes.count_row();
            delivery.kept_by = KeptBy::Row;
            delivery.is_endpoints = true;
            lanes.put_back(delivery, start());
        }

        let again = lanes.next(First::Other, start()).unwrap();

        assert_eq!(again.item, Item::Entry(Seq(1)));
        assert!(lanes.next(First::Other, start()).is_none(), "one at a time");
        lanes.done(&again, start());
        let last = lanes.next(First::Other, start()).unwrap();
        assert_eq!(last.item, Item::Entry(Seq(2)));
    }

    #[test]
    fn what_is_not_due_goes_into_no_batch_of_its_record() {
        let mut lanes = Lanes::default();
        let later = start().plus(Duration::from_secs(60));
        for (seq, due) in [(1, None), (2, Some(later))] {
            let delivery = PendingDelivery {
                kept_by: KeptBy::Row,
                due,
                ..delivery(seq, 7)
            };
            lanes.push(delivery, start());
        }
        let first = lanes.next(First::Other, start()).unwrap();

        assert_eq!(first.item, Item::Entry(Seq(1)));
        assert!(lanes.next_of(7, start()).is_none());
        assert!(lanes.next_of(7, later).is_some());
    }

    #[test]
    fn what_waits_behind_another_gives_its_memory_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=2);
        let feed = Feed::new(store.clone());
        let entry = |seq| Some(feed.share(store.entry(Seq(seq)).unwrap().unwrap()));
        let mut lanes = Lanes::default();
        for seq in 1..=2 {
            let delivery = PendingDelivery::new(Item::Entry(Seq(seq)), 7, entry(seq));
            lanes.push(delivery, start());
        }
        let mut first = lanes.next(First::Other, start()).unwrap();
        first.entry = None;
        assert!(feed.used() > 0);

        lanes.count_row();
        first.kept_by = KeptBy::Row;
        first.due = Some(start().plus(Duration::from_secs(60)));
        lanes.put_back(first, start());

        assert_eq!(feed.used(), 0);
    }

    #[test]
    fn what_comes_after_a_lane_that_waits_gets_a_row_as_well() {
        let mut lanes = Lanes::default();
        lanes.push(delivery(1, 7), start());
        let follower = PendingDelivery {
            after: Some(7),
            ..delivery(2, 8)
        };
        lanes.push(follower, start());
        let mut first = lanes.next(First::Other, start()).unwrap();
        assert_eq!(first.item, Item::Entry(Seq(1)));

        lanes.count_row();
        first.kept_by = KeptBy::Row;
        first.due = Some(start().plus(Duration::from_secs(60)));
        let given = lanes.put_back(first, start());

        let given: Vec<Item> = given.into_iter().map(|(item, _)| item).collect();
        assert_eq!(given, [Item::Entry(Seq(2))]);
        assert_eq!(lanes.without_row(), 0);
    }
}
