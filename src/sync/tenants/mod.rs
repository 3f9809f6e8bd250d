//! Which tenants are read, when, and by whom; the loop of a tenant.

pub(super) mod claims;
pub(super) mod freshness;
pub(super) mod runner;
pub(super) mod schedule;
pub(super) mod tenant_registry;
pub(super) mod worker;
