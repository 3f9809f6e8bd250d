//! The endpoints: their states, and what an operator orders for one.

use std::sync::{Arc, Mutex};

use crate::deliver::Endpoint;
use crate::lock::lock;
use crate::model::{EndpointName, Seq, TenantName, Timestamp};
use crate::signal::Wake;
use crate::store::{Cursor, DisabledBy, Known, Order, Store, StoreError};

use super::{EndpointRow, EndpointState, Unmatched, Wish};
use crate::control::ControlError;

/// The endpoints of the configuration, each with the wake of its deliveries.
/// Clones share them, since their settings may change while the daemon runs.
#[derive(Debug, Clone, Default)]
pub struct Endpoints(Arc<Mutex<Vec<(Endpoint, Wake)>>>);

impl Endpoints {
    /// Creates the list from endpoints and their wakes.
    pub fn new(endpoints: impl IntoIterator<Item = (Endpoint, Wake)>) -> Self {
        Self(Arc::new(Mutex::new(endpoints.into_iter().collect())))
    }

    /// Replaces the settings of the endpoint with the same name.
    pub fn replace(&self, by: &Endpoint) {
        let mut all = lock(&self.0);
        let known = all
            .iter_mut()
            .find(|(endpoint, _)| endpoint.name() == by.name());
        if let Some((endpoint, _)) = known {
            *endpoint = by.clone();
        }
    }

    /// Returns their names, in the order of the configuration.
    pub fn names(&self) -> Vec<EndpointName> {
        let all = lock(&self.0);
        let names = all.iter().map(|(endpoint, _)| endpoint.name().clone());
        names.collect()
    }

    /// Returns the endpoint of this name.
    pub(super) fn get(&self, name: &EndpointName) -> Result<(Endpoint, Wake), ControlError> {
        let mut all = lock(&self.0).clone().into_iter();
        let found = all.find(|(endpoint, _)| endpoint.name() == name);
        found.ok_or_else(|| ControlError::unknown_endpoint(name, &self.names()))
    }

    /// Returns the requested endpoint, or all configured endpoints by name.
    pub(in crate::control) fn configured(
        &self,
        wanted: Option<&EndpointName>,
    ) -> Result<Vec<EndpointName>, ControlError> {
        if let Some(wanted) = wanted {
            return Ok(vec![self.get(wanted)?.0.name().clone()]);
        }
        let mut names = self.names();
        names.sort();
        Ok(names)
    }

    /// Reports some configured endpoints, and which names in their filters match nothing.
    pub(in crate::control) fn status(
        &self,
        store: &Store,
        wanted: &[EndpointName],
        linked: &[TenantName],
        known: &[Known],
    ) -> Result<Vec<EndpointRow>, ControlError> {
        let mut rows = Vec::new();
        for name in wanted {
            let (endpoint, _) = self.get(name)?;
            let mut row = row(store, name, Some(&endpoint))?;
            row.unmatched = Unmatched::of(store, &(&endpoint).into(), linked, known)?;
            rows.push(row);
        }
        Ok(rows)
    }

    /// Reports all configured endpoints.
    fn rows(&self, store: &Store) -> Result<Vec<EndpointRow>, StoreError> {
        let all = lock(&self.0).clone();
        let rows = all.iter();
        rows.map(|(endpoint, _)| row(store, endpoint.name(), Some(endpoint)))
            .collect()
    }

    /// Reports all endpoints by name, including those that only the store knows.
    pub(super) fn all_rows(&self, store: &Store) -> Result<Vec<EndpointRow>, StoreError> {
        let mut rows = self.rows(store)?;
        for name in self.forgotten(store)? {
            rows.push(row(store, &name, None)?);
        }
        rows.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(rows)
    }

    /// Returns the requested endpoint, or all endpoints, including those that only the store knows.
    pub(super) fn meant(
        &self,
        store: &Store,
        wanted: Option<&EndpointName>,
    ) -> Result<Vec<EndpointName>, ControlError> {
        let mut names = self.names();
        names.extend(self.forgotten(store)?);
        names.sort();
        match wanted {
            None => Ok(names),
            Some(wanted) if names.contains(wanted) => Ok(vec![wanted.clone()]),
            Some(wanted) => Err(ControlError::unknown_endpoint(wanted, &names)),
        }
    }

    /// Stores an operator's order for an endpoint, unless the endpoint is already in that state.
    pub(super) fn order(
        &self,
        store: &Store,
        name: &EndpointName,
        wish: Wish,
        now: Timestamp,
    ) -> Result<EndpointRow, ControlError> {
        let (endpoint, wake) = self.get(name)?;
        if wish == Wish::Backfill && !endpoint.wants_snapshots() {
            let endpoint = name.clone();
            return Err(ControlError::NoSnapshots { endpoint });
        }
        let order = move || -> Result<EndpointRow, StoreError> {
            let cursor = foreseen(store, name)?.unwrap_or_default();
            let order = match wish {
                Wish::Enable => Some(Order::Enable).filter(|_| {
                    cursor.disabled.is_some()
                        || cursor.trouble.is_some()
                        || cursor.failing.is_some()
                }),
                Wish::Disable => Some(Order::Disable { at: now }).filter(|_| {
                    let disabled = cursor.disabled.as_ref();
                    disabled.is_none_or(|disabled| disabled.by != DisabledBy::Operator)
                }),
                Wish::Backfill => Some(Order::Backfill {
                    at: now,
                    mark: store.last_seq(),
                }),
            };
            if let Some(order) = order {
                store.order(name, &order)?;
                wake.wake();
            }
            row(store, name, Some(&endpoint))
        };
        Ok(order()?)
    }

    /// Returns the endpoints that are in the store but not in the configuration.
    fn forgotten(&self, store: &Store) -> Result<Vec<EndpointName>, StoreError> {
        let configured = self.names();
        let known = store.cursors()?.into_iter().map(|(name, _)| name);
        Ok(known.filter(|name| !configured.contains(name)).collect())
    }
}

/// Reports one endpoint.
pub(super) fn row(
    store: &Store,
    name: &EndpointName,
    endpoint: Option<&Endpoint>,
) -> Result<EndpointRow, StoreError> {
    let last = store.last_seq();
    let known = foreseen(store, name)?;
    let is_new = known.is_none();
    let cursor = known.unwrap_or(Cursor {
        settled: last,
        ..Cursor::default()
    });
    let state = match (endpoint, is_new) {
        (None, _) => EndpointState::NotConfigured,
        (Some(_), true) => EndpointState::New,
        (Some(_), false) => state(&cursor),
    };
    Ok(EndpointRow {
        name: name.clone(),
        origin: endpoint.map(Endpoint::origin),
        state,
        settled: cursor.settled,
        behind: behind(&cursor, store.first_seq()?, last),
        waiting: store.deferred(name)?.len() as u64,
        parked: store.count_parked(name)?,
        delivered_at: cursor.delivered_at,
        unmatched: Unmatched::default(),
    })
}

/// Returns the cursor as it will be once all orders are carried out, or `None` if the endpoint
/// never got a delivery and has no order.
pub(super) fn foreseen(store: &Store, name: &EndpointName) -> Result<Option<Cursor>, StoreError> {
    let mut cursor = store.cursor(name)?;
    for (_, order) in store.orders(name)? {
        let cursor = cursor.get_or_insert_with(|| Cursor {
            settled: store.last_seq(),
            ..Cursor::default()
        });
        cursor.apply(&order);
    }
    Ok(cursor)
}

/// Returns how many entries remain to be sent. Deleted entries cannot be sent and do not count.
fn behind(cursor: &Cursor, first: Seq, last: Seq) -> u64 {
    let next = cursor.settled.next().max(first);
    let ahead = cursor.ahead.range(next..).count() as u64;
    last.next().0.saturating_sub(next.0).saturating_sub(ahead)
}

/// The most serious state hides the others.
fn state(cursor: &Cursor) -> EndpointState {
    if let Some(disabled) = &cursor.disabled {
        return match disabled.by {
            DisabledBy::Operator => EndpointState::Stopped { since: disabled.at },
            DisabledBy::Receiver { .. } | DisabledBy::Failures => EndpointState::Disabled {
                since: disabled.at,
                reason: disabled.reason.clone(),
            },
        };
    }
    if let Some(trouble) = &cursor.trouble {
        return EndpointState::InTrouble {
            since: cursor.failing.map(|failing| failing.since),
            due: trouble.due,
            reason: trouble.reason.clone(),
        };
    }
    match &cursor.backfill {
        Some(backfill) => EndpointState::Backfilling {
            since: backfill.at,
            mark: backfill.mark,
        },
        None => EndpointState::Taking,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_journal_no_longer_has_does_not_count_as_behind() {
        // Settled up to, settled ahead, the first entry in the journal, the last one; and how many
        // remain.
        let cases: [(u64, &[u64], u64, u64, u64); 7] = [
            (0, &[], 1, 0, 0),
            (4, &[], 1, 10, 6),
            (4, &[6, 8], 1, 10, 4),
            (10, &[], 1, 10, 0),
            (4, &[], 9, 10, 2),
            (4, &[6, 9], 9, 10, 1),
            (4, &[6], 11, 10, 0),
        ];
        for (settled, ahead, first, last, expected) in cases {
            let cursor = Cursor {
                settled: Seq(settled),
                ahead: ahead.iter().copied().map(Seq).collect(),
                ..Cursor::default()
            };
            let found = behind(&cursor, Seq(first), Seq(last));
            assert_eq!(found, expected, "{settled} {ahead:?} {first} {last}");
        }
    }
}
