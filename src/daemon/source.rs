//! The source that tenants are read from; a second one is added here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::clock::Clock;
use crate::config::TenantConfig;
use crate::connector::qlik::Qlik;
use crate::lock::lock;
use crate::model::{ConnectionName, TenantName};
use crate::telemetry::Metrics;

pub(super) use crate::connector::qlik::BuildError;

/// What reads a tenant. With a second source this is an enum that implements `Connector` by asking
/// the one or the other.
pub(super) type Source = Qlik;

/// Prepares to read a tenant; no request is sent.
pub(super) fn connect(
    tenant: &TenantConfig,
    clock: &Clock,
    metrics: &Metrics,
) -> Result<Source, BuildError> {
    let source = Qlik::new(tenant.options.clone(), clock.clone())?;
    Ok(source.measured(metrics.clone(), tenant.name.clone()))
}

/// What reads each tenant, with the connection that it is read over. Clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Sources(Arc<Mutex<BTreeMap<TenantName, (ConnectionName, Source)>>>);

impl Sources {
    pub(super) fn add(&self, tenant: &TenantConfig, source: Source) {
        let of = (tenant.connection.clone(), source);
        lock(&self.0).insert(tenant.name.clone(), of);
    }

    pub(super) fn get(&self, name: &TenantName) -> Option<Source> {
        lock(&self.0).get(name).map(|(_, source)| source.clone())
    }

    /// Returns what reads the tenants of a connection.
    pub(super) fn over(&self, connection: &ConnectionName) -> Vec<Source> {
        let all = lock(&self.0);
        let over = all.values().filter(|(over, _)| over == connection);
        over.map(|(_, source)| source.clone()).collect()
    }
}
