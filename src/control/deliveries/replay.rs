//! Sends events again, and discards parked deliveries.

use crate::deliver::{Endpoint, Lists};
use crate::history::first_since;
use crate::model::{EndpointName, Entry, Fact, RightChange, RightHolders, Seq};
use crate::store::{Item, Known, Order, Store, StoreError};

use super::{Again, Count, Endpoints, EventName, Replayed, endpoints};
use crate::control::ControlError;

/// How many parked deliveries are moved at a time.
const AT_ONCE: usize = 500;

/// How many entries are read at most to report how many events are sent again.
const COUNTED: u64 = 50_000;

/// Stores which events to send again, and wakes the endpoint's deliveries.
pub(super) fn replay(
    store: &Store,
    told: &Endpoints,
    name: &EndpointName,
    what: &Again,
) -> Result<Replayed, ControlError> {
    let (endpoint, wake) = told.get(name)?;
    let endpoint = &*endpoint.knowing(store)?;
    let (events, first) = match what {
        Again::Event(event) => {
            let item = one(store, endpoint, event)?;
            let count = again(store, endpoint, item)?;
            // Until the order was stored, nothing kept the event from being deleted.
            one(store, endpoint, event)?;
            (Count::Exactly(count), None)
        }
        Again::Parked => {
            let events = each_parked(store, name, Store::replay)?;
            (Count::Exactly(events), None)
        }
        Again::Since(time) => match first_since(store, *time)? {
            Some(first) => {
                let events = rewind(store, endpoint, &first)?;
                (events, Some((first.seq, first.at)))
            }
            None => (Count::Exactly(0), None),
        },
    };
    let endpoint = endpoints::row(store, name, Some(endpoint))?;
    wake.wake();
    Ok(Replayed {
        endpoint,
        events,
        first,
    })
}

/// Discards one parked delivery, or all of them. Returns how many.
pub(super) fn dismiss(
    store: &Store,
    name: &EndpointName,
    event: Option<&EventName>,
) -> Result<u64, ControlError> {
    let Some(event) = event else {
        return Ok(each_parked(store, name, Store::dismiss)?);
    };
    let item = event.of_store(store)?;
    let parked = store.parked_one(name, &item)?;
    if parked.is_none() {
        return Err(ControlError::NotParked {
            endpoint: name.clone(),
            event: event.to_string(),
        });
    }
    store.dismiss(name, &[item])?;
    Ok(1)
}

/// Finds the event that an operator means, and makes sure that the endpoint may have it. A replay
/// cannot bypass the endpoint's filter, and it cannot overtake earlier events.
fn one(store: &Store, endpoint: &Endpoint, event: &EventName) -> Result<Item, ControlError> {
    let item = event.of_store(store)?;
    let name = endpoint.name();
    match &item {
        Item::Entry(seq) | Item::Member { entry: seq, .. } => match store.entry(*seq)? {
            None => Err(ControlError::UnknownEvent {
                event: event.to_string(),
            }),
            Some(entry) if !endpoint.wants(&entry) => Err(ControlError::Unwanted {
                endpoint: name.clone(),
                event: event.to_string(),
            }),
            Some(_) if is_to_come(store, name, *seq)? => Err(ControlError::NotSentYet {
                endpoint: name.clone(),
                event: event.to_string(),
            }),
            Some(_) => Ok(item),
        },
        Item::Snapshot { .. } => {
            let parked = store.parked_one(name, &item)?;
            match parked {
                Some(parked) => Ok(parked.item),
                None => Err(ControlError::NotParked {
                    endpoint: name.clone(),
                    event: event.to_string(),
                }),
            }
        }
    }
}

/// Stores that an event is sent again. Returns how many events that is: one for each user of a list
/// if the endpoint gets lists user by user.
fn again(store: &Store, endpoint: &Endpoint, item: Item) -> Result<u64, StoreError> {
    let name = endpoint.name();
    let Some((entry, count)) = listed_by(store, endpoint, &item)? else {
        store.replay(name, &[item])?;
        return Ok(1);
    };
    let mut members = (0..count).map(|number| Item::Member { entry, number });
    loop {
        let some: Vec<Item> = members.by_ref().take(AT_ONCE).collect();
        if some.is_empty() {
            return Ok(count);
        }
        store.replay(name, &some)?;
    }
}

/// Returns the entry of an event and how many users its list has, if the endpoint gets an event for
/// each of them; `None` if it does not, or there is no list.
fn listed_by(
    store: &Store,
    endpoint: &Endpoint,
    item: &Item,
) -> Result<Option<(Seq, u64)>, StoreError> {
    let (Item::Entry(seq), Lists::Expanded) = (item, endpoint.lists()) else {
        return Ok(None);
    };
    let Some(entry) = store.entry(*seq)? else {
        return Ok(None);
    };
    let Fact::RightChanged(RightChange {
        holders: RightHolders::Listed { list, count },
        ..
    }) = &entry.fact
    else {
        return Ok(None);
    };
    let tenants = store.tenants()?;
    let is_of = |known: &&Known| {
        let account = entry.account();
        account.is_some_and(|account| account.tenant == known.tenant.id)
    };
    let Some(known) = tenants.iter().find(is_of) else {
        return Ok(None);
    };
    // If the list was lost with a damaged store, the event is sent as a whole.
    let is_there = !store.listed(known.no, (*seq, *list), 0)?.is_empty();
    Ok(is_there.then_some((*seq, *count)))
}

/// Returns whether the deliveries have not reached an entry yet.
fn is_to_come(store: &Store, name: &EndpointName, seq: Seq) -> Result<bool, StoreError> {
    let cursor = endpoints::foreseen(store, name)?.unwrap_or_default();
    Ok(seq > cursor.settled && !cursor.ahead.contains(&seq))
}

/// Does something with each delivery that is parked now, page by page. Returns how many there were.
fn each_parked(
    store: &Store,
    name: &EndpointName,
    act: fn(&Store, &EndpointName, &[Item]) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let (mut n_items, mut after) = (0, None);
    loop {
        // Continue after the last one, not from the start: deliveries that are parked meanwhile
        // would keep this loop running.
        let page = store.parked(name, after.as_ref(), AT_ONCE)?;
        let items: Vec<Item> = page.into_iter().map(|parked| parked.item).collect();
        let Some(last) = items.last() else {
            return Ok(n_items);
        };
        act(store, name, &items)?;
        n_items += items.len() as u64;
        after = Some(last.clone());
    }
}

/// Orders that all events from an entry on are sent. Parked deliveries after it are sent again only
/// when the order is carried out: only then can no others be parked in between.
fn rewind(store: &Store, endpoint: &Endpoint, first: &Entry) -> Result<Count, StoreError> {
    let to = Seq(first.seq.0.saturating_sub(1));
    store.order(endpoint.name(), &Order::Rewind { to })?;
    let (mut after, mut events, mut looked_at) = (to, 0, 0);
    loop {
        let entries = store.entries(after, AT_ONCE)?;
        let Some(last) = entries.last() else {
            return Ok(Count::Exactly(events));
        };
        after = last.seq;
        looked_at += entries.len() as u64;
        events += entries.iter().filter(|entry| endpoint.wants(entry)).count() as u64;
        if looked_at >= COUNTED {
            return Ok(Count::AtLeast(events));
        }
    }
}
