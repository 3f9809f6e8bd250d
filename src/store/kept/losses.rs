//! What was lost with damaged stores, until an operator has acknowledged it.

use crate::lock::lock;
use crate::model::{HistoryLoss, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::{keys, rows};

impl Store {
    /// Returns what was lost with damaged stores, the earliest first.
    pub fn history_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        self.engine.read("reading what was lost", |reader| {
            let key = keys::history_losses();
            match reader.get(&key)? {
                Some(value) => rows::read_history_losses(&key, &value),
                None => Ok(Vec::new()),
            }
        })
    }

    /// Returns the losses that no operator has acknowledged.
    pub fn open_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        let mut losses = self.history_losses()?;
        losses.retain(|loss| loss.accepted_at.is_none());
        Ok(losses)
    }

    /// Returns the latest loss that no operator has acknowledged; `None` if there is none.
    pub fn open_loss(&self) -> Result<Option<HistoryLoss>, StoreError> {
        Ok(self.open_losses()?.pop())
    }

    /// Acknowledges all losses on behalf of an operator. Returns those that were not acknowledged
    /// before.
    pub fn accept_losses(&self, now: Timestamp) -> Result<Vec<HistoryLoss>, StoreError> {
        let _alone = lock(&self.guards.numbering);
        let mut losses = self.history_losses()?;
        let mut accepted = Vec::new();
        for loss in losses.iter_mut().filter(|loss| loss.accepted_at.is_none()) {
            loss.accepted_at = Some(now);
            accepted.push(loss.clone());
        }
        if !accepted.is_empty() {
            self.engine.write(vec![rows::history_losses(losses)])?;
        }
        Ok(accepted)
    }
}
