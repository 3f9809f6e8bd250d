//! What was lost with damaged stores, until an operator has acknowledged it.

use crate::lock::lock;
use crate::model::{Fact, HistoryLoss, Missing, Timestamp};
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

    /// Reports to everybody that the store was restored from a backup, so that what was found after
    /// it is missing. Nobody may write meanwhile.
    pub(in crate::store) fn note_restored(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut losses = self.history_losses()?;
        let missing = Missing::default();
        losses.push(HistoryLoss {
            at: now,
            entry: self.last_seq().next(),
            // Nothing was moved: the store itself was made of the backup.
            moved_to: String::new(),
            damage: "it was restored from a backup".to_owned(),
            missing,
            accepted_at: None,
        });
        let rows = vec![rows::history_losses(losses)];
        let fact = Some((now, Fact::HistoryLost(missing)));
        self.engine.write_with_fact(rows, fact).map(drop)
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
