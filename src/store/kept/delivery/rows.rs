//! Deliveries that have a row of their own: deferred, parked, or requested again.

use std::ops::Bound;

use serde::de::DeserializeOwned;

use crate::model::EndpointName;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::{Stored, codec, v1, v5};
use crate::store::values::commit::MAX_QUIET;
use crate::store::values::delivery::{Deferred, Item, Parked};

/// Deferred deliveries of an endpoint that its worker keeps in memory.
pub const MAX_DEFERRED: usize = 10_000;

impl Store {
    /// Returns an endpoint's deferred deliveries in the order of the journal, at most twice
    /// [`MAX_DEFERRED`].
    pub fn deferred(&self, endpoint: &EndpointName) -> Result<Vec<(Item, Deferred)>, StoreError> {
        let rows = self.delivery_rows::<v1::Deferred>(
            Keyspace::Deferred,
            endpoint,
            None,
            2 * MAX_DEFERRED,
        )?;
        Ok(rows
            .into_iter()
            .map(|(item, deferred)| (item, deferred.into()))
            .collect())
    }

    /// Returns an endpoint's first deferred delivery in the order of the journal; `None` if it has
    /// none.
    pub fn first_deferred(&self, endpoint: &EndpointName) -> Result<Option<Item>, StoreError> {
        let rows = self.delivery_rows::<v1::Deferred>(Keyspace::Deferred, endpoint, None, 1)?;
        Ok(rows.into_iter().next().map(|(item, _)| item))
    }

    /// Returns an endpoint's parked deliveries after a given one, the earliest first.
    pub fn parked(
        &self,
        endpoint: &EndpointName,
        after: Option<&Item>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let rows = self.delivery_rows::<v5::Parked>(Keyspace::Parked, endpoint, after, limit)?;
        Ok(rows.into_iter().map(|(_, parked)| parked.into()).collect())
    }

    /// Returns one parked delivery; `None` if it is not parked.
    pub fn parked_one(
        &self,
        endpoint: &EndpointName,
        item: &Item,
    ) -> Result<Option<Parked>, StoreError> {
        self.engine.read("reading a parked delivery", |reader| {
            let key = keys::delivery(Keyspace::Parked, endpoint, item);
            match reader.get(&key)? {
                Some(value) => Ok(Some(codec::read_row::<v5::Parked>(&key, &value)?.into())),
                None => Ok(None),
            }
        })
    }

    /// Returns how many deliveries of an endpoint are parked.
    pub fn count_parked(&self, endpoint: &EndpointName) -> Result<u64, StoreError> {
        self.engine.read("counting parked deliveries", |reader| {
            let mut n_parked = 0;
            for row in reader.prefix(&keys::of_endpoint(Keyspace::Parked, endpoint)) {
                row?;
                n_parked += 1;
            }
            Ok(n_parked)
        })
    }

    /// Returns the deliveries after a given one that were requested again, the earliest first.
    pub fn replays(
        &self,
        endpoint: &EndpointName,
        after: Option<&Item>,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let rows = self.delivery_rows::<v1::Nothing>(Keyspace::Replay, endpoint, after, limit)?;
        Ok(rows.into_iter().map(|(item, v1::Nothing)| item).collect())
    }

    /// Requests that deliveries are sent again; those that were parked are parked no longer.
    pub fn replay(&self, endpoint: &EndpointName, items: &[Item]) -> Result<(), StoreError> {
        for chunk in items.chunks(MAX_QUIET) {
            let rows = chunk.iter().flat_map(|item| {
                let key = keys::delivery(Keyspace::Replay, endpoint, item);
                let parked = keys::delivery(Keyspace::Parked, endpoint, item);
                [codec::put(key, &v1::Nothing), (parked, None)]
            });
            self.engine.write(rows.collect())?;
        }
        Ok(())
    }

    /// Discards parked deliveries: they will never be sent.
    pub fn dismiss(&self, endpoint: &EndpointName, items: &[Item]) -> Result<(), StoreError> {
        for chunk in items.chunks(MAX_QUIET) {
            let rows = chunk
                .iter()
                .map(|item| (keys::delivery(Keyspace::Parked, endpoint, item), None));
            self.engine.write(rows.collect())?;
        }
        Ok(())
    }

    fn delivery_rows<T: Stored + DeserializeOwned>(
        &self,
        keyspace: Keyspace,
        endpoint: &EndpointName,
        after: Option<&Item>,
        limit: usize,
    ) -> Result<Vec<(Item, T)>, StoreError> {
        let prefix = keys::of_endpoint(keyspace, endpoint);
        let from: Bound<Key> = match after {
            Some(item) => Bound::Excluded(keys::delivery(keyspace, endpoint, item)),
            None => Bound::Included(prefix.clone()),
        };
        self.engine.read("reading deliveries", |reader| {
            reader
                .after(&prefix, from)
                .take(limit)
                .map(|row| {
                    let (key, value) = row?;
                    let item = keys::item_of(&key, prefix.len())
                        .ok_or_else(|| codec::flawed(&key, "of no delivery"))?;
                    Ok((item, codec::read_row(&key, &value)?))
                })
                .collect()
        })
    }
}
