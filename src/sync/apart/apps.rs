//! Asks the source where an app is, for somebody who waits for the answer.

use crate::connector::{Connector, FetchError};
use crate::model::{AppPlace, TenantId};
use crate::sync::run::job::Job;
use crate::sync::run::measure;

impl<C: Connector> Job<C> {
    /// Asks where an app of the tenant is. The requests go through the same gate as all others, and
    /// are counted as those of a poll are.
    pub(in crate::sync) async fn find_app(
        &self,
        tenant: &TenantId,
        app: &str,
    ) -> Result<AppPlace, FetchError> {
        let counting = Counting(self);
        let place = self.connector.app(tenant, app).await;
        drop(counting);
        place
    }
}

/// Counts the requests when it is dropped, also if nobody waits for the answer any more.
struct Counting<'a, C: Connector>(&'a Job<C>);

impl<C: Connector> Drop for Counting<'_, C> {
    fn drop(&mut self) {
        let Self(job) = self;
        // Count only requests that no run has counted or will count.
        if !job.turns.is_swept() {
            let traffic = job.connector.take_traffic();
            measure::traffic(&job.metrics, &job.name, &traffic);
        }
    }
}
