//! Deliveries as an operator sees them: which endpoints there are and how they stand, what was
//! tried, what waits, what was given up on, and what is to be sent again.
//!
//! Nothing here sends. What is wanted is written into the store, where the endpoint's worker
//! takes it up, at once where one runs.

mod choice;
mod endpoints;
mod name;
mod replay;
mod reply;
mod request;

use crate::model::{EndpointName, Timestamp};
use crate::store::{Item, Store, StoreError};

use super::{ControlError, MAX_PAGE};

pub use choice::Unmatched;
pub use endpoints::Endpoints;
pub use name::{EventName, InvalidEventName};
pub(super) use replay::first_since;
pub use reply::{
    AttemptRow, Count, DeliveryReply, EndpointRow, EndpointState, ParkedRow, WaitingRow,
};
pub use request::{Again, DeliveryRequest, Ended, Wish};

/// Answers a question about deliveries, or takes an order down.
pub(super) fn answer(
    store: &Store,
    told: &Endpoints,
    now: Timestamp,
    request: DeliveryRequest,
) -> Result<DeliveryReply, ControlError> {
    match request {
        DeliveryRequest::Endpoints => told
            .all_rows(store)
            .map(DeliveryReply::Endpoints)
            .map_err(ControlError::store),
        DeliveryRequest::Order { endpoint, wish } => told
            .order(store, &endpoint, wish, now)
            .map(DeliveryReply::Ordered),
        DeliveryRequest::Attempts {
            endpoint,
            event,
            ended,
            limit,
        } => {
            let names = told.meant(store, endpoint.as_ref())?;
            let item = event.map(|event| event.of_store(store)).transpose()?;
            attempts(store, &names, item.as_ref(), ended, limit.min(MAX_PAGE))
                .map(DeliveryReply::Attempts)
                .map_err(ControlError::store)
        }
        DeliveryRequest::Parked {
            endpoint,
            after,
            limit,
        } => {
            let names = told.meant(store, endpoint.as_ref())?;
            parked(store, names, after.as_ref(), limit.min(MAX_PAGE))
                .map(DeliveryReply::Parked)
                .map_err(ControlError::store)
        }
        DeliveryRequest::Waiting { endpoint, limit } => {
            let names = told.meant(store, endpoint.as_ref())?;
            waiting(store, names, limit.min(MAX_PAGE))
                .map(DeliveryReply::Waiting)
                .map_err(ControlError::store)
        }
        DeliveryRequest::Replay { endpoint, what } => replay::replay(store, told, &endpoint, &what),
        DeliveryRequest::Dismiss { endpoint, event } => {
            // Also for one that was taken out of the configuration: nobody else would.
            told.meant(store, Some(&endpoint))?;
            replay::dismiss(store, &endpoint, event.as_ref()).map(DeliveryReply::Dismissed)
        }
    }
}

fn attempts(
    store: &Store,
    names: &[EndpointName],
    item: Option<&Item>,
    ended: Ended,
    limit: usize,
) -> Result<Vec<AttemptRow>, StoreError> {
    let mut rows = Vec::new();
    for name in names {
        let found = store.attempts(name, limit, |attempt| {
            let is_failed = match ended {
                Ended::Anyhow => true,
                Ended::Failed => attempt.error.is_some(),
            };
            is_failed && item.is_none_or(|item| *item == attempt.item)
        })?;
        rows.extend(found.into_iter().map(|attempt| AttemptRow {
            endpoint: name.clone(),
            attempt,
        }));
    }
    // Stable, so that what an endpoint got at one time stays in its order.
    rows.sort_by_key(|row| std::cmp::Reverse(row.attempt.at));
    rows.truncate(limit);
    Ok(rows)
}

fn parked(
    store: &Store,
    names: Vec<EndpointName>,
    after: Option<&(EndpointName, Item)>,
    limit: usize,
) -> Result<Vec<ParkedRow>, StoreError> {
    let mut rows = Vec::new();
    for name in names {
        let behind = match after {
            Some((last, _)) if *last > name => continue,
            Some((last, item)) if *last == name => Some(item),
            Some(_) | None => None,
        };
        for parked in store.parked(&name, behind, limit - rows.len())? {
            rows.push(ParkedRow {
                endpoint: name.clone(),
                event_type: event_type(store, &parked.item)?,
                parked,
            });
        }
        if rows.len() == limit {
            break;
        }
    }
    Ok(rows)
}

fn waiting(
    store: &Store,
    names: Vec<EndpointName>,
    limit: usize,
) -> Result<Vec<WaitingRow>, StoreError> {
    let mut rows = Vec::new();
    for name in names {
        let mut deferred = store.deferred(&name)?;
        // What is due first; what waits behind another of its record comes last.
        deferred.sort_by_key(|(_, deferred)| (deferred.due.is_none(), deferred.due));
        for (item, deferred) in deferred.into_iter().take(limit - rows.len()) {
            rows.push(WaitingRow {
                endpoint: name.clone(),
                event_type: event_type(store, &item)?,
                item,
                deferred,
            });
        }
    }
    Ok(rows)
}

fn event_type(store: &Store, item: &Item) -> Result<Option<String>, StoreError> {
    let event_type = match item {
        Item::Entry(seq) => {
            let entry = store.entry(*seq)?;
            entry.and_then(|entry| entry.fact.event_type())
        }
        Item::Snapshot { record, .. } => Some(record.kind.snapshot_type()),
    };
    Ok(event_type.map(str::to_owned))
}
