//! Starts the loops of the daemon, each so that it starts again after a crash.

use std::sync::{Arc, Mutex};

use tokio::sync::{mpsc, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::control::Control;
use crate::deliver::{self, DeliverError, Endpoint};
use crate::export;
use crate::lock::lock;
use crate::pulse::{Pulse, Pulses};
use crate::signal::{Shutdown, Wake};
use crate::sync::Worker;
use crate::systemd::Systemd;
use crate::telemetry::{Crashes, Metrics, Part};
use crate::web::{self, Address, ControlSocket, Front};

use super::clock_watch::ClockWatch;
use super::discovery::Discovery;
use super::reload::Reload;
use super::source::Source;
use super::tls_watch::TlsWatch;
use super::watchdog::Watchdog;
use super::{Maintenance, Tasks, tenant_loops};

/// The loops of the daemon.
#[derive(Debug)]
pub(super) struct Loops {
    pub(super) tasks: Tasks,
    pub(super) shutdown: Shutdown,
    pub(super) crashes: Crashes,
    pub(super) pulses: Pulses,
}

/// What deliveries need.
#[derive(Debug, Clone)]
pub(super) struct Delivering {
    pub(super) control: Arc<Control>,
    pub(super) clock: Clock,
    pub(super) metrics: Metrics,
}

impl Loops {
    /// Starts a part; `whose` is the tenant or endpoint that it is for, if there are several.
    fn keep<F, E>(
        &mut self,
        part: Part,
        whose: &str,
        start: impl Fn(Pulse, Shutdown) -> F + Send + 'static,
    ) where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<anyhow::Error> + Send + 'static,
    {
        let (crashes, shutdown) = (self.crashes.clone(), self.shutdown.clone());
        let whose = whose.to_owned();
        let pulse = self.pulses.of(match &*whose {
            "" => part.word().to_owned(),
            whose => format!("{} of {whose}", part.word()),
        });
        self.tasks.spawn(part.word(), async move {
            let ending = shutdown.clone();
            let start = move |pulse| start(pulse, shutdown.clone());
            crashes
                .survive((part, &whose), (pulse, &ending), start)
                .await
        });
    }

    pub(super) fn answer_commands(
        &mut self,
        socket: ControlSocket,
        control: &Arc<Control>,
        connections: usize,
        metrics: &Metrics,
    ) {
        let (control, metrics) = (Arc::clone(control), metrics.clone());
        self.keep(Part::Control, "", move |pulse, shutdown| {
            let (socket, control) = (socket.clone(), Arc::clone(&control));
            let serving = socket.serve(control, connections, metrics.clone(), shutdown);
            async move { pulse.beside(serving).await }
        });
    }

    pub(super) fn maintain(&mut self, maintenance: Maintenance) {
        self.keep(Part::Maintenance, "", move |pulse, shutdown| {
            maintenance.clone().run(pulse, shutdown)
        });
    }

    pub(super) fn watch_clock(&mut self, watch: ClockWatch) {
        self.keep(Part::Clock, "", move |pulse, shutdown| {
            watch.clone().run(pulse, shutdown)
        });
    }

    pub(super) fn answer_programs(&mut self, address: Address, front: Front) {
        self.keep(Part::Web, "", move |pulse, _shutdown| {
            let serving = web::serve(address.clone(), front.clone());
            async move { pulse.beside(serving).await }
        });
    }

    pub(super) fn watch_certificate(&mut self, watch: TlsWatch, metrics: &Metrics) {
        let metrics = metrics.clone();
        self.keep(Part::Certificate, "", move |pulse, shutdown| {
            watch.clone().run(metrics.clone(), pulse, shutdown)
        });
    }

    /// Starts deliveries. A new endpoint gets everything that is found from then on.
    pub(super) async fn deliver(
        &mut self,
        endpoint: &Endpoint,
        wake: Wake,
        with: &Delivering,
    ) -> Result<watch::Sender<Option<Endpoint>>, DeliverError> {
        let (sender, settings) = watch::channel(None);
        let first = Mutex::new(Some(open(endpoint, with.clone()).await?));
        let (endpoint, with) = (endpoint.clone(), with.clone());
        let name = endpoint.name().to_string();
        self.keep(Part::Deliveries, &name, move |pulse, shutdown| {
            let first = lock(&first).take();
            let (with, wake, settings) = (with.clone(), wake.clone(), settings.clone());
            let endpoint = settings
                .borrow()
                .clone()
                .unwrap_or_else(|| endpoint.clone());
            async move {
                let worker = match first {
                    Some(worker) => worker,
                    None => open(&endpoint, with).await?,
                };
                let worker = worker.following(settings).watched(pulse);
                worker.run(wake, shutdown).await
            }
        });
        Ok(sender)
    }

    pub(super) fn export(&mut self, config: &Config, with: &Delivering) {
        let (exports, with) = (config.exports.clone(), with.clone());
        self.keep(Part::Exports, "", move |pulse, shutdown| {
            let Delivering {
                control,
                clock,
                metrics,
            } = with.clone();
            let worker = export::Worker::new(exports.clone(), control, clock, metrics);
            worker.run(pulse, shutdown)
        });
    }

    /// Starts the loops of the tenants, and what finds more of them.
    pub(super) fn read_tenants(
        &mut self,
        workers: Vec<Worker<Source>>,
        discoveries: &[Arc<Discovery>],
    ) {
        let (loops, more) = mpsc::channel(tenant_loops::WAITING);
        let syncing = tenant_loops::run(workers, more, self.shutdown.clone());
        self.tasks.spawn("sync", syncing);
        for discovery in discoveries {
            let discovery = Arc::clone(discovery);
            let name = discovery.connection().to_string();
            let loops = loops.clone();
            self.keep(Part::Discovery, &name, move |pulse, shutdown| {
                let (discovery, loops) = (Arc::clone(&discovery), loops.clone());
                async move { discovery.run(loops, pulse, shutdown).await }
            });
        }
    }

    /// Starts what reads the configuration again.
    pub(super) fn reload(&mut self, reload: Reload) {
        let reload = Arc::new(reload);
        self.keep(Part::Reload, "", move |pulse, shutdown| {
            let reload = Arc::clone(&reload);
            async move { reload.run(pulse, shutdown).await }
        });
    }

    /// Starts what tells the service manager about the daemon.
    pub(super) fn report(&mut self, systemd: Systemd, control: &Arc<Control>, usual: String) {
        let (pulses, control) = (self.pulses.clone(), Arc::clone(control));
        let watchdog = Watchdog::new(systemd, pulses, control, usual);
        self.tasks
            .spawn("watchdog", watchdog.run(self.shutdown.clone()));
    }
}

async fn open(endpoint: &Endpoint, with: Delivering) -> Result<deliver::Worker, DeliverError> {
    let Delivering {
        control,
        clock,
        metrics,
    } = with;
    deliver::Worker::open(endpoint, control.feed(), clock, metrics).await
}
