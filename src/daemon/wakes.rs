//! The wakes for the deliveries to each endpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::deliver::Endpoint;
use crate::model::EndpointName;
use crate::signal::Wake;

/// One wake for each endpoint, triggered when something was committed.
#[derive(Debug, Clone)]
pub struct Wakes(Arc<BTreeMap<EndpointName, Wake>>);

impl Wakes {
    pub(super) fn of(endpoints: &[Endpoint]) -> Self {
        let wakes = endpoints
            .iter()
            .map(|endpoint| (endpoint.name().clone(), Wake::default()));
        Self(Arc::new(wakes.collect()))
    }

    /// Wakes all deliveries.
    pub fn wake_all(&self) {
        self.0.values().for_each(Wake::wake);
    }

    /// Returns the wake of an endpoint.
    pub fn of_endpoint(&self, name: &EndpointName) -> Wake {
        self.0.get(name).cloned().unwrap_or_default()
    }
}
