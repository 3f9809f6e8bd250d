//! The source that tenants are read from; a second one is added here.

use crate::clock::Clock;
use crate::config::TenantConfig;
use crate::connector::qlik::Qlik;
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
