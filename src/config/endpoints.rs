//! Validates the endpoints that receive events.

use std::time::Duration;

use super::problem::Problems;
use super::secrets::Vault;
use super::values::Names;
use super::{Fault, raw, secret_keys};
use crate::deliver::{
    self, DEFAULT_TIMEOUT, Egress, Endpoint, EventFilter, Format, InvalidEndpoint, SigningSecret,
};
use crate::environment_proxy::EnvironmentProxy;
use crate::forward_proxy::ForwardProxy;
use crate::model::EndpointName;
use crate::sync::parse_duration;

mod address;
mod alert;
mod egress;
mod flow;
mod format;
mod selection;

pub(super) use address::{Address, addresses};
pub(super) use alert::alerts;
use egress::{egress, proxy};
use format::format;
use selection::{privacy, selection};

/// Validates all endpoints.
pub(super) fn endpoints(
    list: Vec<raw::Endpoint>,
    addresses: Vec<Option<Address>>,
    vault: &Vault<'_>,
    proxies: &EnvironmentProxy,
    problems: &mut Problems,
) -> Vec<Endpoint> {
    let mut names = Names::new("endpoints");
    let mut valid = Vec::new();
    for (i, (raw, address)) in list.into_iter().zip(addresses).enumerate() {
        let name = names.take(i, raw.name.as_deref(), problems);
        let at = format!("endpoints[{i}]");
        let url = address.as_ref().map(|address| &address.url);
        let proxy = proxy(&at, &raw, url, vault, proxies, problems);
        let destination = name.zip(address).zip(proxy.ok());
        let events = events(&at, raw.events.as_deref(), problems);
        let format = format(&at, &raw, events.as_ref(), vault, problems);
        let secrets = secrets(&at, &raw, vault, problems);
        let content = events.zip(format).zip(secrets);
        valid.extend(endpoint(&at, destination, content, &raw, vault, problems));
    }
    valid
}

/// An endpoint's name, its address, and its proxy.
type Destination = ((String, Address), Option<ForwardProxy>);

/// The events that it wants, how they are written, and what signs them.
type Content = ((EventFilter, Format), Vec<SigningSecret>);

fn endpoint(
    at: &str,
    destination: Option<Destination>,
    content: Option<Content>,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Endpoint> {
    let selection = selection(at, raw, problems);
    let privacy = privacy(at, raw, vault, problems);
    let egress = egress(at, raw, vault, problems);
    let flow = flow::flow(at, raw, problems);
    let schedule = flow::schedule(at, raw.retry_schedule.as_deref(), problems);
    let timeout = timeout(at, raw.timeout.as_deref(), problems);
    let ((name, address), proxy) = destination?;
    let ((events, format), secrets) = content?;
    let options = deliver::Options {
        name: EndpointName(name),
        url: address.url,
        secrets,
        events,
        selection: selection?,
        privacy: privacy?,
        format,
        egress: Egress { proxy, ..egress? },
        timeout: timeout?,
        schedule: schedule?,
        flow: flow?,
    };
    let failed = |source| {
        let key = match source {
            InvalidEndpoint::NoSnapshots => "backfill",
            InvalidEndpoint::Timeout => "timeout",
            InvalidEndpoint::Secrets { .. } => "secret_file",
            InvalidEndpoint::Scheme
            | InvalidEndpoint::PlainHttp
            | InvalidEndpoint::HttpAnywhere
            | InvalidEndpoint::HttpByProxy
            | InvalidEndpoint::Ipv6ByProxy
            | InvalidEndpoint::Address(_) => address.key.as_str(),
        };
        problems.add(format!("{at}.{key}"), Fault::BadEndpoint { source });
    };
    Endpoint::new(options).map_err(failed).ok()
}

fn timeout(at: &str, text: Option<&str>, problems: &mut Problems) -> Option<Duration> {
    let Some(text) = text else {
        return Some(DEFAULT_TIMEOUT);
    };
    let timeout = parse_duration(text);
    if timeout.is_none() {
        let text = text.to_owned();
        problems.add(format!("{at}.timeout"), Fault::BadDuration { text });
    }
    timeout
}

fn events(at: &str, patterns: Option<&[String]>, problems: &mut Problems) -> Option<EventFilter> {
    let Some(patterns) = patterns else {
        // The key has the wrong type or is not set: if in doubt, send more rather than less.
        return Some(EventFilter::all());
    };
    EventFilter::parse(patterns)
        .map_err(|source| problems.add(format!("{at}.events"), Fault::BadEvent { source }))
        .ok()
}

/// Reads one secret, or two while they are rotated.
fn secrets(
    at: &str,
    raw: &raw::Endpoint,
    vault: &Vault<'_>,
    problems: &mut Problems,
) -> Option<Vec<SigningSecret>> {
    let (raw::OneOrTwo(files), raw::OneOrTwo(variables)) = (&raw.secret_file, &raw.secret_env);
    let given = secret_keys::several(at, "secret", files, variables, vault);
    let mut valid = Vec::new();
    let wanted = given.len();
    for (path, found) in given {
        let read = found.and_then(|secret| {
            SigningSecret::parse(&secret).map_err(|source| Fault::BadSecret { source })
        });
        match read {
            Ok(secret) => valid.push(secret),
            Err(fault) => problems.add(path, fault),
        }
    }
    match wanted {
        0 if secret_keys::is_noted(at, "secret", problems) => None,
        0 => {
            let remedy = "name the file that holds the signing secret (`whsec_…`, or `whsk_…` for \
                          an ed25519 key), or an environment variable in `secret_env`";
            problems.add(format!("{at}.secret_file"), Fault::Missing { remedy });
            None
        }
        1 | 2 => (valid.len() == wanted).then_some(valid),
        _ => {
            problems.add(
                format!("{at}.secret_file"),
                Fault::Conflict {
                    detail: "more than two secrets, counting `secret_env`".to_owned(),
                    remedy: "keep the new one and the one that it replaces",
                },
            );
            None
        }
    }
}
