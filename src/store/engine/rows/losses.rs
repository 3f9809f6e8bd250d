//! The row that lists what was lost with damaged stores.

use crate::model::HistoryLoss;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v3};

/// The most losses to keep. If there are more, nobody needs the first ones any more.
const KEPT: usize = 50;

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

/// Encodes them as a row.
pub fn row(losses: Vec<HistoryLoss>) -> (keys::Key, Option<Vec<u8>>) {
    let n_over = losses.len().saturating_sub(KEPT);
    let losses = losses.into_iter().skip(n_over).map(Into::into).collect();
    codec::put(keys::history_losses(), &v3::HistoryLosses(losses))
}
