//! Reads the database, translating its errors into ours and keeping its cache from growing.
//!
//! sled 0.34.7 limits its cache, but it only notices an access to a page when the queue of the
//! page's shard is full: 64 accesses in each of 256 shards. A reader that visits each page once, as
//! every scan does and every change of a few rows among many, keeps up to sixteen thousand pages in
//! memory, and a page of records has up to 150 KiB. So after a certain number of bytes we read one
//! page again, often enough to fill its queue.

use std::cell::Cell;

use sled::IVec;

use crate::store::error::StoreError;
use crate::store::layout::keys::Key;

/// Accesses that fill the queue of any shard.
const QUEUE: usize = 64;

/// Bytes of pages that may enter the cache between two repeated reads: all queues together then
/// stand for at most 256 times as much.
const TRIM_EVERY: usize = 256 * 1024;

/// The factor by which the bytes of a single row count. Reading one row brings in its page, of up
/// to sixteen rows. A scan visits the others itself; its rows count four times, to stay well below
/// the limit.
const OF_A_POINT: usize = 16;
const OF_A_SCAN: usize = 4;

/// Reads one value.
pub fn get(db: &sled::Db, key: &[u8]) -> Result<Option<IVec>, StoreError> {
    let value = db
        .get(key)
        .map_err(|error| StoreError::sled("reading a value", error))?;
    if let Some(value) = &value {
        trim(db, key, value.len() * OF_A_POINT)?;
    }
    Ok(value)
}

/// Counts what was written at a key, for a database that is filled in the order of its keys.
pub fn written(db: &sled::Db, key: &[u8], n_bytes: usize) -> Result<(), StoreError> {
    trim(db, key, n_bytes * OF_A_SCAN)
}

#[cfg(test)]
thread_local! {
    /// How many rows this thread has read.
    pub static N_READ: Cell<u64> = const { Cell::new(0) };
}

/// Counts what entered the cache with a key, and makes sled trim the cache when it is time.
fn trim(db: &sled::Db, key: &[u8], n_bytes: usize) -> Result<(), StoreError> {
    thread_local! {
        static READ: Cell<usize> = const { Cell::new(0) };
    }
    #[cfg(test)]
    N_READ.set(N_READ.get() + 1);
    let read = READ.get() + n_bytes;
    if read < TRIM_EVERY {
        READ.set(read);
        return Ok(());
    }
    READ.set(0);
    for _ in 0..QUEUE {
        db.get(key)
            .map_err(|error| StoreError::sled("reading a value again", error))?;
    }
    Ok(())
}

/// Reads the row that covers a key, where each row covers the keys from its own up to the next
/// row's: the last row at or before the key; if there is none, the first key, whether it has a row
/// or not.
pub fn holding(
    db: &sled::Db,
    prefix: Key,
    mut key: Key,
) -> Result<(Key, Option<IVec>), StoreError> {
    key.push(0);
    let found = db
        .get_lt(key)
        .map_err(|error| StoreError::sled("reading the value before a key", error))?;
    match found {
        Some((key, value)) if key.starts_with(&prefix) => {
            trim(db, &key, value.len() * OF_A_POINT)?;
            Ok((key.to_vec(), Some(value)))
        }
        Some(_) | None => Ok((prefix, None)),
    }
}

/// Returns the next key; `None` if no further key has the prefix.
pub fn key_after(db: &sled::Db, prefix: &[u8], key: &[u8]) -> Result<Option<Key>, StoreError> {
    let found = db
        .get_gt(key)
        .map_err(|error| StoreError::sled("reading the value after a key", error))?;
    Ok(found
        .map(|(key, _)| key.to_vec())
        .filter(|key| key.starts_with(prefix)))
}

/// Reads all rows with a prefix, from the lowest key on; iterate from the back to read backwards.
pub fn prefix(
    db: &sled::Db,
    prefix: &[u8],
) -> impl DoubleEndedIterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    let rows = db.scan_prefix(prefix);
    let db = db.clone();
    rows.map(move |row| trimmed(&db, row))
}

/// Reads from a key on, or after it, up to the end of a prefix.
pub fn after(
    db: &sled::Db,
    prefix: &[u8],
    after: std::ops::Bound<Vec<u8>>,
) -> impl Iterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    let prefix = prefix.to_vec();
    let rows = db.range::<Vec<u8>, _>((after, std::ops::Bound::Unbounded));
    let db = db.clone();
    rows.map(move |row| trimmed(&db, row))
        .take_while(move |row| match row {
            Ok((key, _)) => key.starts_with(&prefix),
            Err(_) => true,
        })
}

/// Reads rows with a prefix backwards, starting before a key.
pub fn before(
    db: &sled::Db,
    prefix: Key,
    end: Key,
) -> impl Iterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    let rows = db.range(prefix..end).rev();
    let db = db.clone();
    rows.map(move |row| trimmed(&db, row))
}

fn trimmed(db: &sled::Db, row: sled::Result<(IVec, IVec)>) -> Result<(IVec, IVec), StoreError> {
    let (key, value) = row.map_err(|error| StoreError::sled("reading a range", error))?;
    trim(db, &key, value.len() * OF_A_SCAN)?;
    Ok((key, value))
}
