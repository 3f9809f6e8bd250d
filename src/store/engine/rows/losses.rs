//! The row that lists what was lost with damaged stores.

use crate::model::HistoryLoss;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v3};

/// Reads all losses of a database.
pub fn read(db: &sled::Db) -> Result<Vec<HistoryLoss>, StoreError> {
    let key = keys::history_losses();
    match scan::get(db, &key)? {
        Some(value) => {
            let v3::HistoryLosses(losses) = codec::read_row(&key, &value)?;
            Ok(losses.into_iter().map(Into::into).collect())
        }
        None => Ok(Vec::new()),
    }
}
