//! How a reading on a schedule of its own begins and ends, whatever it reads.

use crate::connector::Connector;
use crate::model::Outcome;
use crate::store::{Known, Store, StoreError, TenantNo};
use crate::sync::RunError;
use crate::sync::run::job::Job;
use crate::sync::run::outcome;
use crate::sync::run::running::Running;

/// Starts a reading.
#[expect(
    clippy::disallowed_methods,
    reason = "as with a run: it ends by itself, or its reader aborts it"
)]
pub(in crate::sync) fn start(
    reading: impl Future<Output = Result<Outcome, StoreError>> + Send + 'static,
) -> Running<Outcome> {
    Running(tokio::spawn(reading))
}

/// Returns the outcome of a reading. Fails only if the store fails: whatever the tenant answers
/// becomes the outcome.
pub(in crate::sync) fn outcome_of(ended: Result<Outcome, RunError>) -> Result<Outcome, StoreError> {
    match ended {
        Ok(outcome) => Ok(outcome),
        Err(RunError::Store { source }) if source.is_fatal() => Err(source),
        Err(error) => Ok(outcome::failed(&error)),
    }
}

impl<C: Connector> Job<C> {
    /// Returns the tenant and what `read` finds about it; `None` if the first load of the tenant
    /// has not ended, or if the tenant is read under another name.
    pub(in crate::sync) async fn to_read_apart<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Store, TenantNo) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<Option<(Known, T)>, StoreError> {
        let name = self.name.clone();
        self.store
            .offload(move |store| {
                let tenants = store.tenants()?.into_iter();
                let mut tenants = tenants.filter(|known| known.loaded.is_some());
                let Some(known) = tenants.find(|known| known.name == name) else {
                    return Ok(None);
                };
                let found = read(store, known.no)?;
                Ok(Some((known, found)))
            })
            .await
    }
}
