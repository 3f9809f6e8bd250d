//! What was lost with damaged stores, until an operator has taken note of it.

use crate::model::{HistoryLoss, Timestamp};
use crate::store::engine::inner::held;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{codec, keys, v3};

/// Losses that are kept. Whoever has this many has other worries than the first of them.
pub const KEPT: usize = 50;

impl Store {
    /// Returns what was lost with damaged stores, the earliest first.
    pub fn history_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        self.inner.read("reading what was lost", read)
    }

    /// Returns those that no operator has taken note of.
    pub fn open_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        let mut losses = self.history_losses()?;
        losses.retain(|loss| loss.accepted_at.is_none());
        Ok(losses)
    }

    /// Returns the last of them.
    pub fn open_loss(&self) -> Result<Option<HistoryLoss>, StoreError> {
        Ok(self.open_losses()?.pop())
    }

    /// Notes that an operator knows of all losses. Returns those that were new.
    pub fn accept_losses(&self, now: Timestamp) -> Result<Vec<HistoryLoss>, StoreError> {
        let _alone = held(&self.inner.numbering);
        let mut losses = self.history_losses()?;
        let mut accepted = Vec::new();
        for loss in losses.iter_mut().filter(|loss| loss.accepted_at.is_none()) {
            loss.accepted_at = Some(now);
            accepted.push(loss.clone());
        }
        if !accepted.is_empty() {
            self.inner.write(vec![row(losses)])?;
        }
        Ok(accepted)
    }
}

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

/// Makes the row of them.
pub fn row(losses: Vec<HistoryLoss>) -> (keys::Key, Option<Vec<u8>>) {
    let n_over = losses.len().saturating_sub(KEPT);
    let losses = losses.into_iter().skip(n_over).map(Into::into).collect();
    codec::put(keys::history_losses(), &v3::HistoryLosses(losses))
}
