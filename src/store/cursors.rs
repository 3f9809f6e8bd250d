//! How far each endpoint is, and the events that were given up on.

use serde::{Deserialize, Serialize};

use crate::model::{EndpointName, Seq, Timestamp};

use super::error::StoreError;
use super::{Store, codec, keys, scan};

/// How far deliveries to an endpoint are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// Everything up to here is settled: delivered, parked, or not for this endpoint.
    pub settled: Seq,
    /// Failed attempts of the event that is next.
    pub attempt: u32,
    /// When its next attempt is due; none: at once.
    pub due: Option<Timestamp>,
    /// Why nothing is sent any more; none: it is.
    pub disabled: Option<String>,
}

/// An event that was given up on. Its entry stays in the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// Its entry.
    pub seq: Seq,
    /// What the last attempt ended with.
    pub reason: String,
    /// When it was given up on.
    pub at: Timestamp,
    /// Attempts that were made.
    pub attempts: u32,
}

impl Store {
    /// Returns an endpoint's cursor; none where it has none yet.
    pub fn cursor(&self, endpoint: &EndpointName) -> Result<Option<Cursor>, StoreError> {
        self.inner.read("reading a cursor", |db| {
            let key = keys::cursor(endpoint);
            match scan::get(db, &key)? {
                Some(value) => codec::read_row(&key, &value).map(Some),
                None => Ok(None),
            }
        })
    }

    /// Moves an endpoint's cursor, and parks an event with it where one is given up on; on
    /// disk when it returns.
    pub fn set_cursor(
        &self,
        endpoint: &EndpointName,
        cursor: &Cursor,
        parked: Option<&Parked>,
    ) -> Result<(), StoreError> {
        let mut rows = vec![codec::put(keys::cursor(endpoint), cursor)];
        rows.extend(parked.map(|parked| codec::put(keys::parked(endpoint, parked.seq), parked)));
        self.inner.write(rows)?;
        Ok(())
    }

    /// Returns an endpoint's parked events, the earliest first.
    pub fn parked(&self, endpoint: &EndpointName, limit: usize) -> Result<Vec<Parked>, StoreError> {
        self.inner.read("reading parked events", |db| {
            scan::prefix(db, &keys::parked_prefix(endpoint))
                .take(limit)
                .map(|row| row.and_then(|(key, value)| codec::read_row(&key, &value)))
                .collect()
        })
    }
}
