//! Makes the parts that the configuration asks for, once the store is open.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Config;
use crate::connector::qlik::{BuildError, Qlik};
use crate::control::{Clients, Control};
use crate::deliver::{self, Endpoint};
use crate::model::EndpointName;
use crate::signal::Wake;
use crate::store::Store;
use crate::sync::{self, Claims, Job, Progress, Runner, Worker};

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
        for tenant in &config.tenants {
            let connector = Arc::new(Qlik::new(tenant.options.clone(), clock.clone())?);
            let (to_wake, to_tell) = (wakes.clone(), hooks.sync.clone());
            let observer = sync::Observer::new(move |progress| {
                if progress == Progress::Committed {
                    to_wake.wake_all();
                }
                to_tell.hear(progress);
            });
            let job = Arc::new(Job::new(
                tenant.name.clone(),
                connector,
                store.clone(),
                clock.clone(),
                observer,
                tenant.rules.clone(),
                claims.clone(),
            ));
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
        })
    }
}
