//! Validates the alerts: endpoints that get messages for people in place of events.

use super::super::no_effect::{NoEffect, of_alert};
use super::super::problem::Problems;
use super::super::secrets::Vault;
use super::super::values::{Names, required};
use super::super::{Fault, raw};
use super::address::address;
use super::egress::proxy;
use super::endpoint;
use crate::deliver::{
    ALERT_TYPES, AlertRoles, AlertStyle, AlertTemplate, Alerts, Endpoint, EventFilter, Format,
};
use crate::environment_proxy::EnvironmentProxy;

/// The services that alerts can be written for.
const STYLES: &str = "`slack`, `teams` or `template`";

/// How many alerts a second are sent at most by default: what Slack allows. They are sent one after
/// the other, so that an end does not come before its beginning.
const PER_SECOND: u32 = 1;

/// Validates all alerts, and finds what has no effect. Their names are also those of endpoints,
/// which commands use for both.
pub(in super::super) fn alerts(
    list: Vec<raw::Alert>,
    endpoints: &[Endpoint],
    vault: &Vault<'_>,
    proxies: &EnvironmentProxy,
    problems: &mut Problems,
) -> (Vec<Endpoint>, Vec<NoEffect>) {
    let mut names = Names::new("alerts");
    let (mut valid, mut without_effect) = (Vec::new(), Vec::new());
    for (i, raw) in list.into_iter().enumerate() {
        let at = format!("alerts[{i}]");
        let name = names.take(i, raw.name.as_deref(), problems);
        let is_taken = |name: &String| endpoints.iter().any(|it| it.name().0 == *name);
        if let Some(name) = name.clone().filter(is_taken) {
            let first = "endpoints".to_owned();
            problems.add(format!("{at}.name"), Fault::DuplicateName { name, first });
        }
        let events = events(&at, raw.events.as_deref(), problems);
        let format = format(&at, &raw, problems);
        let raw = as_endpoint(raw);
        let address = address(&at, &raw, vault, problems);
        let found = of_alert(&at, &raw, events.as_ref(), address.as_ref());
        without_effect.extend(found);
        let content = events.zip(format).map(|content| (content, Vec::new()));
        let url = address.as_ref().map(|address| &address.url);
        let proxy = proxy(&at, &raw, url, vault, proxies, problems);
        let destination = name.zip(address).zip(proxy.ok());
        valid.extend(endpoint(&at, destination, content, &raw, vault, problems));
    }
    (valid, without_effect)
}

fn events(at: &str, patterns: Option<&[String]>, problems: &mut Problems) -> Option<EventFilter> {
    let key = format!("{at}.events");
    let Some(patterns) = patterns else {
        return EventFilter::parse(&ALERT_TYPES).ok();
    };
    for pattern in patterns {
        // Invalid ones are found below.
        let Ok(named) = EventFilter::parse(&[pattern]) else {
            continue;
        };
        if !ALERT_TYPES.into_iter().any(|told| named.wants(told)) {
            let fault = Fault::Conflict {
                detail: format!("no alert tells of `{pattern}`"),
                remedy: "docs/alerts.md lists what alerts tell of; use an endpoint for other events",
            };
            problems.add(key, fault);
            return None;
        }
    }
    EventFilter::parse(patterns)
        .map_err(|source| problems.add(key, Fault::BadEvent { source }))
        .ok()
}

fn format(at: &str, raw: &raw::Alert, problems: &mut Problems) -> Option<Format> {
    let key = format!("{at}.format");
    let remedy =
        "name the service that it is posted to: `slack`, `teams`, or `template` for others";
    let name = required(&key, raw.format.as_deref(), remedy, problems)?;
    let template = format!("{at}.template");
    let style = match (name, &raw.template) {
        ("slack", None) => AlertStyle::Slack,
        ("teams", None) => AlertStyle::Teams,
        ("slack" | "teams", Some(_)) => {
            let fault = Fault::Conflict {
                detail: format!("it is for the format `template`, and not for `{name}`"),
                remedy: "remove it, or set `format`",
            };
            problems.add(template, fault);
            return None;
        }
        ("template", None) => {
            let remedy = "write the body that is posted, in JSON: `'{ \"text\": \"{{text}}\" }'`";
            problems.add(template, Fault::Missing { remedy });
            return None;
        }
        ("template", Some(text)) => {
            let parsed = AlertTemplate::parse(text);
            let parsed =
                parsed.map_err(|source| problems.add(template, Fault::BadTemplate { source }));
            AlertStyle::Template(parsed.ok()?)
        }
        (unknown, _) => {
            let fault = Fault::BadChoice {
                text: unknown.to_owned(),
                allowed: STYLES,
            };
            problems.add(key, fault);
            return None;
        }
    };
    let roles = match raw.roles {
        None => AlertRoles::OfAdministrators,
        Some(_) => AlertRoles::Selected,
    };
    Some(Format::Alert(Box::new(Alerts { style, roles })))
}

/// Returns the endpoint that an alert is delivered to.
fn as_endpoint(alert: raw::Alert) -> raw::Endpoint {
    let raw::Alert {
        name,
        url,
        url_file,
        url_env,
        format: _,
        template: _,
        events: _,
        tenants,
        roles,
        omit,
        hash,
        hash_key_file,
        hash_key_env,
        allow_private,
        allow_http,
        ca_file,
        client_cert_file,
        client_key_file,
        client_key_env,
        proxy,
        proxy_password_file,
        proxy_password_env,
        headers,
        timeout,
        retry_schedule,
        max_per_second,
        disable_after,
    } = alert;
    raw::Endpoint {
        name,
        url,
        url_file,
        url_env,
        tenants,
        roles,
        omit,
        hash,
        hash_key_file,
        hash_key_env,
        allow_private,
        allow_http,
        ca_file,
        client_cert_file,
        client_key_file,
        client_key_env,
        proxy,
        proxy_password_file,
        proxy_password_env,
        headers,
        timeout,
        retry_schedule,
        max_in_flight: Some(1),
        max_per_second: max_per_second.or(Some(PER_SECOND)),
        disable_after,
        ..raw::Endpoint::default()
    }
}
