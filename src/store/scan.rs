//! Reads of the database with its errors in our words.

use sled::IVec;

use super::error::StoreError;
use super::keys::Key;

/// Reads one value.
pub fn get(db: &sled::Db, key: &[u8]) -> Result<Option<IVec>, StoreError> {
    db.get(key)
        .map_err(|error| StoreError::sled("reading a value", error))
}

/// Reads the row that a key falls into, of rows that each hold what is from its own key on to
/// the next one's: the last one at the key or before; the first one, whether it is there or
/// not, if none is.
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
        Some((key, value)) if key.starts_with(&prefix) => Ok((key.to_vec(), Some(value))),
        Some(_) | None => Ok((prefix, None)),
    }
}

/// Returns the key that follows, if it has the prefix.
pub fn key_after(db: &sled::Db, prefix: &[u8], key: &[u8]) -> Result<Option<Key>, StoreError> {
    let found = db
        .get_gt(key)
        .map_err(|error| StoreError::sled("reading the value after a key", error))?;
    Ok(found
        .map(|(key, _)| key.to_vec())
        .filter(|key| key.starts_with(prefix)))
}

/// Reads what begins with a prefix, from the lowest key on; the other end reads back.
pub fn prefix(
    db: &sled::Db,
    prefix: &[u8],
) -> impl DoubleEndedIterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    db.scan_prefix(prefix).map(in_our_words)
}

/// Reads from a key on, or from behind it, up to the end of a prefix.
pub fn after(
    db: &sled::Db,
    prefix: &[u8],
    after: std::ops::Bound<Vec<u8>>,
) -> impl Iterator<Item = Result<(IVec, IVec), StoreError>> + use<> {
    let prefix = prefix.to_vec();
    db.range::<Vec<u8>, _>((after, std::ops::Bound::Unbounded))
        .map(in_our_words)
        .take_while(move |row| match row {
            Ok((key, _)) => key.starts_with(&prefix),
            Err(_) => true,
        })
}

fn in_our_words(row: sled::Result<(IVec, IVec)>) -> Result<(IVec, IVec), StoreError> {
    row.map_err(|error| StoreError::sled("reading a range", error))
}
