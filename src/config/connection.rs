//! A connection that holds: how to log in, and which tenants that leads to.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::connector::qlik::{Budget, Credentials, Selection, TenantHost};
use crate::environment_proxy::EnvironmentProxy;

/// A connection that holds.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) credentials: Credentials,
    pub(super) budget: Budget,
    pub(super) outlast: Duration,
    pub(super) proxies: EnvironmentProxy,
    pub(super) reach: Reach,
}

/// Which tenants a connection leads to.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// Those that name it.
    Given,
    /// These hosts as well.
    Hosts(Vec<TenantHost>),
    /// Those that a console lists as well.
    Console(Box<Console>),
}

/// Connections by name; none for one that something is wrong with, so that a tenant may
/// name it without a second complaint.
pub(super) type Connections = BTreeMap<String, Option<Connection>>;

/// The console of a connection, and what it is for.
#[derive(Debug, Clone)]
pub(super) struct Console {
    pub(super) host: TenantHost,
    pub(super) selection: Selection,
    /// Its key, and the name of the connection whose client reads the tenants; `None` for its own.
    pub(super) key: String,
    pub(super) read_with: Option<String>,
    pub(super) interval: Duration,
}
