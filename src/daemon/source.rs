//! The source that tenants are read from; a second one is added here.

use crate::clock::Clock;
use crate::config::TenantConfig;
use crate::connector::qlik::Qlik;

pub(super) use crate::connector::qlik::BuildError;

/// What reads a tenant. With a second source this is an enum that implements `Connector` by asking
/// the one or the other.
pub(super) type Source = Qlik;

/// Prepares to read a tenant; no request is sent.
pub(super) fn connect(tenant: &TenantConfig, clock: &Clock) -> Result<Source, BuildError> {
    Qlik::new(tenant.options.clone(), clock.clone())
}
