//! What an operator orders for the store itself, and what was lost with a damaged one.

use crate::model::{HistoryLoss, Seq, StoreCheck};
use crate::store::{Compacted, Store};
use crate::telemetry::Sample;

use super::acting::Acting;
use super::page::{self, PageBuilder};
use super::query::LossChoice;
use super::reading::Reading;
use super::{Begun, Command, ControlError, Page, Query, command, query};

impl Query for query::HistoryLosses {
    type Answer = Page<HistoryLoss, Seq>;

    fn about(&self) -> &'static str {
        "what was lost"
    }

    fn answer(self, reading: &Reading<'_>) -> Result<Self::Answer, ControlError> {
        let losses = match self.which {
            LossChoice::All => reading.store.history_losses()?,
            LossChoice::Open => reading.store.open_losses()?,
        };
        let mut builder = PageBuilder::begin(self.after, page::size(self.limit));
        let rows = builder.take(losses, |loss| loss.entry);
        let next = builder.next();
        Ok(Page { rows, next })
    }
}

impl Command for command::AcceptLosses {
    type Answer = Vec<HistoryLoss>;

    fn about(&self) -> &'static str {
        "acknowledge what was lost"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        let losses = acting.store.accept_losses(acting.context.clock.now())?;
        if !losses.is_empty() {
            tracing::info!(by = %acting.by, "Lost history was acknowledged by {}", acting.by);
        }
        Ok(losses)
    }
}

impl Command for command::CheckStore {
    type Answer = Begun<StoreCheck>;

    fn about(&self) -> &'static str {
        "check the store"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        let store = acting.store.clone();
        let check = async move { Ok(store.offload(Store::check).await?) };
        Ok(acting.context.tasks.begin(check))
    }
}

impl Command for command::CompactStore {
    type Answer = Begun<Compacted>;

    fn about(&self) -> &'static str {
        "compact the store"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<Self::Answer, ControlError> {
        tracing::info!(by = %acting.by, "A compaction was ordered by {}", acting.by);
        let (store, metrics) = (acting.store.clone(), acting.context.metrics.clone());
        let compact = async move {
            let compacted = store.offload(Store::compact_beside).await;
            let compacted = compacted.map_err(|source| ControlError::Compact { source })?;
            metrics.count(Sample::StoreCompactions {});
            Ok(compacted)
        };
        Ok(acting.context.tasks.begin(compact))
    }
}
