//! The end of an endpoint's loop.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Worker;
use crate::store::{Store, StoreError};

/// How long we wait for answers when the daemon ends. Without it, every restart would send events
/// twice.
/// Most receivers answer within seconds; systemd and Kubernetes kill after half a minute.
const GRACE: Duration = Duration::from_secs(10);

impl Worker {
    /// Waits briefly for what is under way, and stores its results.
    pub(super) async fn wind_down(&mut self) -> Result<(), StoreError> {
        let end = Instant::now() + GRACE;
        while let Ok(Some(joined)) = timeout_at(end, self.attempts.join_next()).await {
            self.arrive(joined)?;
        }
        self.attempts.abort_all();
        if let Some(saving) = self.saving.take() {
            saving.await?;
        }
        if self.state.is_dirty() {
            let writes = self.state.progress();
            let endpoint_store = Arc::clone(&self.endpoint_store);
            let write = move |store: &Store| endpoint_store.write(store, writes);
            self.dispatcher.store.offload(write).await?;
        }
        Ok(())
    }
}
