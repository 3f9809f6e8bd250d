//! Reads of the database with its errors in our words.

use sled::IVec;

use super::error::StoreError;

/// Reads one value.
pub fn get(db: &sled::Db, key: &[u8]) -> Result<Option<IVec>, StoreError> {
    db.get(key)
        .map_err(|error| StoreError::sled("reading a value", error))
}

/// Reads the last value before a key.
pub fn before(db: &sled::Db, key: &[u8]) -> Result<Option<(IVec, IVec)>, StoreError> {
    db.get_lt(key)
        .map_err(|error| StoreError::sled("reading the value before a key", error))
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
