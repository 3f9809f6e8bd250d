//! Validates the tenants: those with a name of their own, and those listed as hosts of a region.

use std::collections::BTreeSet;

use chrono_tz::Tz;

use super::apart::ApartDraft;
use super::connection::{Connection, Connections, Reach};
use super::guard::GuardDraft;
use super::options::TenantConfig;
use super::polling::PollDefaults;
use super::problem::Problems;
use super::sessions::SessionsDraft;
use super::values::{Names, required, schedule};
use super::{Fault, raw};
use crate::connector::qlik::{Options, TenantHost, pick_name};
use crate::model::{ConnectionName, TenantName};
use crate::sync::{Rank, RemovalPolicy, Schedule};

/// The defaults for tenants without settings of their own.
pub(super) struct Usual<'a> {
    pub(super) schedule: Option<&'a Schedule>,
    pub(super) zone: Tz,
    pub(super) guard: GuardDraft,
    pub(super) absent_sweeps: u32,
    pub(super) poll_defaults: &'a PollDefaults<'a>,
    pub(super) apart: ApartDraft,
    pub(super) sessions: SessionsDraft,
}

impl Usual<'_> {
    /// Returns the removal policy of a tenant that has none of its own.
    pub(super) fn removal_policy(&self) -> RemovalPolicy {
        self.guard.clone().removal_policy(self.absent_sweeps)
    }
}

/// Validates all tenants.
pub(super) fn tenants(
    list: Vec<raw::Tenant>,
    connections: &Connections,
    usual: &Usual<'_>,
    problems: &mut Problems,
) -> Vec<TenantConfig> {
    if list.is_empty() && !connections.values().any(|it| is_a_source(it.as_ref())) {
        let remedy = "add a [[tenants]] with name, host and connection, or a connection of kind \
                      `region` or `organization`";
        problems.add("tenants", Fault::Missing { remedy });
    }
    let mut names = Names::new("tenants");
    let mut valid = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let at = format!("tenants[{i}]");
        let name = names.take(i, raw.name.as_deref(), problems);
        let (poll, webhook_secret) = usual.poll_defaults.of(&at, &raw, problems);
        let spaces = usual.apart.spaces_of(Some(&raw));
        let licences = usual.apart.licences_of(Some(&raw));
        let sessions = usual.sessions.of(Some(&raw));
        let host = host(&at, raw.host, problems);
        let connection = connection_of(&at, raw.connection, connections, problems);
        let schedule = match raw.schedule {
            Some(text) => schedule(&format!("{at}.schedule"), &text, usual.zone, problems),
            None => usual.schedule.cloned(),
        };
        let guard = usual.guard.clone();
        let guard = guard.with(&format!("{at}.guard"), &raw.guard, problems);
        let (Some(name), Some(host), Some((connection, options)), Some(schedule)) =
            (name, host, connection, schedule)
        else {
            continue;
        };
        valid.push(TenantConfig {
            name: TenantName(name),
            connection,
            rank: Rank::Named,
            options: options.to(host),
            schedule,
            poll,
            spaces,
            licences,
            sessions,
            webhook_secret,
            removal_policy: guard.removal_policy(usual.absent_sweeps),
        });
    }
    let implied = implied(&valid, connections, usual);
    valid.extend(implied);
    valid
}

/// Returns whether a connection yields tenants by itself, or is invalid.
fn is_a_source(connection: Option<&Connection>) -> bool {
    connection.is_none_or(|connection| match &connection.reach {
        Reach::Given => false,
        Reach::Hosts(hosts) => !hosts.is_empty(),
        Reach::Console(_) => true,
    })
}

/// Returns tenants for the hosts of regions that no named tenant has.
fn implied(
    named: &[TenantConfig],
    connections: &Connections,
    usual: &Usual<'_>,
) -> Vec<TenantConfig> {
    let Some(schedule) = usual.schedule else {
        return Vec::new();
    };
    let mut taken: BTreeSet<TenantName> = named.iter().map(|tenant| tenant.name.clone()).collect();
    let mut implied = Vec::new();
    for (name, connection) in connections {
        let Some(connection) = connection else {
            continue;
        };
        let Reach::Hosts(hosts) = &connection.reach else {
            continue;
        };
        let over = ConnectionName(name.clone());
        for host in hosts {
            let has_name =
                |tenant: &TenantConfig| tenant.connection == over && tenant.options.host == *host;
            if named.iter().any(has_name) {
                continue;
            }
            let name = pick_name(std::slice::from_ref(host), &taken);
            taken.insert(name.clone());
            implied.push(TenantConfig {
                name,
                connection: over.clone(),
                rank: Rank::Implied,
                options: connection.to(host.clone()),
                schedule: schedule.clone(),
                poll: usual.poll_defaults.usual(),
                spaces: usual.apart.spaces_of(None),
                licences: usual.apart.licences_of(None),
                sessions: usual.sessions.of(None),
                webhook_secret: None,
                removal_policy: usual.removal_policy(),
            });
        }
    }
    implied
}

impl Connection {
    /// Returns how to reach a tenant over this connection.
    pub(super) fn to(&self, host: TenantHost) -> Options {
        Options {
            budget: self.budget,
            outlast: self.outlast,
            proxies: self.proxies.clone(),
            ..Options::new(host, self.credentials.clone())
        }
    }
}

fn host(at: &str, text: Option<String>, problems: &mut Problems) -> Option<TenantHost> {
    let key = format!("{at}.host");
    let remedy = "add the tenant's host, such as `acme.eu.qlikcloud.com`";
    let text = required(&key, text, remedy, problems)?;
    let found = TenantHost::parse(&text);
    found
        .map_err(|source| problems.add(key, Fault::BadHost { source }))
        .ok()
}

/// Returns the connection's name, and the connection that reads: an organization may use another
/// one for that.
fn connection_of(
    at: &str,
    name: Option<String>,
    connections: &Connections,
    problems: &mut Problems,
) -> Option<(ConnectionName, Connection)> {
    let key = format!("{at}.connection");
    let remedy = "name one of the [[connections]]";
    let name = required(&key, name, remedy, problems)?;
    let Some(connection) = connections.get(&name) else {
        let known = known(connections);
        problems.add(key, Fault::UnknownConnection { name, known });
        return None;
    };
    let connection = connection.as_ref()?;
    let reading = match &connection.reach {
        Reach::Given | Reach::Hosts(_) => connection,
        Reach::Console(console) => match &console.read_with {
            Some(other) => connections.get(other)?.as_ref()?,
            None => connection,
        },
    };
    Some((ConnectionName(name), reading.clone()))
}

/// Returns the names of all connections, for a message about an unknown one.
pub(super) fn known(connections: &Connections) -> String {
    let known: Vec<&str> = connections.keys().map(String::as_str).collect();
    match known.as_slice() {
        [] => "none yet".to_owned(),
        known => known.join(", "),
    }
}
