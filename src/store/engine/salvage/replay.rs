//! Writes the content of a damaged database's log into a new database, in the order of writing.
//!
//! A page that can be read replaces its whole range: whatever else is in that range is older.

use std::ops::Bound;
use std::path::Path;

use crate::doing::counting;
use crate::store::engine::log::{Log, RowChange};
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::keys::Key;

/// Changes between two garbage collections.
const COLLECT_EVERY: u64 = 200;

/// Replays the log of a database. Returns how many changes it had.
pub fn all(database: &Path, into: &sled::Db) -> Result<u64, StoreError> {
    let failed = |error| StoreError::io("reading the damaged store's log", error);
    let mut log = Log::open(database).map_err(failed)?;
    let (_doing, looked) = counting("reading the damaged store's log", "changes");
    let mut n_changes: u64 = 0;
    let mut outcome = Ok(());
    let read = log.replay(&mut |change| {
        n_changes += 1;
        looked.add(1);
        if n_changes.is_multiple_of(COLLECT_EVERY) {
            garbage::collect_garbage();
        }
        outcome = apply(into, change);
        match outcome {
            Ok(()) => Ok(()),
            Err(_) => Err(std::io::Error::other("writing what was read")),
        }
    });
    outcome?;
    read.map_err(failed)?;
    Ok(n_changes)
}

fn apply(into: &sled::Db, change: RowChange) -> Result<(), StoreError> {
    let mut edits = sled::Batch::default();
    match change {
        RowChange::Set(key, value) => edits.insert(key, value),
        RowChange::Delete(key) => edits.remove(key),
        RowChange::Page { low, high, rows } => {
            let end = match high.is_empty() {
                true => Bound::Unbounded,
                false => Bound::Excluded(high),
            };
            for row in into.range::<Key, _>((Bound::Included(low), end)) {
                let (key, _) = row.map_err(|error| StoreError::sled("reading a range", error))?;
                if rows
                    .binary_search_by(|row| row.0.as_slice().cmp(&key))
                    .is_err()
                {
                    edits.remove(key);
                }
            }
            for (key, value) in rows {
                scan::written(into, &key, value.len())?;
                edits.insert(key, value);
            }
        }
    }
    into.apply_batch(edits)
        .map_err(|error| StoreError::sled("writing what the log says", error))
}
