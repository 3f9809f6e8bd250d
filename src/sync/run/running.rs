//! A run or a poll that is under way.

use tokio::task::JoinHandle;

use crate::store::StoreError;

use crate::sync::Report;

/// A run under way, or a poll.
#[derive(Debug)]
pub(in crate::sync) struct Running<T = Report>(pub(super) JoinHandle<Result<T, StoreError>>);

impl<T> Running<T> {
    /// Waits until it has ended.
    pub(in crate::sync) async fn ended(&mut self) -> Result<T, StoreError> {
        match (&mut self.0).await {
            Ok(report) => report,
            Err(broken) => match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Aborted: the process ends, and whoever waits here with it.
                Err(_aborted) => std::future::pending().await,
            },
        }
    }

    /// Ends it at its next await: what it has committed stays.
    pub(in crate::sync) fn abort(&self) {
        self.0.abort();
    }
}
