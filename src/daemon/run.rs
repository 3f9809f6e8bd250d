//! The daemon from start to shutdown.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{info, warn};

use crate::clock::Clock;
use crate::config::{Config, UnusableTls};
use crate::control::{Control, ControlError};
use crate::deliver::{self, Endpoint};
use crate::model::{EndpointName, TenantName};
use crate::signal::{self, Shutdown, ShutdownTrigger};
use crate::store::{OpenError, Store, StoreError};
use crate::sync;
use crate::telemetry::{Metrics, Part};
use crate::web::{self, Address, ControlSocket, Front, Health, SocketError};

use super::clock_watch::ClockWatch;
use super::loops::{Delivering, Loops};
use super::reload::Reload;
use super::source::BuildError;
use super::tls_watch::TlsWatch;
use super::{
    DiscoverError, Ending, Hooks, Maintenance, Parts, Patience, Tasks, Wakes, descriptors,
    first_token,
};

/// How long tasks may take to end. We wait for a delivery under way, because it would be repeated
/// if we cut it off: ten seconds for the receiver's answer, and some to store it.
const PATIENCE: Patience = Patience {
    of: Part::Deliveries.word(),
    long: Duration::from_secs(13),
    short: Duration::from_secs(4),
};

/// How long closing the store may take. With the tasks before it, the process ends within 20 s:
/// Kubernetes kills after 30.
const CLOSING: Duration = Duration::from_secs(5);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store could not be opened.
    #[error(transparent)]
    Open {
        /// Why.
        source: OpenError,
    },
    /// The store failed at its first use.
    #[error("reading the store")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// The tokens could not be read, or the first one could not be stored.
    #[error("preparing the tokens of programs")]
    Token {
        /// Why.
        #[source]
        source: ControlError,
    },
    /// A tenant's client could not be created.
    #[error("preparing to reach the tenants")]
    Client {
        /// Why.
        #[source]
        source: BuildError,
    },
    /// The tenants that were found earlier could not be linked.
    #[error("linking the tenants that were found")]
    Tenants {
        /// Why.
        #[source]
        source: DiscoverError,
    },
    /// An endpoint could not be prepared.
    #[error("preparing the endpoints")]
    Deliver {
        /// Why.
        #[source]
        source: deliver::DeliverError,
    },
    /// The control socket could not be opened.
    #[error("opening the control socket")]
    Socket {
        /// Why.
        #[source]
        source: SocketError,
    },
    /// The certificate for TLS could not be read again.
    #[error("reading the certificate of `[server.tls]`")]
    Tls {
        /// Why.
        #[source]
        source: UnusableTls,
    },
    /// The address to listen on is in use, or does not belong to this machine.
    #[error("listening on {address} (`server.listen`)")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StartError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Open { source, .. } => source.code(),
            Self::Store { source } => source.code(),
            Self::Token { source } => source.code(),
            Self::Client { source } => source.code(),
            Self::Tenants { source } => source.code(),
            Self::Deliver { source } => source.code(),
            Self::Socket { source } => source.code(),
            Self::Tls { source } => source.code(),
            Self::Listen { .. } => "daemon.listen",
        }
    }
}

/// A running daemon.
#[derive(Debug)]
pub struct Daemon {
    tasks: Tasks,
    store: Store,
    clock: Clock,
    shutdown: Shutdown,
    listens: SocketAddr,
    control: Arc<Control>,
    in_brief: String,
}

impl Daemon {
    /// Opens the store, then starts everything that uses it.
    pub async fn start(config: &Config, clock: Clock, hooks: Hooks) -> Result<Self, StartError> {
        let shares = descriptors::share_out(config);
        let open = Opened::of(config, &clock, shares.listening).await?;
        let store = open.store;
        let (trigger, shutdown) = signal::shutdown();
        let hooks = Hooks {
            ending: shutdown.clone(),
            ..hooks
        };
        let parts = prepare(config, &clock, store.clone(), &hooks).await?;
        let socket =
            ControlSocket::open(&config.store).map_err(|source| StartError::Socket { source })?;

        let mut loops = Loops {
            tasks: Tasks::new(trigger),
            shutdown: shutdown.clone(),
            crashes: parts.crashes.clone(),
            pulses: parts.pulses.clone(),
        };
        let (control, metrics) = (Arc::clone(&parts.control), parts.metrics.clone());
        loops.answer_commands(socket, &control, shares.control, &metrics);
        let maintenance = Maintenance::new(config, store.clone(), clock.clone(), metrics.clone());
        loops.maintain(maintenance);
        loops.watch_clock(ClockWatch {
            clock: clock.clone(),
            last: parts.last_clock_jump.clone(),
            metrics: metrics.clone(),
        });
        let connections = shares.listening;
        loops.answer_programs(open.address, front(&parts, &shutdown, connections));
        if let Some(tls) = open.tls {
            loops.watch_certificate(tls, &metrics);
        }
        let with = Delivering {
            control: Arc::clone(&control),
            clock: clock.clone(),
            metrics,
        };
        // Before the first run, so that a new endpoint gets everything that is found from now on.
        let endpoints = deliver_all(&mut loops, config, &parts.wakes, &with).await?;
        loops.export(config, &with);
        let n_tenants = parts.workers.len();
        let discoveries: Vec<_> = parts.discoveries.into_iter().map(Arc::new).collect();
        loops.read_tenants(parts.workers, &discoveries);
        let in_brief = in_brief(n_tenants, config);
        if let Some(read) = hooks.read_again {
            loops.reload(Reload {
                read,
                control: Arc::clone(&control),
                clock: clock.clone(),
                systemd: hooks.systemd.clone(),
                in_brief: in_brief.clone(),
                sources: parts.sources,
                discoveries,
                hook_secrets: parts.hook_secrets,
                endpoints,
                started: config.written.clone(),
            });
        }
        loops.report(hooks.systemd, &control, in_brief.clone());
        say_started(n_tenants, config, open.listens);
        Ok(Self {
            tasks: loops.tasks,
            store,
            clock,
            shutdown,
            listens: open.listens,
            control,
            in_brief,
        })
    }

    /// Says what it does, for the service manager.
    pub fn in_brief(&self) -> &str {
        &self.in_brief
    }

    /// Returns the address that serves health, metrics and webhooks.
    pub fn listens(&self) -> SocketAddr {
        self.listens
    }

    /// Returns what answers questions, for code in the same process.
    pub fn control(&self) -> Arc<Control> {
        Arc::clone(&self.control)
    }

    /// Runs until `call` completes or a part fails, then shuts everything down in order.
    pub async fn run(mut self, call: impl Future<Output = ()>) -> Ending {
        let failed = tokio::select! {
            () = call => Ending::Clean,
            () = self.shutdown.triggered() => Ending::Clean,
            ending = self.tasks.first_failure() => ending,
        };
        info!("Ending");
        let ended = self.tasks.end(PATIENCE).await;
        let now = self.clock.now();
        let closing = self.store.offload(move |store| {
            store.close_interrupted_runs(now)?;
            store.close()
        });
        // Whatever was acknowledged is on disk by now.
        let closed = timeout(CLOSING, closing).await.unwrap_or_else(|_elapsed| {
            warn!(
                "Something still reads the store, which could not be closed within {CLOSING:?}; \
                 nothing is lost, and the next start continues"
            );
            Ok(())
        });
        if let Err(error) = &closed {
            warn!(error = %error, "The store did not close cleanly: {error}");
        }
        match (failed, ended, closed) {
            (Ending::Clean, Ending::Clean, Ok(())) => Ending::Clean,
            (Ending::Clean | Ending::Broken, Ending::Clean | Ending::Broken, Ok(()) | Err(_)) => {
                Ending::Broken
            }
        }
    }
}

/// What is open before the parts are assembled.
struct Opened {
    store: Store,
    address: Address,
    listens: SocketAddr,
    tls: Option<TlsWatch>,
}

impl Opened {
    /// Opens the port and the store. Whoever watches the process learns that it is alive while the
    /// store is being opened.
    async fn of(config: &Config, clock: &Clock, connections: usize) -> Result<Self, StartError> {
        let tls = config.server.tls.clone();
        let tls = tls.map(|files| TlsWatch::begin(files, clock.clone()));
        let tls = tls
            .transpose()
            .map_err(|source| StartError::Tls { source })?;
        let listening = listen(config.server.listen, tls.as_ref()).await;
        let opening = listening.as_ref().ok();
        let opening = opening.map(|(address, _)| Opening::begin(address, connections));
        // If another daemon has the store, that is what the operator has to know, and not that it
        // has the port as well.
        let store = open(config, clock).await?;
        let (address, listens) = listening?;
        if let Some(opening) = opening {
            opening.end().await;
        }
        Ok(Self {
            store,
            address,
            listens,
            tls,
        })
    }
}

/// Answers probes while the store is being opened. Ends when it is dropped.
struct Opening {
    trigger: ShutdownTrigger,
    task: JoinSet<()>,
}

impl Opening {
    fn begin(address: &Address, connections: usize) -> Self {
        let (trigger, shutdown) = signal::shutdown();
        let answering = web::serve_opening(address.clone(), connections, shutdown);
        let mut task = JoinSet::new();
        task.spawn(answering);
        Self { trigger, task }
    }

    async fn end(mut self) {
        self.trigger.trigger();
        while self.task.join_next().await.is_some() {}
    }
}

async fn listen(
    address: SocketAddr,
    tls: Option<&TlsWatch>,
) -> Result<(Address, SocketAddr), StartError> {
    let listening = |source| StartError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listening)?;
    let listens = listener.local_addr().map_err(listening)?;
    let address = Address {
        listener: Arc::new(listener),
        tls: tls.map(TlsWatch::tls),
    };
    Ok((address, listens))
}

/// Assembles the parts, and continues what the store knows of an earlier process.
async fn prepare(
    config: &Config,
    clock: &Clock,
    store: Store,
    hooks: &Hooks,
) -> Result<Parts, StartError> {
    let parts = Parts::assemble(config, &store, clock, hooks);
    let mut parts = parts.map_err(|source| StartError::Client { source })?;
    let restored = parts.restore().await;
    restored.map_err(|source| StartError::Tenants { source })?;
    let tenants = parts.workers.iter();
    let tenants = tenants.map(|worker| worker.linked.name().clone()).collect();
    recall(&store, tenants, &parts.metrics).await?;
    let token = first_token::make(&parts.control, &config.store).await;
    token.map_err(|source| StartError::Token { source })?;
    Ok(parts)
}

/// Starts the deliveries to all endpoints. Returns what sends each its settings when they change.
async fn deliver_all(
    loops: &mut Loops,
    config: &Config,
    wakes: &Wakes,
    with: &Delivering,
) -> Result<BTreeMap<EndpointName, watch::Sender<Option<Endpoint>>>, StartError> {
    let mut endpoints = BTreeMap::new();
    for endpoint in &config.endpoints {
        let wake = wakes.of_endpoint(endpoint.name());
        let started = loops.deliver(endpoint, wake, with).await;
        let settings = started.map_err(|source| StartError::Deliver { source })?;
        endpoints.insert(endpoint.name().clone(), settings);
    }
    Ok(endpoints)
}

/// Returns what is served at `server.listen`.
fn front(parts: &Parts, shutdown: &Shutdown, connections: usize) -> Front {
    Front {
        health: Health {
            control: Arc::clone(&parts.control),
            shutdown: shutdown.clone(),
        },
        metrics: parts.metrics.clone(),
        hooks: Arc::clone(&parts.hooks),
        connections,
    }
}

/// Says what the daemon does, for the service manager.
fn in_brief(n_tenants: usize, config: &Config) -> String {
    let n_endpoints = config.endpoints.len();
    format!("Running; tenants: {n_tenants}, endpoints: {n_endpoints}")
}

fn say_started(n_tenants: usize, config: &Config, listens: SocketAddr) {
    let n_endpoints = config.endpoints.len();
    let scheme = match config.server.tls {
        Some(_) => "https",
        None => "http",
    };
    info!(
        tenants = n_tenants,
        endpoints = n_endpoints,
        listen = %listens,
        "Started; tenants: {n_tenants}, endpoints: {n_endpoints}, listening on {scheme}://{listens}",
    );
    if config.server.tls.is_none() && !listens.ip().is_loopback() {
        warn!(
            listen = %listens,
            "Other machines can reach {listens} without TLS: tokens and what they read can be \
             overheard unless something in front encrypts it; `[server.tls]` in the configuration \
             names a certificate"
        );
    }
}

/// Restores from the store the metrics that a restart must not reset.
async fn recall(
    store: &Store,
    tenants: Vec<TenantName>,
    metrics: &Metrics,
) -> Result<(), StartError> {
    let metrics = metrics.clone();
    store
        .offload(move |store| sync::recall(&metrics, store, &tenants))
        .await
        .map_err(|source| StartError::Store { source })
}

/// Opens the configured store and logs what had to be done to it.
pub async fn open(config: &Config, clock: &Clock) -> Result<Store, StartError> {
    let path = config.store.clone();
    let opened = tokio::task::spawn_blocking(move || Store::open(&path)).await;
    let opened = opened
        .expect("opening catches its panics")
        .map_err(|source| StartError::Open { source })?;
    if let Some(aside) = &opened.moved_aside {
        warn!(
            "The store was damaged; it was moved to {}, and a new one continues with what could be \
             read of it. `qlik-roster status` says what is missing until you acknowledge it with \
             `qlik-roster store accept`",
            aside.display()
        );
    }
    let now = clock.now();
    let store = opened.store;
    store
        .offload(move |store| store.close_interrupted_runs(now))
        .await
        .map_err(|source| StartError::Store { source })?;
    Ok(store)
}
