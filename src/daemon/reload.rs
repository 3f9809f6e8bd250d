//! Takes over what changed in the configuration while the daemon runs.
//!
//! An endpoint is set up again when what it has under way is stored. Credentials replace the old
//! ones from the next request for a token on. Nothing else changes without a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::clock::Clock;
use crate::config::{Config, DifferentKey, Written};
use crate::control::{Control, ReloadOutcome, Reloaded};
use crate::deliver::Endpoint;
use crate::lock::lock;
use crate::model::{ConnectionName, EndpointName, TenantName};
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::systemd::Systemd;

use super::assemble::HookSecrets;
use super::discovery::Discovery;
use super::read_again::ReadAgain;
use super::source::Sources;

/// The most problems and settings that are named: more are one mistake.
const MAX_NAMED: usize = 50;

/// The keys that say where the credentials of a connection are. Another client is another identity,
/// so its id needs a restart.
const CREDENTIALS: &[&str] = &[
    "client_secret_file",
    "client_secret_env",
    "private_key_file",
    "private_key_env",
    "key_id",
    "api_key_file",
    "api_key_env",
];

/// The keys that say where a tenant is read, and with which credentials.
const PLACE: &[&str] = &["connection", "host"];

/// The keys that say where the secret of Qlik's webhooks is.
const HOOK_SECRET: &[&str] = &["webhook_secret_file", "webhook_secret_env"];

/// What a reload changes.
#[derive(Debug)]
pub(super) struct Reload {
    pub(super) read: ReadAgain,
    pub(super) control: Arc<Control>,
    pub(super) clock: Clock,
    pub(super) systemd: Systemd,
    pub(super) in_brief: String,
    pub(super) sources: Sources,
    pub(super) discoveries: Vec<Arc<Discovery>>,
    pub(super) hook_secrets: HookSecrets,
    pub(super) endpoints: BTreeMap<EndpointName, watch::Sender<Option<Endpoint>>>,
    /// The settings that the daemon started with.
    pub(super) started: Written,
}

impl Reload {
    /// Reads the configuration again whenever it is ordered, until told to end.
    pub(super) async fn run(&self, pulse: Pulse, shutdown: Shutdown) -> Result<(), Infallible> {
        let reloads = self.control.reloads().clone();
        let mut current = self.started.clone();
        loop {
            let order = tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                order = pulse.beside(reloads.ordered()) => order,
            };
            self.systemd.reloading("Reading the configuration again");
            // A token endpoint that does not answer may hold it up.
            let outcome = pulse.beside(self.reload(&mut current)).await;
            self.tell(&outcome);
            let at = self.clock.now();
            reloads.answer(order, Reloaded { at, outcome });
        }
    }

    async fn reload(&self, current: &mut Written) -> ReloadOutcome {
        let read = self.read.clone();
        let read = tokio::task::spawn_blocking(move || read.read()).await;
        match read.expect("reading the configuration does not panic") {
            Err(invalid) => ReloadOutcome::Refused {
                problems: named(invalid.problems().iter().map(ToString::to_string)),
            },
            Ok(config) => self.take(&config, current).await,
        }
    }

    /// Takes over what can be.
    async fn take(&self, config: &Config, current: &mut Written) -> ReloadOutcome {
        let different = config.written.different(current);
        let since_start = config.written.different(&self.started);
        self.renew_hook_secrets(config);
        for endpoint in &config.endpoints {
            let name = endpoint.name();
            let of_it = |key: &DifferentKey| is_endpoint(key) && key.is_of(&name.0);
            if different.iter().any(of_it)
                && let Some(worker) = self.endpoints.get(name)
            {
                self.control.endpoints().replace(endpoint);
                worker.send_replace(Some(endpoint.clone()));
            }
        }
        // Last, since a token that is just asked for is waited for.
        let others = self.renew(config, &since_start).await;
        let is_other = |key: &DifferentKey| {
            is_credential(key) && others.iter().any(|other| key.is_of(&other.0))
        };
        let is_taken = |key: &&DifferentKey| {
            self.may_change(key) && !is_other(key) && !is_gone_hook_secret(key, config)
        };
        let changed = different.iter().filter(is_taken).map(ToString::to_string);
        let stays = since_start.iter().filter(|key| !is_taken(key));
        let outcome = ReloadOutcome::Taken {
            changed: named(changed),
            needs_restart: named(stays.map(ToString::to_string)),
        };
        *current = config.written.clone();
        outcome
    }

    /// Takes over the credentials of all connections. Returns the connections whose credentials are
    /// those of another client, or of another sort. A tenant that is to be read elsewhere after a
    /// restart keeps its credentials until then: the new ones are not for its present host.
    async fn renew(
        &self,
        config: &Config,
        since_start: &BTreeSet<DifferentKey>,
    ) -> BTreeSet<ConnectionName> {
        let is_moved = |tenant: &TenantName| {
            let mut keys = since_start.iter();
            keys.any(|key| key.section == "tenants" && key.is_of(&tenant.0) && key.is_one_of(PLACE))
        };
        let mut others = BTreeSet::new();
        for tenant in config.tenants.iter().filter(|it| !is_moved(&it.name)) {
            if let Some(source) = self.sources.get(&tenant.name)
                && !source.renew(&tenant.options.credentials).await
            {
                others.insert(tenant.connection.clone());
            }
        }
        for organization in &config.organizations {
            let name = &organization.name;
            let mut known = self.discoveries.iter();
            if let Some(discovery) = known.find(|it| it.connection() == name)
                && !discovery.renew(organization).await
            {
                others.insert(name.clone());
            }
        }
        others
    }

    fn renew_hook_secrets(&self, config: &Config) {
        for tenant in &config.tenants {
            if let Some(known) = self.hook_secrets.get(&tenant.name)
                && let Some(secret) = &tenant.webhook_secret
            {
                *lock(known) = secret.clone();
            }
        }
    }

    /// Returns whether a setting can change while the daemon runs.
    fn may_change(&self, key: &DifferentKey) -> bool {
        let (Some(name), Some(_)) = (&key.name, &key.key) else {
            // Elements that come or go, and sections that are no lists.
            return false;
        };
        is_endpoint(key) && self.endpoints.contains_key(&EndpointName(name.clone()))
            || is_credential(key)
            || is_hook_secret(key) && self.hook_secrets.contains_key(&TenantName(name.clone()))
    }

    fn tell(&self, outcome: &ReloadOutcome) {
        let said = match outcome {
            ReloadOutcome::Refused { problems } => {
                let all = problems.join("; ");
                error!(
                    code = "config.refused",
                    "The configuration was read again and is not valid; everything stays as it \
                     was: {all}"
                );
                "the new configuration is not valid, and the old one stays in force"
            }
            ReloadOutcome::Taken {
                changed,
                needs_restart,
            } => {
                let all = match &*changed.join(", ") {
                    "" => "nothing".to_owned(),
                    changed => changed.to_owned(),
                };
                info!("The configuration was read again; changed: {all}");
                if !needs_restart.is_empty() {
                    warn!(
                        code = "config.needs-restart",
                        "These settings take effect only after a restart: {}",
                        needs_restart.join(", ")
                    );
                }
                match needs_restart.is_empty() {
                    true => "the configuration was read again",
                    false => "some new settings take effect only after a restart",
                }
            }
        };
        self.systemd.ready(&format!("{}; {said}", self.in_brief));
    }
}

fn is_endpoint(key: &DifferentKey) -> bool {
    matches!(&*key.section, "endpoints" | "alerts")
}

fn is_credential(key: &DifferentKey) -> bool {
    key.section == "connections" && key.is_one_of(CREDENTIALS)
}

fn is_hook_secret(key: &DifferentKey) -> bool {
    key.section == "tenants" && key.is_one_of(HOOK_SECRET)
}

/// Returns whether a tenant has no secret for Qlik's webhooks any more. The old one counts until a
/// restart.
fn is_gone_hook_secret(key: &DifferentKey, config: &Config) -> bool {
    let mut tenants = config.tenants.iter();
    is_hook_secret(key)
        && !tenants.any(|tenant| key.is_of(&tenant.name.0) && tenant.webhook_secret.is_some())
}

/// Returns the first of many texts.
fn named(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    texts.into_iter().take(MAX_NAMED).collect()
}
