//! Reads the row that says how far the store has got.

use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys;
use crate::store::values::head::Head;

/// Reads the head of a database.
pub fn find(db: &sled::Db) -> Result<Option<Head>, StoreError> {
    let key = keys::head();
    match scan::get(db, &key)? {
        Some(value) => Ok(Some(Head::read(&key, &value)?)),
        None => Ok(None),
    }
}
