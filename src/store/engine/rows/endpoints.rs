//! The rows that endpoints have, and the names of endpoints that have any.

use std::collections::BTreeSet;
use std::ops::Bound;

use crate::model::EndpointName;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key, Keyspace};

/// Keyspaces whose rows each belong to an endpoint, except the cursors.
const OF_ENDPOINTS: [Keyspace; 5] = [
    Keyspace::Parked,
    Keyspace::Deferred,
    Keyspace::Replay,
    Keyspace::Order,
    Keyspace::Attempts,
];

/// Returns the names of all endpoints that have rows.
pub fn known(db: &sled::Db) -> Result<BTreeSet<EndpointName>, StoreError> {
    let named = |key: &[u8], bytes: Option<&[u8]>| {
        let name = bytes.and_then(|name| str::from_utf8(name).ok());
        let name = name.ok_or_else(|| codec::flawed(key, "of no endpoint"))?;
        Ok::<_, StoreError>(EndpointName(name.to_owned()))
    };
    let mut known = BTreeSet::new();
    for row in scan::prefix(db, &[Keyspace::Cursor as u8]) {
        let (key, _) = row?;
        known.insert(named(&key, key.get(1..))?);
    }
    for keyspace in OF_ENDPOINTS {
        let mut next = Bound::Included(vec![keyspace as u8]);
        while let Some(row) = scan::after(db, &[keyspace as u8], next).next() {
            let (key, _) = row?;
            let part = keys::endpoint_part(&key);
            known.insert(named(&key, part.and_then(|part| part.get(5..)))?);
            next = Bound::Excluded(keys::behind_endpoint(part.unwrap_or_default()));
        }
    }
    Ok(known)
}

/// Returns the keys of some rows of an endpoint, not counting its cursor.
pub fn rows_of(db: &sled::Db, name: &EndpointName, limit: usize) -> Result<Vec<Key>, StoreError> {
    let mut rows = Vec::new();
    for keyspace in OF_ENDPOINTS {
        for row in scan::prefix(db, &keys::of_endpoint(keyspace, name)) {
            if rows.len() == limit {
                return Ok(rows);
            }
            rows.push(row?.0.to_vec());
        }
    }
    Ok(rows)
}
