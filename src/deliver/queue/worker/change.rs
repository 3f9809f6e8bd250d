//! Goes on with other settings of the endpoint.

use tracing::{info, warn};

use super::Worker;
use super::setup::Setup;
use crate::deliver::error::DeliverError;
use crate::deliver::queue::rate::Rate;
use crate::store::StoreError;

impl Worker {
    /// Goes on with other settings of the endpoint, from what is stored. Call it only while nothing
    /// is under way.
    pub(super) async fn take_change(&mut self) -> Result<(), StoreError> {
        let Some(endpoint) = self.change.take() else {
            return Ok(());
        };
        let (feed, clock) = (&self.dispatcher.feed, self.dispatcher.clock.clone());
        let name = endpoint.name();
        let Setup {
            dispatcher,
            endpoint_store,
            mut state,
        } = match Setup::of(&endpoint, feed, clock).await {
            Ok(setup) => setup,
            Err(DeliverError::Store(source)) => return Err(source),
            Err(error @ DeliverError::Client(_)) => {
                warn!(
                    endpoint.id = %name, error.code = error.code(), error = %error,
                    "The new settings of endpoint `{name}` cannot be used, and the old ones stay: \
                     {error}"
                );
                return Ok(());
            }
        };
        info!(endpoint.id = %name, "Endpoint `{name}` has other settings from now on");
        state.totals = self.state.totals;
        self.rate = endpoint.flow().max_per_second.map(Rate::per_second);
        self.is_consented = endpoint.handshake().is_none();
        self.batch_since = None;
        (self.dispatcher, self.endpoint_store) = (dispatcher, endpoint_store);
        self.state = state;
        Ok(())
    }
}
