//! A run or a poll that is under way, and how a run ended.

use tokio::task::JoinHandle;

use crate::model::{Change, Run};
use crate::store::StoreError;

/// How a run ended.
#[derive(Debug)]
pub struct Report {
    /// The run's record, as the store keeps it.
    pub run: Run,
    /// What would change; filled only by a dry run.
    pub preview: Vec<Change>,
}

/// A run under way, or a poll.
#[derive(Debug)]
pub(in crate::sync) struct Running<T = Report>(
    pub(in crate::sync) JoinHandle<Result<T, StoreError>>,
);

impl<T> Running<T> {
    /// Waits until the run has ended.
    pub(in crate::sync) async fn ended(&mut self) -> Result<T, StoreError> {
        match (&mut self.0).await {
            Ok(report) => report,
            Err(broken) => match broken.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // Aborted: the process is ending, and so is the caller.
                Err(_aborted) => std::future::pending().await,
            },
        }
    }

    /// Stops the run at its next await: what it has committed stays.
    pub(in crate::sync) fn abort(&self) {
        self.0.abort();
    }
}
