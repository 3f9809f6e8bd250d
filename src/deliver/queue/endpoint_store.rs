//! Reads and writes the state of an endpoint's worker. Blocks, as the store does.

use std::sync::Mutex;

use tracing::{info, warn};

use super::read_position::{Look, Replays};
use super::reader;
use super::state::State;
use crate::deliver::endpoint::flow::Backfilling;
use crate::deliver::endpoint::options::Endpoint;
use crate::lock::lock;
use crate::model::{Seq, Timestamp};
use crate::store::{
    AttemptLog, Cursor, DeliveryChange, DisabledBy, Item, MAX_CHANGES, Order, Progress, Store,
    StoreError,
};

/// Replays that are accepted at once.
const REPLAYS: usize = 64;

/// What the store knows about an endpoint.
#[derive(Debug)]
pub(super) struct EndpointStore {
    endpoint: Endpoint,
    /// The log of attempts, which only a writer needs.
    log: Mutex<AttemptLog>,
}

/// What operators have requested.
#[derive(Debug)]
pub(super) struct Wishes {
    pub orders: Vec<(u64, Order)>,
    /// What they want repeated, or `None` if no more could be accepted.
    pub replays: Option<Replays>,
}

impl EndpointStore {
    /// Opens the state of an endpoint. A new endpoint gets its cursor.
    pub fn open(store: &Store, endpoint: &Endpoint, now: Timestamp) -> Result<Self, StoreError> {
        let name = endpoint.name();
        let last = store.last_seq();
        let known = store.cursor(name)?;
        let cursor = match (known.clone(), store.open_loss()?) {
            (None, Some(loss)) => {
                // The endpoint's position may have been lost. The endpoint continues with the entry
                // that reports the loss; after it, endpoints with a backfill get each tenant's
                // records.
                let settled = Seq(loss.entry.0.saturating_sub(1));
                info!(
                    endpoint.id = %name, event.seq = loss.entry.0,
                    "The position of endpoint `{name}` was lost when the store was damaged; it \
                     gets what is found since then",
                );
                Some(Cursor {
                    settled,
                    ..Cursor::default()
                })
            }
            (None, None) => {
                info!(
                    endpoint.id = %name, event.seq = last.0,
                    "Endpoint `{name}` is new; it gets what is found from now on",
                );
                let mut cursor = Cursor {
                    settled: last,
                    ..Cursor::default()
                };
                if endpoint.flow().backfill == Backfilling::First {
                    let mark = last;
                    cursor.apply(&Order::Backfill { at: now, mark });
                }
                Some(cursor)
            }
            (Some(cursor), _) if cursor.settled > last => {
                warn!(
                    endpoint.id = %name, event.seq = last.0,
                    "Endpoint `{name}` had a position after the end of the journal, which must have been rebuilt; it gets what is found from now on",
                );
                Some(Cursor {
                    settled: last,
                    ..Cursor::default()
                })
            }
            (Some(cursor), _) => match cursor.disabled.as_ref().map(|disabled| &disabled.by) {
                Some(DisabledBy::Receiver { url_mark }) if *url_mark != endpoint.url_mark() => {
                    info!(
                        endpoint.id = %name, event.seq = cursor.settled.next().0,
                        "Endpoint `{name}` has another `url` and continues where it stopped",
                    );
                    let mut cursor = cursor;
                    cursor.apply(&Order::Enable);
                    Some(cursor)
                }
                Some(DisabledBy::Receiver { .. } | DisabledBy::Operator | DisabledBy::Failures)
                | None => None,
            },
        };
        if let Some(known) = cursor.as_ref().or(known.as_ref()) {
            warn_of_gap(store, endpoint, known)?;
        }
        let endpoint_store = Self {
            endpoint: endpoint.clone(),
            log: Mutex::new(store.attempt_log(name)?),
        };
        if let Some(cursor) = cursor {
            endpoint_store.write(store, vec![Progress::of(cursor)])?;
        }
        Ok(endpoint_store)
    }

    /// Reads the endpoint's state.
    pub fn state(&self, store: &Store, now: Timestamp) -> Result<State, StoreError> {
        let name = self.endpoint.name();
        let cursor = store.cursor(name)?.unwrap_or_default();
        let deferred = store.deferred(name)?;
        Ok(State::of(self.endpoint.clone(), cursor, deferred, now))
    }

    /// Writes what is new.
    pub fn write(&self, store: &Store, writes: Vec<Progress>) -> Result<(), StoreError> {
        let mut log = lock(&self.log);
        for progress in writes {
            store.save_progress(self.endpoint.name(), &mut log, progress)?;
        }
        Ok(())
    }

    /// Carries out what operators ordered. Call it only while nothing is under way and everything
    /// is written.
    pub fn apply_orders(&self, store: &Store, orders: &[(u64, Order)]) -> Result<(), StoreError> {
        let name = self.endpoint.name().clone();
        let mut cursor = store.cursor(&name)?.unwrap_or_default();
        let mut changes = Vec::new();
        let mut is_rewound = false;
        for (number, order) in orders {
            info!(endpoint.id = %name, "An operator's order for `{name}`: {order}");
            cursor.apply(order);
            changes.push(DeliveryChange::OrderApplied(*number));
            if let Order::Rewind { to } = order {
                let again = |item: &Item| match item {
                    Item::Entry(seq) | Item::Member { entry: seq, .. } => seq > to,
                    Item::Snapshot { .. } => false,
                };
                let deferred = store.deferred(&name)?.into_iter();
                changes.extend(
                    deferred
                        .filter(|(item, _)| again(item))
                        .map(|(item, _)| DeliveryChange::Resume(item)),
                );
                is_rewound = true;
            }
        }
        // The cursor comes first: what follows only deletes rows that it makes unnecessary.
        let writes = changes.chunks(MAX_CHANGES).map(|chunk| Progress {
            changes: chunk.to_vec(),
            ..Progress::of(cursor.clone())
        });
        self.write(store, writes.collect())?;
        if is_rewound {
            self.unpark(store, &cursor)?;
        }
        Ok(())
    }

    /// Deletes what is parked after a cursor that was set back, since it is sent again from there
    /// on. Nothing is under way, so nothing is parked meanwhile. After a crash some of it stays
    /// parked: that may be sent twice, and nothing is lost.
    fn unpark(&self, store: &Store, cursor: &Cursor) -> Result<(), StoreError> {
        let mut after = Item::Entry(cursor.settled);
        loop {
            let page = store.parked(self.endpoint.name(), Some(&after), MAX_CHANGES)?;
            let Some(last) = page.last().map(|parked| parked.item.clone()) else {
                return Ok(());
            };
            after = last;
            let is_sent_again = |item: &Item| match item {
                Item::Entry(seq) | Item::Member { entry: seq, .. } => *seq > cursor.settled,
                Item::Snapshot { .. } => false,
            };
            let parked = page.into_iter().map(|parked| parked.item);
            let changes: Vec<_> = parked
                .filter(is_sent_again)
                .map(DeliveryChange::Unpark)
                .collect();
            if changes.is_empty() {
                continue;
            }
            let write = Progress {
                changes,
                ..Progress::of(cursor.clone())
            };
            self.write(store, vec![write])?;
        }
    }

    /// Reads what operators have requested.
    pub fn wishes(&self, store: &Store, look: Look) -> Result<Wishes, StoreError> {
        let name = self.endpoint.name();
        let replays = match look {
            Look::Nowhere => None,
            Look::Behind(after) => {
                let items = store.replays(name, after.as_ref(), REPLAYS)?;
                let is_full = items.len() == REPLAYS;
                Some(Replays {
                    read: items.last().filter(|_| is_full).cloned(),
                    items: reader::entities(store, &self.endpoint, items)?,
                })
            }
        };
        Ok(Wishes {
            orders: store.orders(name)?,
            replays,
        })
    }

    /// Returns how many entries after a position the endpoint wants.
    pub fn count_wanted(&self, store: &Store, mut after: Seq) -> Result<u64, StoreError> {
        let mut n_wanted = 0;
        loop {
            let entries = store.entries(after, 1_000)?;
            let Some(last) = entries.last() else {
                return Ok(n_wanted);
            };
            after = last.seq;
            let endpoint = self.endpoint.knowing(store)?;
            let wanted = entries.iter().filter(|entry| endpoint.wants(entry));
            n_wanted += wanted.map(|_| 1).sum::<u64>();
        }
    }
}

/// Logs which events an endpoint will never get, since it was away for longer than the journal
/// reaches back.
fn warn_of_gap(store: &Store, endpoint: &Endpoint, cursor: &Cursor) -> Result<(), StoreError> {
    let (next, first) = (cursor.settled.next(), store.first_seq()?);
    if next < first {
        let name = endpoint.name();
        warn!(
            endpoint.id = %name, event.seq = first.0,
            "The journal was cut before endpoint `{name}` got events {next} to {}, which it will \
             not get; `qlik-roster endpoints backfill {name}` sends it what is known",
            Seq(first.0.saturating_sub(1)),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deliver::tests::{create_users, endpoint, name, open, start};
    use crate::model::Fact;

    #[test]
    fn an_endpoint_whose_place_was_lost_is_told_of_the_loss_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path());
        create_users(&store, 1..=3);
        store.close().unwrap();
        std::fs::remove_file(folder.path().join("current/db")).unwrap();
        let store = open(folder.path());
        create_users(&store, 4..=5);
        let endpoint = endpoint(([127, 0, 0, 1], 9).into());

        EndpointStore::open(&store, &endpoint, start()).unwrap();

        let settled = store.cursor(&name()).unwrap().unwrap().settled;
        let next = store.entries(settled, 1).unwrap().remove(0);
        let loss = store.open_loss().unwrap().unwrap();
        assert_eq!(next.fact, Fact::HistoryLost(loss.missing));
    }
}
