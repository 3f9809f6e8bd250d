//! Creates the parts that the configuration asks for, once the store is open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::clock::{Clock, LastClockJump};
use crate::config::Config;
use crate::connector::qlik::Hook;
use crate::control::{Control, Endpoints, Exports, Reloads};
use crate::lock::lock;
use crate::model::TenantName;
use crate::pulse::Pulses;
use crate::secret::Secret;
use crate::signal::{Shutdown, Wake};
use crate::store::Store;
use crate::sync::{self, Claims, TenantRegistry, Worker};
use crate::systemd::Systemd;
use crate::telemetry::{Crashes, Metrics};
use crate::web::{HookCheck, QlikHooks};

use super::read_again::ReadAgain;
use super::source::{BuildError, Source, Sources};
use super::wakes::Wakes;
use super::{DiscoverError, Discovery, Linker, watchdog};

/// The secrets of Qlik's webhooks, which may be renewed.
pub(super) type HookSecrets = BTreeMap<TenantName, Arc<Mutex<Secret>>>;

/// Who else observes what happens: the command line's progress, the demo's story.
#[derive(Debug, Clone)]
pub struct Hooks {
    /// Receives the progress of runs.
    pub sync: sync::Observer,
    /// The service manager that is told how the daemon is doing.
    pub systemd: Systemd,
    /// When no run may begin any more.
    pub ending: Shutdown,
    /// Orders to read the configuration again.
    pub reloads: Reloads,
    /// How it is read again; `None` if it was not read from a file.
    pub read_again: Option<ReadAgain>,
}

impl Hooks {
    /// No observers.
    pub fn none() -> Self {
        Self {
            sync: sync::Observer::new(|_| {}),
            systemd: Systemd::default(),
            ending: Shutdown::never(),
            reloads: Reloads::default(),
            read_again: None,
        }
    }
}

/// The parts, assembled but not started yet.
#[derive(Debug)]
pub struct Parts {
    /// Answers questions.
    pub control: Arc<Control>,
    /// One loop for each tenant, for callers that run the schedule.
    pub workers: Vec<Worker<Source>>,
    /// Finds tenants, one for each organization.
    pub discoveries: Vec<Discovery>,
    /// The wakes of the endpoints.
    pub wakes: Wakes,
    /// The metrics that all parts update.
    pub metrics: Metrics,
    /// When the clock was last set.
    pub last_clock_jump: LastClockJump,
    /// The tenants whose Qlik webhooks are accepted.
    pub hooks: Arc<QlikHooks>,
    /// The secrets of these webhooks.
    pub(super) hook_secrets: HookSecrets,
    /// What reads the tenants.
    pub(super) sources: Sources,
    /// The crashes of all parts.
    pub crashes: Crashes,
    /// Shows that all loops go round.
    pub pulses: Pulses,
}

impl Parts {
    /// Assembles the parts over an open store.
    pub fn assemble(
        config: &Config,
        store: &Store,
        clock: &Clock,
        hooks: &Hooks,
    ) -> Result<Self, BuildError> {
        let wakes = Wakes::of(&config.endpoints);
        let metrics = Metrics::default();
        let crashes = Crashes::new(clock.clone(), metrics.clone());
        let pulses = watchdog::pulses(&hooks.systemd);
        let linker = Linker {
            store: store.clone(),
            clock: clock.clone(),
            wakes: wakes.clone(),
            observer: hooks.sync.clone(),
            claims: Claims::new(config.sync.concurrency),
            registry: TenantRegistry::default(),
            jitter: config.sync.jitter,
            metrics: metrics.clone(),
            ending: hooks.ending.clone(),
            crashes: crashes.clone(),
            pulses: pulses.clone(),
            sources: Sources::default(),
        };
        let workers = config.tenants.iter().map(|tenant| linker.link(tenant));
        let workers: Vec<Worker<Source>> = workers.collect::<Result<_, _>>()?;
        let (qlik_hooks, hook_secrets) = accept_hooks(config, &workers, &metrics);
        let discoveries = config
            .organizations
            .iter()
            .map(|organization| Discovery::new(organization, config, linker.clone()));
        let discoveries = discoveries.collect::<Result<_, _>>()?;
        let endpoints = config.endpoints.iter().map(|endpoint| {
            let wake = wakes.of_endpoint(endpoint.name());
            (endpoint.clone(), wake)
        });
        let last_clock_jump = LastClockJump::of(clock.clone());
        let control = Control::new(
            store.clone(),
            clock.clone(),
            linker.registry.clone(),
            Endpoints::new(endpoints),
            config.retention,
            config.separations.clone(),
            last_clock_jump.clone(),
        );
        let exports = config.exports.iter().map(|export| {
            let folder = export.folder.display().to_string();
            (export.name.clone(), folder)
        });
        let control = control
            .with_idle_limits(config.idle_limits)
            .with_crashes(crashes.clone())
            .with_reloads(hooks.reloads.clone())
            .with_exports(Exports::new(exports))
            .with_metrics(metrics.clone());
        let control = Arc::new(control);
        Ok(Self {
            control,
            workers,
            discoveries,
            wakes,
            metrics,
            last_clock_jump,
            hooks: Arc::new(qlik_hooks),
            hook_secrets,
            sources: linker.sources.clone(),
            crashes,
            pulses,
        })
    }

    /// Links the tenants that were found earlier, so that they are known without asking the
    /// console.
    pub async fn restore(&mut self) -> Result<(), DiscoverError> {
        for discovery in &self.discoveries {
            self.workers.extend(discovery.restore().await?);
        }
        Ok(())
    }
}

/// Lets Qlik's webhooks trigger polls, for the tenants of the configuration that have a secret.
fn accept_hooks(
    config: &Config,
    workers: &[Worker<Source>],
    metrics: &Metrics,
) -> (QlikHooks, HookSecrets) {
    let (mut hooks, mut secrets) = (QlikHooks::new(metrics.clone()), HookSecrets::new());
    for (tenant, worker) in config.tenants.iter().zip(workers) {
        if let Some(secret) = &tenant.webhook_secret {
            let wake = worker.job.poll_wake();
            let secret = Arc::new(Mutex::new(secret.clone()));
            secrets.insert(tenant.name.clone(), Arc::clone(&secret));
            take_hooks(&mut hooks, tenant.name.clone(), secret, wake);
        }
    }
    (hooks, secrets)
}

/// Lets Qlik's webhooks for a tenant trigger its poll.
fn take_hooks(hooks: &mut QlikHooks, tenant: TenantName, secret: Arc<Mutex<Secret>>, wake: Wake) {
    hooks.take(
        tenant,
        move |signature, headers, body| {
            let secret = lock(&secret).clone();
            match Hook::judge(&secret, signature, headers, body) {
                Hook::Forged => HookCheck::Forged,
                Hook::Unreadable => HookCheck::Unreadable,
                Hook::Event(id) => HookCheck::Event(id),
            }
        },
        wake,
    );
}
