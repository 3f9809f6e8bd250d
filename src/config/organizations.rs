//! Validates what belongs to an organization's connection: its console, which of its tenants are
//! selected, and which client reads them.

use std::time::Duration;

use super::connection::{Connection, Connections, Console, Reach};
use super::options::OrganizationConfig;
use super::problem::Problems;
use super::tenants::{Usual, known};
use super::{Fault, raw};
use crate::connector::qlik::{OrganizationOptions, Rule, Selection, TenantHost};
use crate::model::ConnectionName;
use crate::sync::parse_duration;

/// Where Qlik keeps the organizations.
const CONSOLE: &str = "console.qlikcloud.com";
/// How often the console is asked by default.
const DISCOVER_EVERY: Duration = Duration::from_secs(15 * 60);
/// The shortest interval at which it may be asked.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Validates an organization's own keys.
pub(super) fn console(at: &str, raw: &raw::Connection, problems: &mut Problems) -> Option<Console> {
    let text = raw.console.as_deref().unwrap_or(CONSOLE);
    let host = TenantHost::parse_console(text)
        .map_err(|source| problems.add(format!("{at}.console"), Fault::BadHost { source }));
    let set = |list: &Option<Vec<String>>| list.iter().flatten().cloned().collect();
    let selection = Selection {
        subscription: raw.subscription.clone(),
        regions: set(&raw.regions),
        statuses: set(&raw.statuses),
        include: rules(at, "include", raw.include.as_deref(), problems),
        exclude: rules(at, "exclude", raw.exclude.as_deref(), problems),
    };
    let interval = interval(at, raw.discover_every.as_deref(), problems);
    Some(Console {
        host: host.ok()?,
        selection,
        key: format!("{at}.read_with"),
        read_with: raw.read_with.clone(),
        interval: interval?,
    })
}

fn rules(at: &str, key: &str, list: Option<&[String]>, problems: &mut Problems) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (i, text) in list.unwrap_or_default().iter().enumerate() {
        match Rule::parse(text) {
            Ok(rule) => rules.push(rule),
            Err(source) => problems.add(format!("{at}.{key}[{i}]"), Fault::BadRule { source }),
        }
    }
    rules
}

fn interval(at: &str, text: Option<&str>, problems: &mut Problems) -> Option<Duration> {
    let Some(text) = text else {
        return Some(DISCOVER_EVERY);
    };
    let interval = parse_duration(text).filter(|time| (SHORTEST..=LONGEST).contains(time));
    if interval.is_none() {
        let fault = Fault::OutOfRange {
            value: format!("`{text}`"),
            allowed: "a time from `1s` to `1d`, such as `15m`",
        };
        problems.add(format!("{at}.discover_every"), fault);
    }
    interval
}

/// Builds the organizations, once all connections are known.
pub(super) fn organizations(
    connections: &Connections,
    usual: &Usual<'_>,
    problems: &mut Problems,
) -> Vec<OrganizationConfig> {
    let mut organizations = Vec::new();
    for (name, connection) in connections {
        let Some(connection) = connection else {
            continue;
        };
        let Reach::Console(console) = &connection.reach else {
            continue;
        };
        let Some(reading) = reading(console, connection, connections, problems) else {
            continue;
        };
        let Some(schedule) = usual.schedule.cloned() else {
            continue;
        };
        organizations.push(OrganizationConfig {
            name: ConnectionName(name.clone()),
            options: OrganizationOptions {
                console: connection.to(console.host.clone()),
                selection: console.selection.clone(),
            },
            interval: console.interval,
            credentials: reading.credentials.clone(),
            budget: reading.budget,
            outlast: reading.outlast,
            schedule,
            poll: usual.poll_defaults.usual(),
            spaces: usual.apart.spaces_of(None),
            licences: usual.apart.licences_of(None),
            sessions: usual.sessions.of(None),
            removal_policy: usual.removal_policy(),
        });
    }
    organizations
}

/// Returns the connection whose client reads the tenants.
fn reading<'a>(
    console: &Console,
    own: &'a Connection,
    connections: &'a Connections,
    problems: &mut Problems,
) -> Option<&'a Connection> {
    let Some(name) = &console.read_with else {
        return Some(own);
    };
    let Some(other) = connections.get(name) else {
        let (name, known) = (name.clone(), known(connections));
        problems.add(
            console.key.as_str(),
            Fault::UnknownConnection { name, known },
        );
        return None;
    };
    let other = other.as_ref()?;
    match &other.reach {
        Reach::Hosts(_) => Some(other),
        Reach::Given | Reach::Console(_) => {
            let fault = Fault::Conflict {
                detail: format!("the client of `{name}` is not that of a region"),
                remedy: "name a connection of kind `region`, whose client all tenants there accept",
            };
            problems.add(console.key.as_str(), fault);
            None
        }
    }
}
