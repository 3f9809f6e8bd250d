//! Reads the row that lists what was lost with damaged stores.

use crate::model::HistoryLoss;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys;
use crate::store::layout::rows::read_history_losses;

/// Reads all losses of a database.
pub fn read(db: &sled::Db) -> Result<Vec<HistoryLoss>, StoreError> {
    let key = keys::history_losses();
    match scan::get(db, &key)? {
        Some(value) => read_history_losses(&key, &value),
        None => Ok(Vec::new()),
    }
}
