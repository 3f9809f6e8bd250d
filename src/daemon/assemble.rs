//! Makes the parts that the configuration asks for, once the store is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::connector::qlik::{BuildError, Hook, Qlik};
use crate::control::{Clients, Control};
use crate::deliver::{self, Endpoint};
use crate::model::{EndpointName, TenantName};
use crate::secret::Secret;
use crate::signal::Wake;
use crate::store::Store;
use crate::sync::{self, Claims, Job, Progress, Runner, Worker};
use crate::telemetry::Metrics;
use crate::web::{Judgement, QlikHooks};

/// Who else wants to hear what happens: the command line's progress, the demo's story.
#[derive(Debug, Clone)]
pub struct Hooks {
    /// Hears of the progress of runs.
    pub sync: sync::Observer,
    /// Hears of attempts at delivery.
    pub deliver: deliver::Observer,
}

impl Hooks {
    /// Nobody else.
    pub fn none() -> Self {
        Self {
            sync: sync::Observer::new(|_| {}),
            deliver: deliver::Observer::none(),
        }
    }
}

/// A wake for each endpoint: told when something was committed.
#[derive(Debug, Clone)]
pub struct Wakes(Arc<BTreeMap<EndpointName, Wake>>);

impl Wakes {
    fn of(endpoints: &[Endpoint]) -> Self {
        let wakes = endpoints
            .iter()
            .map(|endpoint| (endpoint.name().clone(), Wake::default()));
        Self(Arc::new(wakes.collect()))
    }

    /// Wakes all deliveries.
    pub fn wake_all(&self) {
        self.0.values().for_each(Wake::wake);
    }

    /// Returns an endpoint's own wake.
    pub fn of_endpoint(&self, name: &EndpointName) -> Wake {
        self.0.get(name).cloned().unwrap_or_default()
    }
}

/// The parts, put together and at rest.
#[derive(Debug)]
pub struct Parts {
    /// Answers questions.
    pub control: Arc<Control>,
    /// One loop a tenant, for whoever wants the schedule.
    pub workers: Vec<Worker<Qlik>>,
    /// The wakes of the endpoints.
    pub wakes: Wakes,
    /// The numbers that they count into.
    pub metrics: Metrics,
    /// Whose webhooks of Qlik's are taken.
    pub hooks: QlikHooks,
}

impl Parts {
    /// Puts the parts together over an open store.
    pub fn assemble(
        config: &Config,
        store: &Store,
        clock: &Clock,
        hooks: &Hooks,
    ) -> Result<Self, BuildError> {
        let wakes = Wakes::of(&config.endpoints);
        let mut runners = BTreeMap::new();
        let mut workers = Vec::new();
        let claims = Claims::default();
        let metrics = Metrics::default();
        let mut qlik_hooks = QlikHooks::new(metrics.clone());
        for tenant in &config.tenants {
            let connector = Arc::new(Qlik::new(tenant.options.clone(), clock.clone())?);
            let (to_wake, to_tell) = (wakes.clone(), hooks.sync.clone());
            let observer = sync::Observer::new(move |progress| {
                if progress == Progress::Committed {
                    to_wake.wake_all();
                }
                to_tell.hear(progress);
            });
            let job = Job::new(
                tenant.name.clone(),
                connector,
                store.clone(),
                clock.clone(),
                observer,
                tenant.rules.clone(),
                claims.clone(),
            );
            let job = job.listening(tenant.listening).measured(metrics.clone());
            let job = Arc::new(job);
            if let Some(secret) = &tenant.webhook_secret {
                take_hooks(
                    &mut qlik_hooks,
                    tenant.name.clone(),
                    secret,
                    job.poll_wake(),
                );
            }
            runners.insert(tenant.name.clone(), Runner::of(Arc::clone(&job)));
            workers.push(Worker {
                job,
                schedule: tenant.schedule.clone(),
                jitter: config.sync.jitter,
            });
        }
        let endpoints = config
            .endpoints
            .iter()
            .map(|endpoint| endpoint.name().clone())
            .collect();
        let clients = config.tenants.iter().map(|tenant| {
            let client = tenant.options.credentials.client_id();
            let clients = client.map(str::to_owned).into_iter().collect();
            (tenant.name.clone(), clients)
        });
        let clients: Clients = clients.collect();
        let control = Arc::new(Control::new(
            store.clone(),
            clock.clone(),
            runners,
            endpoints,
            clients,
        ));
        Ok(Self {
            control,
            workers,
            wakes,
            metrics,
            hooks: qlik_hooks,
        })
    }
}

/// Lets Qlik's webhooks of a tenant wake its poll.
fn take_hooks(hooks: &mut QlikHooks, tenant: TenantName, secret: &Secret, wake: Wake) {
    let secret = secret.clone();
    let judge = move |signature: &str, body: &[u8]| match Hook::judge(&secret, signature, body) {
        Hook::Forged => Judgement::Forged,
        Hook::Unreadable => Judgement::Unreadable,
        Hook::Event(id) => Judgement::Event(id),
    };
    hooks.take(tenant, judge, wake);
}
