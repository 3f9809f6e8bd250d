//! Finds settings that have no effect. They are not errors, but their author expects one. Pure.

use crate::deliver::{ALERT_TYPES, EVENT_TYPES, EventFilter};
use crate::model::Kind;

use super::endpoints::Address;
use super::raw;

/// A setting that has no effect, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoEffect {
    /// The full path of the key, such as `endpoints[1].events`.
    pub key: String,
    /// Why it has no effect.
    pub why: String,
    /// What to do about it.
    pub remedy: &'static str,
}

impl NoEffect {
    /// Returns the code as `docs/errors.md` lists it.
    pub fn code(&self) -> &'static str {
        "config.no-effect"
    }
}

/// Returns the settings that have no effect, in the order of the sections.
pub(super) fn no_effects(raw: &raw::Raw, addresses: &[Option<Address>]) -> Vec<NoEffect> {
    let mut found = Vec::new();
    let mut add = |key: String, why: String, remedy| found.push(NoEffect { key, why, remedy });
    sync(raw, &mut add);
    guards(raw, &mut add);
    apart(raw, &mut add);
    sessions(raw, &mut add);
    connections(raw, &mut add);
    exports(raw, &mut add);
    for (i, (endpoint, address)) in raw.endpoints.iter().zip(addresses).enumerate() {
        let at = format!("endpoints[{i}]");
        self::endpoint(&at, endpoint, &mut add);
        plain_http(&at, endpoint, address.as_ref(), &mut add);
    }
    found
}

/// Returns whether a schedule is a cron expression. An interval is one word.
fn is_cron(text: &str) -> bool {
    text.starts_with('@') || text.split_whitespace().count() > 1
}

fn exports(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    for (i, export) in raw.exports.iter().enumerate() {
        let is_interval = export.schedule.as_ref().is_some_and(|text| !is_cron(text));
        if export.timezone.is_some() && is_interval {
            add(
                format!("exports[{i}].timezone"),
                "only cron expressions use a time zone, and the schedule is an interval".to_owned(),
                "remove it, or write a schedule such as `0 5 * * *`",
            );
        }
    }
}

fn sync(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    let own = raw.tenants.iter().map(|tenant| &tenant.schedule);
    let exports = raw.exports.iter();
    let exports = exports.filter(|export| export.timezone.is_none());
    let exports = exports.map(|export| &export.schedule);
    let mut schedules = own.chain(exports).chain([&raw.sync.schedule]).flatten();
    if raw.sync.timezone.is_some() && !schedules.any(|text| is_cron(text)) {
        add(
            "sync.timezone".to_owned(),
            "only cron expressions use a time zone, and every schedule is an interval".to_owned(),
            "remove it, or write a schedule such as `0 */4 * * *`",
        );
    }
    let is_off = |poll: &Option<String>| poll.as_deref() == Some("off");
    let usual_is_off = is_off(&raw.sync.poll);
    let polls = |tenant: &raw::Tenant| match &tenant.poll {
        Some(_) => !is_off(&tenant.poll),
        None => !usual_is_off,
    };
    if raw.sync.poll_overlap.is_some() && usual_is_off && !raw.tenants.iter().any(polls) {
        add(
            "sync.poll_overlap".to_owned(),
            "no audit log is polled: `poll` is \"off\"".to_owned(),
            "remove it, or give `poll` an interval",
        );
    }
}

fn apart(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    let tenants = raw.tenants.iter();
    let own = tenants.flat_map(|tenant| [tenant.spaces, tenant.licences]);
    let usual = [raw.access.spaces, raw.access.licences];
    let mut all = own.chain(usual).flatten();
    if raw.access.interval.is_some() && !all.any(|is_read| is_read) {
        add(
            "access.interval".to_owned(),
            "no spaces and no licences are read: `access.spaces` and `access.licences` are not true"
                .to_owned(),
            "remove it, or set `spaces = true` or `licences = true` in [access]",
        );
    }
}

fn sessions(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    let is_off = |poll: Option<&str>| poll == Some("off");
    let usual = raw.access.sessions.unwrap_or(false);
    let usual_poll = raw.sync.poll.as_deref();
    for (i, tenant) in raw.tenants.iter().enumerate() {
        let poll = tenant.poll.as_deref().or(usual_poll);
        if tenant.sessions == Some(true) && is_off(poll) {
            add(
                format!("tenants[{i}].sessions"),
                "sessions are read from the audit log, which is not polled: `poll` is \"off\""
                    .to_owned(),
                "remove it, or give `poll` an interval",
            );
        }
    }
    // The usual settings apply to tenants that are not listed here.
    let polls = |tenant: &raw::Tenant| !is_off(tenant.poll.as_deref().or(usual_poll));
    if usual && is_off(usual_poll) && !raw.tenants.iter().any(polls) {
        add(
            "access.sessions".to_owned(),
            "sessions are read from the audit log, which is not polled: `poll` is \"off\""
                .to_owned(),
            "remove it, or give `poll` an interval",
        );
    }
    let own = raw.tenants.iter().map(|tenant| tenant.sessions);
    let are_read = own.chain([raw.access.sessions]).flatten().any(|it| it);
    let limits = [
        ("idle_admin", &raw.access.idle_admin),
        ("left_idp", &raw.access.left_idp),
    ];
    for (key, limit) in limits {
        if !are_read && limit.as_deref().is_some_and(|limit| limit != "off") {
            add(
                format!("access.{key}"),
                "no sessions are read: `access.sessions` is not true".to_owned(),
                "remove it, or set `sessions = true` in [access]",
            );
        }
    }
}

fn guards(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    let is_never = |mode: Option<&str>| mode == Some("never");
    let usual = raw.sync.guard.mode.as_deref();
    let own = raw.tenants.iter().enumerate();
    let own = own.map(|(i, tenant)| (format!("tenants[{i}]"), &tenant.guard));
    let all = own.chain([("sync".to_owned(), &raw.sync.guard)]);
    for (at, guard) in all {
        let limits = [
            ("users", &guard.users),
            ("roles", &guard.roles),
            ("groups", &guard.groups),
            ("memberships", &guard.memberships),
            ("role_assignments", &guard.role_assignments),
        ];
        if !is_never(guard.mode.as_deref().or(usual)) {
            continue;
        }
        // Tenants with a mode of their own may use the common limits.
        let by_limits = |tenant: &raw::Tenant| tenant.guard.mode.as_deref() == Some("limits");
        if at == "sync" && raw.tenants.iter().any(by_limits) {
            continue;
        }
        for (key, _) in limits.iter().filter(|(_, given)| given.is_some()) {
            add(
                format!("{at}.guard.{key}"),
                "nothing is removed automatically while the mode is \"never\", whatever the limits"
                    .to_owned(),
                "remove it, or set `mode = \"limits\"`",
            );
        }
    }
}

fn connections(raw: &raw::Raw, add: &mut impl FnMut(String, String, &'static str)) {
    for (i, connection) in raw.connections.iter().enumerate() {
        let Some(name) = &connection.name else {
            continue;
        };
        let has_tenants = match connection.kind.as_deref() {
            Some("region") => connection
                .hosts
                .as_ref()
                .is_some_and(|hosts| !hosts.is_empty()),
            Some("organization") => true,
            _ => false,
        };
        let reads = raw.connections.iter().flat_map(|other| &other.read_with);
        let used = raw.tenants.iter().flat_map(|tenant| &tenant.connection);
        if !has_tenants && !reads.chain(used).any(|used| used == name) {
            add(
                format!("connections[{i}]"),
                format!("no tenant is read over the connection `{name}`"),
                "name it as the `connection` of one of the [[tenants]], or remove it",
            );
        }
    }
}

fn endpoint(at: &str, raw: &raw::Endpoint, add: &mut impl FnMut(String, String, &'static str)) {
    let patterns = raw.events.as_deref();
    // Invalid patterns are errors and are reported as such.
    let events = match patterns.map(EventFilter::parse) {
        None => EventFilter::all(),
        Some(Ok(events)) => events,
        Some(Err(_invalid)) => return,
    };
    let tells_of = |kind: Kind| {
        // Events about what users hold are events about users.
        let is_of = |event_type: &str| match event_type.split('.').next() {
            Some("access") => kind == Kind::User,
            subject => subject == Some(kind.singular()),
        };
        let mut types = EVENT_TYPES.into_iter();
        types.any(|event_type| is_of(event_type) && events.wants(event_type))
    };
    let told: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| tells_of(*kind))
        .collect();
    for word in raw.kinds.iter().flatten() {
        if word.parse().is_ok_and(|kind: Kind| !told.contains(&kind)) {
            add(
                format!("{at}.kinds"),
                format!("`events` has no event of a {word}"),
                "remove the kind, or add its events",
            );
        }
    }
    if told.is_empty() {
        for (key, is_given) in [
            ("roles", raw.roles.is_some()),
            ("omit", !raw.omit.is_empty()),
            ("hash", !raw.hash.is_empty()),
        ] {
            if is_given {
                add(
                    format!("{at}.{key}"),
                    "`events` has no event of a user, group or role".to_owned(),
                    "remove it, or add such events as `user.*`",
                );
            }
        }
    }
}

/// Returns the settings of an alert that have no effect. Invalid events are errors, and `None`.
pub(super) fn of_alert(
    at: &str,
    raw: &raw::Endpoint,
    events: Option<&EventFilter>,
    address: Option<&Address>,
) -> Vec<NoEffect> {
    let mut found = Vec::new();
    let mut add = |key: String, why: String, remedy| found.push(NoEffect { key, why, remedy });
    let tells_of_people = |events: &EventFilter| {
        let mut types = ALERT_TYPES.into_iter();
        types.any(|told| told.starts_with("access.") && events.wants(told))
    };
    if events.is_some_and(|events| !tells_of_people(events)) {
        for (key, is_given) in [
            ("roles", raw.roles.is_some()),
            ("omit", !raw.omit.is_empty()),
            ("hash", !raw.hash.is_empty()),
        ] {
            if is_given {
                add(
                    format!("{at}.{key}"),
                    "`events` has nothing about who holds a role".to_owned(),
                    "remove it, or add `access.*`",
                );
            }
        }
    }
    plain_http(at, raw, address, &mut add);
    found
}

fn plain_http(
    at: &str,
    raw: &raw::Endpoint,
    address: Option<&Address>,
    add: &mut impl FnMut(String, String, &'static str),
) {
    let is_https = address.is_some_and(|address| address.url.scheme() == "https");
    if raw.allow_http && is_https {
        add(
            format!("{at}.allow_http"),
            "the address is https anyway".to_owned(),
            "remove it, so that a later address of plain http is noticed",
        );
    }
}
