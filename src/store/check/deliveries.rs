//! Checks that cursors, and the rows beside them, refer to things that exist.

use std::ops::Bound;

use crate::model::Seq;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::rows::{read_attempts, read_cursor, read_parked};
use crate::store::layout::{codec, v1};
use crate::store::values::delivery::Item;
use crate::store::values::tenant_no::TenantNo;

use super::Check;

/// Rows that are checked while commits wait.
const AT_ONCE: usize = 100;

/// Keyspaces whose rows each belong to an endpoint, and name something to be delivered.
const NAMING: [Keyspace; 3] = [Keyspace::Parked, Keyspace::Deferred, Keyspace::Replay];

impl Check<'_> {
    pub(super) fn deliveries(&mut self) {
        self.some_at_once(Keyspace::Cursor, Check::cursor);
        for keyspace in NAMING {
            self.some_at_once(keyspace, |check, key, value| {
                check.row(keyspace, key, value);
            });
        }
        self.some_at_once(Keyspace::Order, Check::order);
        self.some_at_once(Keyspace::Attempts, |check, key, value| {
            let place = check.place_of(key);
            check.take(place, read_attempts(key, value));
        });
    }

    /// Visits a keyspace, some rows at a time while commits wait, so that what they name cannot
    /// disappear.
    fn some_at_once(&mut self, keyspace: Keyspace, look: impl Fn(&mut Self, &[u8], &[u8])) {
        let mut from: Bound<Key> = Bound::Included(vec![keyspace as u8]);
        loop {
            let _still = self.view.still();
            let mut last = None;
            for row in scan::after(self.view.db, &[keyspace as u8], from).take(AT_ONCE) {
                let Some((key, value)) = self.take(keys::describe(&[keyspace as u8]), row) else {
                    return;
                };
                look(self, &key, &value);
                last = Some(key);
            }
            match last {
                Some(key) => from = Bound::Excluded(key.to_vec()),
                None => return,
            }
            self.tick(1);
            if (self.view.is_over)() {
                return;
            }
        }
    }

    fn cursor(&mut self, key: &[u8], value: &[u8]) {
        let place = self.place_of(key);
        let (Some(cursor), Some(last)) = (self.take(&*place, read_cursor(key, value)), self.last())
        else {
            return;
        };
        let furthest = cursor.ahead.last().max(Some(&cursor.settled));
        if furthest.is_some_and(|furthest| *furthest > last) {
            self.fault(
                &*place,
                format!("ahead of the journal, which ends at entry {last}"),
            );
        }
        let Some(backfill) = cursor.backfill else {
            return;
        };
        if backfill.mark > last {
            let what = format!(
                "sends what was known at an entry that is not there, {}",
                backfill.mark
            );
            self.fault(&*place, what);
        }
        let numbers = backfill.tenant.into_iter();
        let numbers = numbers.chain(backfill.after.map(|(no, _, _)| no));
        for no in numbers.collect::<Vec<TenantNo>>() {
            self.knows(&place, no);
        }
    }

    /// Checks a row that names something to be delivered.
    fn row(&mut self, keyspace: Keyspace, key: &[u8], value: &[u8]) {
        let place = self.place_of(key);
        let prefix = keys::endpoint_part(key).map_or(0, <[u8]>::len);
        let Some(item) = keys::item_of(key, prefix) else {
            return self.fault(place, "of no delivery");
        };
        let place = format!("{place}, event {item}");
        let read = match keyspace {
            Keyspace::Parked => {
                read_parked(key, value).and_then(|parked| match parked.item == item {
                    true => Ok(()),
                    false => Err(codec::flawed(key, "tells of another event")),
                })
            }
            Keyspace::Deferred => codec::read_row::<v1::Deferred>(key, value).map(drop),
            _ => codec::read_row::<v1::Nothing>(key, value).map(drop),
        };
        self.take(&*place, read);
        match item {
            Item::Entry(seq) | Item::Member { entry: seq, .. } => {
                let is_there = is_there(self.view.db, seq);
                if let Some(false) = self.take(&*place, is_there) {
                    self.fault(place, "names an entry that is not there");
                }
            }
            Item::Snapshot { tenant, .. } => self.knows(&place, tenant),
        }
    }

    fn order(&mut self, key: &[u8], value: &[u8]) {
        let place = self.place_of(key);
        let read = codec::read_row::<v1::Order>(key, value);
        let (Some(order), Some(last)) = (self.take(&*place, read), self.last()) else {
            return;
        };
        let named = match order {
            v1::Order::Enable | v1::Order::Disable { .. } => None,
            v1::Order::Rewind { to } => Some(to),
            v1::Order::Backfill { mark, .. } => Some(mark),
        };
        if named.is_some_and(|seq| seq > last) {
            self.fault(place, format!("names an entry behind the last, {last}"));
        }
    }
}

/// Returns whether an entry is in the journal, or was kept when it was cut.
pub(super) fn is_there(db: &sled::Db, seq: Seq) -> Result<bool, StoreError> {
    for key in [keys::journal(seq), keys::kept(seq)] {
        if scan::get(db, &key)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
