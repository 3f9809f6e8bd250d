//! Counts the live data of a database, and reads the row that records it.

use crate::model::Seq;
use crate::store::engine::rows::{head, journal};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v1};
use crate::store::values::count::{Count, Usage};

/// Returns the last count.
pub fn noted(db: &sled::Db) -> Result<Option<Usage>, StoreError> {
    let key = keys::usage();
    match scan::get(db, &key)? {
        Some(value) => Ok(Some(codec::read_row::<v1::Usage>(&key, &value)?.into())),
        None => Ok(None),
    }
}

/// Returns all rows except the one that records their number.
pub fn rows(db: &sled::Db) -> impl Iterator<Item = Result<(sled::IVec, sled::IVec), StoreError>> {
    let note = keys::usage();
    scan::prefix(db, &[]).filter(move |row| !matches!(row, Ok((key, _)) if **key == *note))
}

/// Counts the live data of a database.
pub fn count(db: &sled::Db) -> Result<Count, StoreError> {
    rows(db).try_fold(Count::default(), |mut count, row| {
        let (key, value) = row?;
        count.add(&key, &value);
        Ok(count)
    })
}

/// Bytes that a record and an entry take at least, for Qlik's data.
const RECORD: u64 = 256;

const ENTRY: u64 = 100;

/// Returns a lower bound of a database's live bytes, from the number of records and entries.
pub fn at_least(db: &sled::Db) -> Result<u64, StoreError> {
    let mut records = 0;
    for row in scan::prefix(db, &[keys::Keyspace::Census as u8]) {
        let (key, value) = row?;
        records += codec::read_row::<v1::Census>(&key, &value)?.count;
    }
    let last = head::find(db)?.map_or(Seq::START, |head| head.last);
    let entries = last.0.saturating_sub(journal::cut_at(db)?.0);
    Ok(records * RECORD + entries * ENTRY)
}
