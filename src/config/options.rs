//! A configuration that holds, as the rest of the program gets it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Idle;
use crate::connector::qlik;
use crate::deliver::Endpoint;
use crate::environment_proxy::EnvironmentProxy;
use crate::model::{ConnectionName, TenantName};
use crate::secret::Secret;
use crate::store::Retention;
use crate::sync::{Listening, Rank, RemovalPolicy, Schedule};
use crate::telemetry::LogOptions;

/// A configuration that holds.
#[derive(Debug)]
pub struct Config {
    /// The file that it was read from.
    pub source: PathBuf,
    /// The store's folder.
    pub store: PathBuf,
    /// How long it keeps what has happened.
    pub retention: Retention,
    /// How the API and the console are reached.
    pub server: ServerOptions,
    /// When tenants are read that have no schedule of their own.
    pub sync: SyncOptions,
    /// The tenants to read: those with a name, then those that are hosts of a region.
    pub tenants: Vec<TenantConfig>,
    /// The organizations whose tenants are found by asking.
    pub organizations: Vec<OrganizationConfig>,
    /// The endpoints to tell.
    pub endpoints: Vec<Endpoint>,
    /// The environment's forward proxy.
    pub proxies: EnvironmentProxy,
    /// How log lines look and which are written.
    pub log: LogOptions,
    /// Settings that do nothing.
    pub idle: Vec<Idle>,
}

/// How the API and the console are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// The address to listen on.
    pub listen: SocketAddr,
}

/// When tenants are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOptions {
    /// The schedule of tenants that have none of their own.
    pub schedule: Schedule,
    /// How much later at random a run may begin.
    pub jitter: Duration,
    /// How many tenants are read at one time.
    pub concurrency: usize,
}

/// A tenant to read.
#[derive(Debug, Clone)]
pub struct TenantConfig {
    /// What the operator calls it.
    pub name: TenantName,
    /// The connection that it is read over.
    pub connection: ConnectionName,
    /// Whether it was given a name.
    pub rank: Rank,
    /// Where it is and who we are to it.
    pub options: qlik::Options,
    /// When it is read.
    pub schedule: Schedule,
    /// How its audit log is listened to.
    pub listening: Listening,
    /// The secret of Qlik's own webhooks; `None` if they are not taken.
    pub webhook_secret: Option<Secret>,
    /// What may be removed without an operator.
    pub removal_policy: RemovalPolicy,
}

/// An organization whose tenants are found by asking.
#[derive(Debug, Clone)]
pub struct OrganizationConfig {
    /// The connection's name.
    pub name: ConnectionName,
    /// Where its console is, who we are there, and which tenants are meant.
    pub options: qlik::OrganizationOptions,
    /// How often the console is asked.
    pub interval: Duration,
    /// Who we are to the tenants.
    pub credentials: qlik::Credentials,
    /// How much we ask of each.
    pub budget: qlik::Budget,
    /// How long a listing of each outlasts an outage.
    pub outlast: Duration,
    /// When they are read.
    pub schedule: Schedule,
    /// How their audit logs are listened to.
    pub listening: Listening,
    /// What may be removed of each without an operator.
    pub removal_policy: RemovalPolicy,
}
