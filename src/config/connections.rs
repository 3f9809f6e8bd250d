//! Validates connections and the tenants that are read over them.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::credentials::{api_key, api_key_keys, client, client_keys};
use super::problem::Problems;
use super::secrets::Vault;
use super::validate::{Names, TenantConfig, required, schedule};
use super::{Fault, raw};
use crate::connector::qlik::{Budget, Credentials, Options, RATE_SHARE, TenantHost};
use crate::model::TenantName;
use crate::sync::Schedule;

/// A connection that holds.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    credentials: Credentials,
    budget: Budget,
}

/// Connections by name; none for one that something is wrong with, so that a tenant may
/// name it without a second complaint.
pub(super) type Connections = BTreeMap<String, Option<Connection>>;

/// Validates all connections.
pub(super) fn connections(
    list: Vec<raw::Connection>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Connections {
    let mut names = Names::new("connections");
    let mut valid = Connections::new();
    for (i, raw) in list.into_iter().enumerate() {
        let name = names.take(i, raw.name.as_deref(), problems);
        let connection = connection(&format!("connections[{i}]"), &raw, vault, problems);
        if let Some(name) = name {
            valid.insert(name, connection);
        }
    }
    valid
}

fn connection(
    at: &str,
    raw: &raw::Connection,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Connection> {
    let kind = required(
        &format!("{at}.kind"),
        raw.kind.as_deref(),
        "add `kind = \"tenant\"` (client id and secret) or `kind = \"api-key\"`",
        problems,
    )?;
    let budget = budget(at, raw, problems);
    let credentials = match kind {
        "tenant" => {
            refuse(at, kind, &api_key_keys(raw), problems);
            client(at, raw, vault, problems)?
        }
        "api-key" => {
            refuse(at, kind, &client_keys(raw), problems);
            api_key(at, raw, vault, problems)?
        }
        other => {
            let kind = other.to_owned();
            problems.add(format!("{at}.kind"), Fault::UnsupportedKind { kind });
            return None;
        }
    };
    Some(Connection {
        credentials,
        budget: budget?,
    })
}

/// The share, or the number that is written instead.
fn budget(at: &str, raw: &raw::Connection, problems: &mut Problems) -> Option<Budget> {
    let share = raw.rate_share.unwrap_or(RATE_SHARE);
    if !(share > 0.0 && share <= 1.0) {
        problems.add(
            format!("{at}.rate_share"),
            Fault::OutOfRange {
                value: share.to_string(),
                allowed: "a share above 0 and up to 1, such as 0.5",
            },
        );
        return None;
    }
    match raw.requests_per_minute {
        None => Some(Budget::Share(share)),
        Some(_) if raw.rate_share.is_some() => {
            problems.add(
                format!("{at}.rate_share"),
                Fault::Conflict {
                    detail: "`requests_per_minute` says it as well".to_owned(),
                    remedy: "remove one of the two",
                },
            );
            None
        }
        Some(0) => Some(Budget::Unlimited),
        Some(n) => Some(Budget::PerMinute(n)),
    }
}

/// Notes keys that belong to another kind of connection: whoever wrote them meant something.
fn refuse(at: &str, kind: &str, keys: &[(&str, Option<&String>)], problems: &mut Problems) {
    for (key, _) in keys.iter().filter(|(_, value)| value.is_some()) {
        problems.add(
            format!("{at}.{key}"),
            Fault::Conflict {
                detail: format!("a connection of kind `{kind}` has no such key"),
                remedy: "remove it, or change the kind",
            },
        );
    }
}

/// Validates all tenants.
pub(super) fn tenants(
    list: Vec<raw::Tenant>,
    connections: &Connections,
    usual: Option<&Schedule>,
    zone: Tz,
    problems: &mut Problems,
) -> Vec<TenantConfig> {
    if list.is_empty() {
        let remedy = "add a [[tenants]] with name, host and connection";
        problems.add("tenants", Fault::Missing { remedy });
    }
    let mut names = Names::new("tenants");
    let mut valid = Vec::new();
    for (i, raw) in list.into_iter().enumerate() {
        let at = format!("tenants[{i}]");
        let name = names.take(i, raw.name.as_deref(), problems);
        let host = host(&at, raw.host, problems);
        let connection = connection_of(&at, raw.connection, connections, problems);
        let schedule = match raw.schedule {
            Some(text) => schedule(&format!("{at}.schedule"), &text, zone, problems),
            None => usual.cloned(),
        };
        let (Some(name), Some(host), Some(connection), Some(schedule)) =
            (name, host, connection, schedule)
        else {
            continue;
        };
        let mut options = Options::new(host, connection.credentials);
        options.budget = connection.budget;
        valid.push(TenantConfig {
            name: TenantName(name),
            options,
            schedule,
        });
    }
    valid
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

fn connection_of(
    at: &str,
    name: Option<String>,
    connections: &Connections,
    problems: &mut Problems,
) -> Option<Connection> {
    let key = format!("{at}.connection");
    let remedy = "name one of the [[connections]]";
    let name = required(&key, name, remedy, problems)?;
    if let Some(connection) = connections.get(&name) {
        return connection.clone();
    }
    let known: Vec<&str> = connections.keys().map(String::as_str).collect();
    let known = if known.is_empty() {
        "none yet".to_owned()
    } else {
        known.join(", ")
    };
    problems.add(key, Fault::UnknownConnection { name, known });
    None
}
