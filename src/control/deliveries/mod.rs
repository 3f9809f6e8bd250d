//! Deliveries as an operator sees them: the endpoints and their states, attempts, pending and
//! parked deliveries, and replays.
//!
//! Nothing here sends. An order is written to the store, where the endpoint's worker picks it up,
//! at once if it is running.

mod choice;
mod endpoints;
mod name;
mod replay;
mod reply;
mod wish;

use std::cmp::Reverse;

use crate::model::EndpointName;
use crate::store::{Attempt, Item, Store, StoreError};

use super::acting::Acting;
use super::reading::Reading;
use super::{
    AttemptPosition, Command, ControlError, Page, ParkedPosition, Query, WaitingPosition, command,
    page, query,
};

pub(super) use choice::names_of;
pub use choice::{ChosenNames, LetterCase, Unmatched};
pub use endpoints::Endpoints;
pub use name::{EventName, InvalidEventName};
pub use reply::{AttemptRow, Count, EndpointRow, EndpointState, ParkedRow, Replayed, WaitingRow};
pub use wish::{Again, Ended, Wish};

impl Query for query::Endpoints {
    type Answer = Page<EndpointRow, EndpointName>;

    fn about(&self) -> &'static str {
        "endpoints"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let wanted = meant(reading, self.endpoint.as_ref())?;
        let mut rows = reading.context.endpoints.all_rows(reading.store)?;
        rows.retain(|row| {
            let is_behind = self.after.as_ref().is_none_or(|after| row.name > *after);
            is_behind && wanted.contains(&row.name)
        });
        Ok(Page::of(rows, page::size(self.limit), |last| {
            last.name.clone()
        }))
    }
}

impl Query for query::Attempts {
    type Answer = Page<AttemptRow, AttemptPosition>;

    fn about(&self) -> &'static str {
        "deliveries"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let store = reading.store;
        let names = meant(reading, self.endpoint.as_ref())?;
        let event = self.event.as_ref();
        let item = event.map(|event| event.of_store(store)).transpose()?;
        Ok(attempts(store, &names, item.as_ref(), &self)?)
    }
}

impl Query for query::Parked {
    type Answer = Page<ParkedRow, ParkedPosition>;

    fn about(&self) -> &'static str {
        "deliveries"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let names = meant(reading, self.endpoint.as_ref())?;
        Ok(parked(reading.store, names, &self)?)
    }
}

impl Query for query::Waiting {
    type Answer = Page<WaitingRow, WaitingPosition>;

    fn about(&self) -> &'static str {
        "deliveries"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let names = meant(reading, self.endpoint.as_ref())?;
        Ok(waiting(reading.store, names, &self)?)
    }
}

impl Command for command::SetEndpoint {
    type Answer = EndpointRow;

    fn about(&self) -> &'static str {
        "set the endpoint"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<EndpointRow, ControlError> {
        let Self { endpoint, wish } = self;
        let now = acting.context.clock.now();
        let row = acting
            .context
            .endpoints
            .order(acting.store, &endpoint, wish, now)?;
        let word = wish.word();
        tracing::info!(by = %acting.by, "`{endpoint}` was {word} by {}", acting.by);
        Ok(row)
    }
}

impl Command for command::Replay {
    type Answer = Replayed;

    fn about(&self) -> &'static str {
        "send events again"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Replayed, ControlError> {
        let Self { endpoint, what } = self;
        let told = &acting.context.endpoints;
        let replayed = replay::replay(acting.store, told, &endpoint, &what)?;
        tracing::info!(
            by = %acting.by,
            "A replay of events to `{endpoint}` was ordered by {}", acting.by
        );
        Ok(replayed)
    }
}

impl Command for command::Dismiss {
    type Answer = u64;

    fn about(&self) -> &'static str {
        "dismiss events"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<u64, ControlError> {
        let Self { endpoint, event } = self;
        // Also for an endpoint that left the configuration: nothing else would clean up after it.
        meant(acting, Some(&endpoint))?;
        let dismissed = replay::dismiss(acting.store, &endpoint, event.as_ref())?;
        tracing::info!(
            by = %acting.by,
            "{dismissed} parked deliveries of `{endpoint}` were dismissed by {}", acting.by
        );
        Ok(dismissed)
    }
}

/// Returns the endpoint of this name, or all endpoints if no name is given.
fn meant(
    reading: &Reading<'_>,
    wanted: Option<&EndpointName>,
) -> Result<Vec<EndpointName>, ControlError> {
    reading.context.endpoints.meant(reading.store, wanted)
}

fn attempts(
    store: &Store,
    names: &[EndpointName],
    item: Option<&Item>,
    asked: &query::Attempts,
) -> Result<Page<AttemptRow, AttemptPosition>, StoreError> {
    let (before, limit) = (asked.before, page::size(asked.limit));
    let n_shown = before.map_or(0, |before| before.n_shown);
    let mut rows = Vec::new();
    let is_wanted = |attempt: &Attempt| {
        let has_ended_so = match asked.ended {
            Ended::Anyhow => true,
            Ended::Failed => attempt.error.is_some(),
        };
        has_ended_so
            && before.is_none_or(|before| attempt.at <= before.at)
            && item.is_none_or(|item| *item == attempt.item)
    };
    for name in names {
        // Attempts are stored in the order in which they ended, which is not the order of their
        // times. So the times alone are read first, to keep only as many attempts as the page
        // needs.
        let mut times = Vec::new();
        store.attempts(name, 1, |attempt| {
            times.extend(is_wanted(attempt).then_some(attempt.at));
            false
        })?;
        times.sort_unstable_by_key(|at| Reverse(*at));
        let since = times.get(n_shown + limit).copied();
        let found = store.attempts(name, usize::MAX, |attempt| {
            is_wanted(attempt) && since.is_none_or(|since| attempt.at >= since)
        })?;
        rows.extend(found.into_iter().map(|attempt| AttemptRow {
            endpoint: name.clone(),
            attempt,
        }));
    }
    // The sort is stable, so that attempts of one endpoint with the same time stay in order.
    rows.sort_by_key(|row| Reverse(row.attempt.at));
    let rows = rows.split_off(n_shown.min(rows.len()));
    let page = Page::of(rows, limit, |last| last.attempt.at);
    let next = page.next.map(|at| {
        let of_that_time = page.rows.iter().filter(|row| row.attempt.at == at);
        let of_pages_before = before.filter(|before| before.at == at);
        AttemptPosition {
            at,
            n_shown: of_that_time.count() + of_pages_before.map_or(0, |before| before.n_shown),
        }
    });
    Ok(Page {
        rows: page.rows,
        next,
    })
}

fn parked(
    store: &Store,
    names: Vec<EndpointName>,
    asked: &query::Parked,
) -> Result<Page<ParkedRow, ParkedPosition>, StoreError> {
    let (after, limit) = (asked.after.as_ref(), page::size(asked.limit));
    let mut rows = Vec::new();
    for name in names {
        let behind = match after {
            Some(after) if after.endpoint > name => continue,
            Some(after) if after.endpoint == name => Some(&after.item),
            Some(_) | None => None,
        };
        // One more than the page needs, to see whether there is another page.
        for parked in store.parked(&name, behind, limit + 1 - rows.len())? {
            rows.push(ParkedRow {
                endpoint: name.clone(),
                event_type: event_type(store, &parked.item)?,
                parked,
            });
        }
        if rows.len() > limit {
            break;
        }
    }
    Ok(Page::of(rows, limit, |last| ParkedPosition {
        endpoint: last.endpoint.clone(),
        item: last.parked.item.clone(),
    }))
}

fn waiting(
    store: &Store,
    names: Vec<EndpointName>,
    asked: &query::Waiting,
) -> Result<Page<WaitingRow, WaitingPosition>, StoreError> {
    let (after, limit) = (asked.after.as_ref(), page::size(asked.limit));
    let mut found = Vec::new();
    for name in names {
        if after.is_some_and(|after| after.endpoint > name) {
            continue;
        }
        for (item, deferred) in store.deferred(&name)? {
            let place = WaitingPosition {
                endpoint: name.clone(),
                is_behind: deferred.due.is_none(),
                due: deferred.due,
                item,
            };
            if after.is_none_or(|after| place > *after) {
                found.push((place, deferred));
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found.truncate(limit + 1);
    }
    let page = Page::of(found, limit, |(place, _)| place.clone());
    let rows = page.rows.into_iter().map(|(place, deferred)| {
        Ok(WaitingRow {
            event_type: event_type(store, &place.item)?,
            endpoint: place.endpoint,
            item: place.item,
            deferred,
        })
    });
    Ok(Page {
        rows: rows.collect::<Result<_, StoreError>>()?,
        next: page.next,
    })
}

fn event_type(store: &Store, item: &Item) -> Result<Option<String>, StoreError> {
    let event_type = match item {
        Item::Entry(seq) | Item::Member { entry: seq, .. } => {
            let entry = store.entry(*seq)?;
            entry.and_then(|entry| entry.fact.event_type())
        }
        Item::Snapshot { record, .. } => Some(record.kind.snapshot_type()),
    };
    Ok(event_type.map(str::to_owned))
}
