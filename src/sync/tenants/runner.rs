//! Runs a tenant's job, and asks its source, whatever its connector is.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::connector::{Connector, FetchError};
use crate::model::{AppPlace, Mode, TenantId, TenantName, Trigger};
use crate::store::StoreError;

use crate::sync::{Job, Report};

type Ended = Pin<Box<dyn Future<Output = Result<Ran, StoreError>> + Send>>;
type Placed = Pin<Box<dyn Future<Output = Result<AppPlace, FetchError>> + Send>>;

/// Does runs of one tenant and asks its source, for callers that do not depend on its connector.
#[derive(Clone)]
pub struct Runner {
    run: Arc<dyn Fn(Trigger, Mode) -> Ended + Send + Sync>,
    find_app: Arc<dyn Fn(TenantId, String) -> Placed + Send + Sync>,
}

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
        let of_source = Arc::clone(&job);
        Self {
            run: Arc::new(move |trigger, mode| {
                let job = Arc::clone(&job);
                Box::pin(async move {
                    if let Some(other) = job.aside().await {
                        return Ok(Ran::Aside(other));
                    }
                    let mut run = job.start(trigger, mode);
                    let report = tokio::select! {
                        biased;
                        () = job.ending.triggered() => Err(StoreError::Closed),
                        report = run.ended() => report,
                    };
                    report.map(|it| Ran::Report(Box::new(it)))
                })
            }),
            find_app: Arc::new(move |tenant, app| {
                let job = Arc::clone(&of_source);
                Box::pin(async move { job.find_app(&tenant, &app).await })
            }),
        }
    }

    /// Asks the source where an app of the tenant is.
    pub(in crate::sync) async fn find_app(
        &self,
        tenant: TenantId,
        app: String,
    ) -> Result<AppPlace, FetchError> {
        (self.find_app)(tenant, app).await
    }

    /// Does one run, after the one under way if there is one. The run goes on even if the caller
    /// stops waiting.
    pub(in crate::sync) async fn run(
        &self,
        trigger: Trigger,
        mode: Mode,
    ) -> Result<Ran, StoreError> {
        (self.run)(trigger, mode).await
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}
