//! What was lost with damaged stores, until an operator has taken note of it.

use crate::lock::lock;
use crate::model::{HistoryLoss, Timestamp};
use crate::store::engine::rows::losses::{read, row};
use crate::store::error::StoreError;
use crate::store::handle::Store;

impl Store {
    /// Returns what was lost with damaged stores, the earliest first.
    pub fn history_losses(&self) -> Result<Vec<HistoryLoss>, StoreError> {
        self.engine.read("reading what was lost", read)
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
        let _alone = lock(&self.guards.numbering);
        let mut losses = self.history_losses()?;
        let mut accepted = Vec::new();
        for loss in losses.iter_mut().filter(|loss| loss.accepted_at.is_none()) {
            loss.accepted_at = Some(now);
            accepted.push(loss.clone());
        }
        if !accepted.is_empty() {
            self.engine.write(vec![row(losses)])?;
        }
        Ok(accepted)
    }
}
