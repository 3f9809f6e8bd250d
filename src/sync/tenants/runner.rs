//! Runs a tenant's job, whatever its connector is.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::connector::Connector;
use crate::model::{Mode, TenantName, Trigger};
use crate::store::StoreError;

use crate::sync::{Job, Report};

type Ended = Pin<Box<dyn Future<Output = Result<Ran, StoreError>> + Send>>;

/// Does runs of one tenant, for callers that do not depend on its connector.
#[derive(Clone)]
pub struct Runner(Arc<dyn Fn(Trigger, Mode) -> Ended + Send + Sync>);

/// The result of asking for a run.
#[derive(Debug)]
pub(in crate::sync) enum Ran {
    /// A run took place, whatever its outcome.
    Report(Box<Report>),
    /// There was no run: the tenant is read under this name.
    Aside(TenantName),
}

impl Runner {
    /// Makes a runner from a job.
    pub fn of<C: Connector>(job: Arc<Job<C>>) -> Self {
        Self(Arc::new(move |trigger, mode| {
            let job = Arc::clone(&job);
            Box::pin(async move {
                match job.aside().await {
                    Some(other) => Ok(Ran::Aside(other)),
                    None => job
                        .start(trigger, mode)
                        .ended()
                        .await
                        .map(|it| Ran::Report(Box::new(it))),
                }
            })
        }))
    }

    /// Does one run, after the one under way if there is one. The run goes on even if the caller
    /// stops waiting.
    pub(in crate::sync) async fn run(
        &self,
        trigger: Trigger,
        mode: Mode,
    ) -> Result<Ran, StoreError> {
        (self.0)(trigger, mode).await
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}
