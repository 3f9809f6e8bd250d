//! A valid configuration, as the rest of the program gets it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::{NoEffect, TlsFiles, Written};
use crate::access::{IdleLimits, Separation};
use crate::connector::qlik;
use crate::deliver::Endpoint;
use crate::environment_proxy::EnvironmentProxy;
use crate::export::Export;
use crate::model::{ConnectionName, TenantName};
use crate::secret::Secret;
use crate::store::Retention;
use crate::sync::{PollSetting, Rank, Readings, RemovalPolicy, Schedule, SessionReadings};
use crate::telemetry::LogOptions;

/// A valid configuration.
#[derive(Debug)]
pub struct Config {
    /// The file that it was read from.
    pub source: PathBuf,
    /// The store's folder.
    pub store: PathBuf,
    /// How long it keeps history.
    pub retention: Retention,
    /// Where health checks and metrics are served and webhooks received.
    pub server: ServerOptions,
    /// When tenants without a schedule of their own are read.
    pub sync: SyncOptions,
    /// The tenants to read: first those with a name, then those listed as hosts of a region.
    pub tenants: Vec<TenantConfig>,
    /// The organizations whose tenants are discovered.
    pub organizations: Vec<OrganizationConfig>,
    /// The rules of separation of duties.
    pub separations: Vec<Separation>,
    /// How long users may be without a session before they are of concern.
    pub idle_limits: IdleLimits,
    /// The endpoints that receive events, and then those that receive alerts.
    pub endpoints: Vec<Endpoint>,
    /// The exports that are written on a schedule.
    pub exports: Vec<Export>,
    /// The environment's forward proxy.
    pub proxies: EnvironmentProxy,
    /// How log lines look and which are written.
    pub log: LogOptions,
    /// Settings that have no effect.
    pub without_effect: Vec<NoEffect>,
    /// The settings as written.
    pub written: Written,
}

/// Where health checks and metrics are served and webhooks received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerOptions {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// The certificate for TLS; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// When tenants are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncOptions {
    /// The schedule of tenants that have none of their own.
    pub schedule: Schedule,
    /// The largest random delay of a run.
    pub jitter: Duration,
    /// How many tenants are read at the same time.
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
    /// Its address and our credentials.
    pub options: qlik::Options,
    /// When it is read.
    pub schedule: Schedule,
    /// How its audit log is polled.
    pub poll: PollSetting,
    /// Whether its spaces are read, and how often.
    pub spaces: Readings,
    /// Whether the licence is read, and how often.
    pub licences: Readings,
    /// Whether the begins of its sessions are read.
    pub sessions: SessionReadings,
    /// The secret of Qlik's own webhooks; `None` if they are not accepted.
    pub webhook_secret: Option<Secret>,
    /// What may be removed without an operator.
    pub removal_policy: RemovalPolicy,
}

/// An organization whose tenants are discovered.
#[derive(Debug, Clone)]
pub struct OrganizationConfig {
    /// The connection's name.
    pub name: ConnectionName,
    /// Where its console is, our credentials there, and which tenants are selected.
    pub options: qlik::OrganizationOptions,
    /// How often the console is asked.
    pub interval: Duration,
    /// Our credentials at the tenants.
    pub credentials: qlik::Credentials,
    /// How many requests we may send to each.
    pub budget: qlik::Budget,
    /// How long a listing of each waits out an outage.
    pub outlast: Duration,
    /// When they are read.
    pub schedule: Schedule,
    /// How their audit logs are polled.
    pub poll: PollSetting,
    /// Whether their spaces are read, and how often.
    pub spaces: Readings,
    /// Whether the licence is read, and how often.
    pub licences: Readings,
    /// Whether the begins of their sessions are read.
    pub sessions: SessionReadings,
    /// What may be removed from each without an operator.
    pub removal_policy: RemovalPolicy,
}
