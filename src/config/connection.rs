//! A valid connection: how to log in, and which tenants it reaches.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::connector::qlik::{Budget, Credentials, Selection, TenantHost};
use crate::environment_proxy::EnvironmentProxy;

/// A valid connection.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    pub(super) credentials: Credentials,
    pub(super) budget: Budget,
    pub(super) outlast: Duration,
    pub(super) proxies: EnvironmentProxy,
    pub(super) reach: Reach,
}

/// Which tenants a connection reaches.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    /// The tenants that name it.
    Given,
    /// These hosts as well.
    Hosts(Vec<TenantHost>),
    /// Those that a console lists as well.
    Console(Box<Console>),
}

/// Connections by name; `None` for an invalid one, so that a tenant may name it without causing a
/// second error.
pub(super) type Connections = BTreeMap<String, Option<Connection>>;

/// The console of a connection, and what it is for.
#[derive(Debug, Clone)]
pub(super) struct Console {
    pub(super) host: TenantHost,
    pub(super) selection: Selection,
    /// The path of the key `read_with`, which problems name. The field below has its value: the
    /// connection whose client reads the tenants, or `None` if this connection's own client does.
    pub(super) key: String,
    pub(super) read_with: Option<String>,
    pub(super) interval: Duration,
}
