//! Validates connections: how to log in, and which tenants they reach.

use std::time::Duration;

use super::connection::{Connection, Connections, Reach};
use super::credentials::{api_key, api_key_keys, client, client_keys};
use super::organizations::console;
use super::problem::Problems;
use super::secrets::Vault;
use super::values::{Names, required};
use super::{Fault, raw};
use crate::connector::qlik::{Budget, OUTLAST, RATE_SHARE, TenantHost};
use crate::environment_proxy::EnvironmentProxy;
use crate::sync::parse_duration;

/// The longest outage to wait for: a waiting run takes the place of another tenant's run.
const MAX_OUTLAST: Duration = Duration::from_secs(3600);

/// Validates all connections.
pub(super) fn connections(
    list: Vec<raw::Connection>,
    vault: &Vault<'_>,
    proxies: &EnvironmentProxy,
    problems: &mut Problems,
) -> Connections {
    let mut names = Names::new("connections");
    let mut valid = Connections::new();
    for (i, raw) in list.into_iter().enumerate() {
        let name = names.take(i, raw.name.as_deref(), problems);
        let at = format!("connections[{i}]");
        let connection = connection(&at, &raw, vault, proxies, problems);
        if let Some(name) = name {
            valid.insert(name, connection);
        }
    }
    valid
}

/// A key of a connection, and whether it is set.
type Given = (String, bool);

fn connection(
    at: &str,
    raw: &raw::Connection,
    vault: &Vault<'_>,
    proxies: &EnvironmentProxy,
    problems: &mut Problems,
) -> Option<Connection> {
    let kind = required(
        &format!("{at}.kind"),
        raw.kind.as_deref(),
        "add `kind = \"tenant\"`, `\"region\"`, `\"organization\"` or `\"api-key\"`",
        problems,
    )?;
    let (clients, keys) = (client_keys(raw), api_key_keys(raw));
    let (region, organization) = (region_keys(raw), organization_keys(raw));
    let foreign = match kind {
        "tenant" => [keys, region, organization].concat(),
        "region" => [keys, organization].concat(),
        "organization" => [keys, region].concat(),
        "api-key" => [clients, region, organization].concat(),
        other => {
            let kind = other.to_owned();
            problems.add(format!("{at}.kind"), Fault::UnsupportedKind { kind });
            return None;
        }
    };
    refuse(at, kind, &foreign, problems);
    let budget = budget(at, raw, problems);
    let outlast = outlast(at, raw, problems);
    let credentials = match kind {
        "api-key" => api_key(at, raw, vault, problems),
        _ => client(at, raw, vault, problems),
    };
    let reach = match kind {
        "region" => Some(Reach::Hosts(hosts(at, raw, problems))),
        "organization" => console(at, raw, problems).map(Box::new).map(Reach::Console),
        _ => Some(Reach::Given),
    };
    Some(Connection {
        credentials: credentials?,
        budget: budget?,
        outlast: outlast?,
        proxies: proxies.clone(),
        reach: reach?,
    })
}

fn region_keys(raw: &raw::Connection) -> Vec<Given> {
    vec![("hosts".to_owned(), raw.hosts.is_some())]
}

fn organization_keys(raw: &raw::Connection) -> Vec<Given> {
    let keys = [
        ("console", raw.console.is_some()),
        ("subscription", raw.subscription.is_some()),
        ("regions", raw.regions.is_some()),
        ("statuses", raw.statuses.is_some()),
        ("include", raw.include.is_some()),
        ("exclude", raw.exclude.is_some()),
        ("read_with", raw.read_with.is_some()),
        ("discover_every", raw.discover_every.is_some()),
    ];
    let named = keys.map(|(key, is_given)| (key.to_owned(), is_given));
    named.into()
}

/// Reports keys that belong to another kind of connection, since their author expects an effect.
fn refuse(at: &str, kind: &str, keys: &[Given], problems: &mut Problems) {
    for (key, _) in keys.iter().filter(|(_, given)| *given) {
        problems.add(
            format!("{at}.{key}"),
            Fault::Conflict {
                detail: format!("a connection of kind `{kind}` has no such key"),
                remedy: "remove it, or change the kind",
            },
        );
    }
}

/// Validates the hosts of a region's connection. It may have none, since others may use its client.
fn hosts(at: &str, raw: &raw::Connection, problems: &mut Problems) -> Vec<TenantHost> {
    let mut hosts: Vec<TenantHost> = Vec::new();
    for (i, text) in raw.hosts.iter().flatten().enumerate() {
        let key = format!("{at}.hosts[{i}]");
        match TenantHost::parse(text) {
            Ok(host) if hosts.contains(&host) => problems.add(
                key,
                Fault::Conflict {
                    detail: format!("`{host}` is already in the list"),
                    remedy: "remove one of the two",
                },
            ),
            Ok(host) => hosts.push(host),
            Err(source) => problems.add(key, Fault::BadHost { source }),
        }
    }
    hosts
}

/// Validates how long a listing waits out an outage.
fn outlast(at: &str, raw: &raw::Connection, problems: &mut Problems) -> Option<Duration> {
    let Some(text) = raw.outlast.clone() else {
        return Some(OUTLAST);
    };
    let outlast = parse_duration(&text).filter(|outlast| *outlast <= MAX_OUTLAST);
    if outlast.is_none() {
        problems.add(format!("{at}.outlast"), Fault::BadDuration { text });
    }
    outlast
}

/// Validates the budget: a share, or a number of requests instead.
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
                    detail: "`requests_per_minute` is set as well".to_owned(),
                    remedy: "remove one of the two",
                },
            );
            None
        }
        Some(0) => Some(Budget::Unlimited),
        Some(n) => Some(Budget::PerMinute(n)),
    }
}
