//! Validates connections and the tenants that are read over them.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::guard::GuardDraft;
use super::listening::Ears;
use super::problem::Problems;
use super::secrets::Vault;
use super::validate::{Names, TenantConfig, required, schedule};
use super::{Fault, raw};
use crate::connector::qlik::{Credentials, Options, TenantHost};
use crate::model::TenantName;
use crate::secret::Secret;
use crate::sync::Schedule;

/// A connection that holds.
#[derive(Debug, Clone)]
pub(super) struct Connection {
    credentials: Credentials,
    requests_per_minute: Option<u32>,
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
    let client = [
        ("client_id", raw.client_id.as_ref()),
        ("client_secret_file", raw.client_secret_file.as_ref()),
        ("client_secret_env", raw.client_secret_env.as_ref()),
    ];
    let api_key = [
        ("api_key_file", raw.api_key_file.as_ref()),
        ("api_key_env", raw.api_key_env.as_ref()),
    ];
    let credentials = match kind {
        "tenant" => {
            refuse(at, kind, &api_key, problems);
            let client_id = required(
                &format!("{at}.client_id"),
                raw.client_id.clone(),
                "add the id of an OAuth client of the tenant that is trusted and may use client credentials",
                problems,
            );
            let [_, file, variable] = client;
            let secret = secret(at, "client_secret", file.1, variable.1, vault, problems);
            Credentials::ClientSecret {
                client_id: client_id?,
                secret: secret?,
            }
        }
        "api-key" => {
            refuse(at, kind, &client, problems);
            let [file, variable] = api_key;
            Credentials::ApiKey(secret(at, "api_key", file.1, variable.1, vault, problems)?)
        }
        other => {
            let kind = other.to_owned();
            problems.add(format!("{at}.kind"), Fault::UnsupportedKind { kind });
            return None;
        }
    };
    Some(Connection {
        credentials,
        requests_per_minute: raw.requests_per_minute,
    })
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

pub(super) fn secret(
    at: &str,
    key: &str,
    file: Option<&String>,
    variable: Option<&String>,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Secret> {
    let (suffix, found) = match (file, variable) {
        (Some(file), None) => ("_file", vault.file(key, file)),
        (None, Some(variable)) => ("_env", vault.variable(key, variable)),
        (Some(_), Some(_)) => (
            "_env",
            Err(Fault::Conflict {
                detail: format!("the secret is given twice, by `{key}_file` as well"),
                remedy: "remove one of the two",
            }),
        ),
        // Written in the file, or of the wrong type: that was noted.
        (None, None)
            if ["", "_file", "_env"]
                .iter()
                .any(|end| problems.has(&format!("{at}.{key}{end}"))) =>
        {
            return None;
        }
        (None, None) => (
            "_file",
            Err(Fault::Missing {
                remedy: "name the file that holds the secret, or use the key that ends in `_env` to name an environment variable",
            }),
        ),
    };
    found
        .map_err(|fault| problems.add(format!("{at}.{key}{suffix}"), fault))
        .ok()
}

/// What holds for tenants that say nothing else.
pub(super) struct Usual<'a> {
    pub(super) schedule: Option<&'a Schedule>,
    pub(super) zone: Tz,
    pub(super) guard: GuardDraft,
    pub(super) absent_sweeps: u32,
    pub(super) ears: &'a Ears<'a>,
}

/// Validates all tenants.
pub(super) fn tenants(
    list: Vec<raw::Tenant>,
    connections: &Connections,
    usual: &Usual<'_>,
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
        let (listening, webhook_secret) = usual.ears.of(&at, &raw, problems);
        let host = host(&at, raw.host, problems);
        let connection = connection_of(&at, raw.connection, connections, problems);
        let schedule = match raw.schedule {
            Some(text) => schedule(&format!("{at}.schedule"), &text, usual.zone, problems),
            None => usual.schedule.cloned(),
        };
        let guard = usual.guard.clone();
        let guard = guard.with(&format!("{at}.guard"), &raw.guard, problems);
        let (Some(name), Some(host), Some(connection), Some(schedule)) =
            (name, host, connection, schedule)
        else {
            continue;
        };
        let mut options = Options::new(host, connection.credentials);
        if let Some(limit) = connection.requests_per_minute {
            options.requests_per_minute = limit;
        }
        valid.push(TenantConfig {
            name: TenantName(name),
            options,
            schedule,
            listening,
            webhook_secret,
            rules: guard.rules(usual.absent_sweeps),
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
