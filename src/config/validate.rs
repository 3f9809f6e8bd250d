//! Turns the configuration as written into a valid one, or reports everything that is wrong.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono_tz::Tz;
use serde_json::Value;

use super::apart::ApartDraft;
use super::connections::connections;
use super::endpoints::{addresses, alerts, endpoints};
use super::exports::{Folders, NameableTenants, exports};
use super::guard::{GuardDraft, absent_sweeps};
use super::no_effect::no_effects;
use super::options::{Config, ServerOptions, SyncOptions};
use super::organizations::organizations;
use super::polling::PollDefaults;
use super::problem::Problems;
use super::proxies::environment_proxy;
use super::retention::retention;
use super::secrets::Vault;
use super::separations::separations;
use super::server_tls::server_tls;
use super::sessions::{SessionsDraft, idle_limits};
use super::tenants::{Usual, tenants};
use super::values::{schedule, time_zone};
use super::{ConfigError, Environment, Fault, Written, raw};
use crate::sync::parse_duration;
use crate::telemetry::{Filter, LogOptions};

/// How many tenants are read at the same time by default: each may keep some pages and an index of
/// its users in memory, and runs mostly wait for Qlik's limits, not for us.
const CONCURRENCY: usize = 4;
const MAX_CONCURRENCY: u32 = 100;

const MAX_JITTER: Duration = Duration::from_secs(3600);

/// Validates what was read, and adds to the problems found so far.
pub(super) fn validate(
    raw: raw::Raw,
    tree: Value,
    environment: &Environment,
    mut problems: Problems,
) -> Result<Config, ConfigError> {
    let source = problems.file().to_owned();
    let vault = Vault::new(environment, &source);
    let addresses = addresses(&raw.endpoints, &vault, &mut problems);
    let mut without_effect = no_effects(&raw, &addresses);
    let nameable = NameableTenants::of(&raw);
    let proxies = environment_proxy(environment, &mut problems, &mut without_effect);
    let zone = zone(raw.sync.timezone.as_deref(), &mut problems);
    let text = raw.sync.schedule.as_deref().unwrap_or("15m");
    let usual = schedule("sync.schedule", text, zone, &mut problems);
    let poll_defaults = PollDefaults::new(&raw.sync, &vault, &mut problems);
    let jitter = jitter(raw.sync.jitter, &mut problems);
    let tls = server_tls(raw.server.tls.as_ref(), &vault, &mut problems);
    let listen = listen(raw.server.listen, &mut problems);
    let log = log(&raw.log, environment, &mut problems);
    let connections = connections(raw.connections, &vault, &proxies, &mut problems);
    let for_tenants = Usual {
        schedule: usual.as_ref(),
        zone,
        poll_defaults: &poll_defaults,
        apart: ApartDraft::new(&raw.access, &mut problems),
        sessions: SessionsDraft::new(&raw.access),
        guard: GuardDraft::default().with("sync.guard", &raw.sync.guard, &mut problems),
        absent_sweeps: absent_sweeps(raw.sync.absent_sweeps, &mut problems),
    };
    let tenants = tenants(raw.tenants, &connections, &for_tenants, &mut problems);
    let organizations = organizations(&connections, &for_tenants, &mut problems);
    let mut endpoints = endpoints(raw.endpoints, addresses, &vault, &proxies, &mut problems);
    let (alerts, of_alerts) = alerts(raw.alerts, &endpoints, &vault, &proxies, &mut problems);
    endpoints.extend(alerts);
    without_effect.extend(of_alerts);
    let idle_limits = idle_limits(&raw.access, &mut problems);
    let separations = separations(raw.access.sod, &mut problems);
    let concurrency = concurrency(raw.sync.concurrency, &mut problems);
    let retention = retention(&raw.store, &mut problems);
    let store = store(raw.store.path.as_deref(), &source, environment);
    let folders = Folders {
        source: &source,
        store: &store,
    };
    let exports = exports(raw.exports, zone, folders, &nameable, &mut problems);
    let rest = retention.zip(listen).zip(log);
    let config = match (usual, jitter, concurrency, rest) {
        (Some(schedule), Some(jitter), Some(concurrency), Some(((retention, listen), log))) => {
            Some(Config {
                retention,
                source,
                store,
                server: ServerOptions { listen, tls },
                sync: SyncOptions {
                    schedule,
                    jitter,
                    concurrency,
                },
                tenants,
                organizations,
                separations,
                idle_limits,
                endpoints,
                exports,
                proxies,
                log,
                without_effect,
                written: Written::new(tree, vault.digests()),
            })
        }
        _ => None,
    };
    problems.settle(config)
}

/// Returns the store's folder. For a service it comes from systemd, which may pass several folders
/// separated by colons. A relative path refers to the configuration file's folder, so that a
/// command finds the daemon's store, like its secrets, wherever it is called from.
pub(super) fn store(path: Option<&str>, source: &Path, environment: &Environment) -> PathBuf {
    let passed = environment.get("STATE_DIRECTORY");
    let passed = passed.and_then(|folders| folders.split(':').next());
    let path = path.or(passed).unwrap_or("qlik-roster-data");
    match source.parent() {
        Some(folder) => folder.join(path),
        None => PathBuf::from(path),
    }
}

fn zone(text: Option<&str>, problems: &mut Problems) -> Tz {
    time_zone("sync.timezone", text.unwrap_or("UTC"), problems).unwrap_or(Tz::UTC)
}

fn jitter(text: Option<String>, problems: &mut Problems) -> Option<Duration> {
    let Some(text) = text else {
        return Some(Duration::ZERO);
    };
    let jitter = parse_duration(&text).filter(|jitter| *jitter <= MAX_JITTER);
    if jitter.is_none() {
        problems.add("sync.jitter", Fault::BadDuration { text });
    }
    jitter
}

fn concurrency(number: Option<u32>, problems: &mut Problems) -> Option<usize> {
    let Some(number) = number else {
        return Some(CONCURRENCY);
    };
    let fits = (1..=MAX_CONCURRENCY).contains(&number);
    if !fits {
        let fault = Fault::OutOfRange {
            value: number.to_string(),
            allowed: "a number from 1 to 100",
        };
        problems.add("sync.concurrency", fault);
    }
    fits.then_some(usize::try_from(number).unwrap_or(CONCURRENCY))
}

fn listen(text: Option<String>, problems: &mut Problems) -> Option<SocketAddr> {
    let text = text.unwrap_or_else(|| "127.0.0.1:8720".to_owned());
    let address = text.parse().ok();
    if address.is_none() {
        problems.add("server.listen", Fault::BadAddress { text });
    }
    address
}

/// Validates the log settings. `RUST_LOG` overrides the file, as in other Rust programs.
fn log(raw: &raw::Log, environment: &Environment, problems: &mut Problems) -> Option<LogOptions> {
    let format = raw.format.as_deref().unwrap_or("text").parse();
    let format = format
        .map_err(|detail| problems.add("log.format", Fault::BadLog { detail }))
        .ok();
    let level = raw.level.as_deref().unwrap_or("info");
    let filter = match environment.get("RUST_LOG") {
        Some(text) => Filter::parse(text).map_err(|error| {
            let remedy = format!("{error}; correct it or unset it");
            problems.add_variable("RUST_LOG", Fault::BadVariable { remedy });
        }),
        None => Filter::parse(level).map_err(|error| {
            let detail = error.to_string();
            problems.add("log.level", Fault::BadLog { detail });
        }),
    };
    Some(LogOptions {
        format: format?,
        filter: filter.ok()?,
    })
}
