//! The tenants that are read, and the names of the endpoints that receive events and of exports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The source's immutable id of a tenant. State is keyed by it, never by a host name, since
/// one tenant may have several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantId(pub String);

/// What the operator calls a tenant in the configuration, in commands and in the API.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TenantName(pub String);

/// What the operator calls a webhook endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EndpointName(pub String);

/// What the operator calls an export that is written on a schedule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExportName(pub String);

impl fmt::Display for TenantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for TenantName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for EndpointName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Display for ExportName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A tenant as the source describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// Its immutable id.
    pub id: TenantId,
    /// Its display name.
    pub name: String,
    /// Its host names, the original one first.
    pub hosts: Vec<String>,
    /// The region that keeps its data, as the source spells it.
    pub region: Option<String>,
    /// `active`, `disabled` and so on, as the source spells it.
    pub status: Option<String>,
}

impl Tenant {
    /// Returns the tenant as entries refer to it.
    pub fn account(&self) -> Account {
        Account {
            tenant: self.id.clone(),
            name: self.name.clone(),
            region: self.region.clone(),
        }
    }
}

/// The tenant of an entry, as it was called when the entry was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The tenant.
    pub tenant: TenantId,
    /// Its display name at that time.
    pub name: String,
    /// Its region.
    pub region: Option<String>,
}
