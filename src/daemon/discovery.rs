//! Links the tenants that an organization's console lists, and pauses those that should not be read
//! any more.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{info, warn};

use crate::config::{Config, OrganizationConfig, TenantConfig};
use crate::connector::qlik::{
    Credentials, Options, Organization, ReadError, Roster, TenantHost, pick_name, relink,
};
use crate::lock::lock;
use crate::model::{ConnectionName, Link, Pause, TenantName};
use crate::pulse::Pulse;
use crate::signal::Shutdown;
use crate::store::StoreError;
use crate::sync::{Rank, Worker};
use crate::telemetry::chain;

use super::linker::Linker;
use super::source::{BuildError, Source};

/// Discovers the tenants of one organization.
#[derive(Debug)]
pub struct Discovery {
    config: OrganizationConfig,
    /// Our credentials at its tenants, which may be renewed.
    credentials: Mutex<Credentials>,
    organization: Organization,
    linker: Linker,
    /// The tenants of the configuration, which take precedence.
    given: Vec<Given>,
}

/// What discovery needs to know about a configured tenant.
#[derive(Debug, Clone)]
struct Given {
    name: TenantName,
    host: String,
    /// Whether it is read over this same connection.
    is_ours: Ours,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ours {
    Yes,
    No,
}

/// Why asking the console failed. Tenants that are linked stay linked.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// The console did not give a usable answer.
    #[error("listing the tenants of `{connection}`")]
    Fetch {
        /// The connection.
        connection: ConnectionName,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A tenant's client could not be created.
    #[error("preparing to reach a tenant of `{connection}`")]
    Client {
        /// The connection.
        connection: ConnectionName,
        /// Why.
        #[source]
        source: BuildError,
    },
    /// The store failed.
    #[error("keeping the tenants of `{connection}`")]
    Store {
        /// The connection.
        connection: ConnectionName,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl DiscoverError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fetch { source, .. } => source.code(),
            Self::Client { source, .. } => source.code(),
            Self::Store { source, .. } => source.code(),
        }
    }
}

impl Discovery {
    /// Returns the connection over which we ask the console.
    pub fn connection(&self) -> &ConnectionName {
        &self.config.name
    }

    pub(super) fn new(
        organization: &OrganizationConfig,
        config: &Config,
        linker: Linker,
    ) -> Result<Self, BuildError> {
        let given = config.tenants.iter().map(|tenant| Given {
            name: tenant.name.clone(),
            host: tenant.options.host.to_string(),
            is_ours: if tenant.connection == organization.name {
                Ours::Yes
            } else {
                Ours::No
            },
        });
        let clock = linker.clock.clone();
        Ok(Self {
            organization: Organization::new(organization.options.clone(), clock)?,
            config: organization.clone(),
            credentials: Mutex::new(organization.credentials.clone()),
            linker,
            given: given.collect(),
        })
    }

    /// Takes other credentials of the same clients, at the console and at the tenants. Returns
    /// whether it could.
    pub(super) async fn renew(&self, renewed: &OrganizationConfig) -> bool {
        let console = &renewed.options.console.credentials;
        let mut is_renewed = self.organization.renew(console).await;
        for source in self.linker.sources.over(&self.config.name) {
            is_renewed &= source.renew(&renewed.credentials).await;
        }
        if is_renewed {
            *lock(&self.credentials) = renewed.credentials.clone();
        }
        is_renewed
    }

    /// Links the tenants that were known when the last process ended; returns the new loops.
    pub async fn restore(&self) -> Result<Vec<Worker<Source>>, DiscoverError> {
        let links = self.links().await?;
        self.apply(&links)
    }

    /// Asks the console once; returns the new loops.
    pub async fn look(&self) -> Result<Vec<Worker<Source>>, DiscoverError> {
        let connection = || self.config.name.clone();
        let listed = self.organization.list().await;
        let roster = listed.map_err(|source| DiscoverError::Fetch {
            connection: connection(),
            source,
        })?;
        if roster.unreadable > 0 {
            warn!(
                "The console of `{}` lists or counts {} tenants that cannot be read; while it does, no tenant counts as gone",
                self.config.name, roster.unreadable
            );
        }
        let known = self.links().await?;
        let links = self.relinked(known.clone(), roster);
        if links != known {
            let (name, kept) = (connection(), links.clone());
            self.linker
                .store
                .offload(move |store| store.set_links(&name, &kept))
                .await
                .map_err(|source| DiscoverError::Store {
                    connection: connection(),
                    source,
                })?;
        }
        self.apply(&links)
    }

    /// Asks the console at its interval until shutdown, and sends new loops on.
    pub(super) async fn run(
        &self,
        loops: mpsc::Sender<Worker<Source>>,
        pulse: Pulse,
        shutdown: Shutdown,
    ) -> Result<(), StoreError> {
        let mut failing = None;
        loop {
            let looked = tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                looked = pulse.beside(self.look()) => looked,
            };
            match looked {
                Ok(workers) => {
                    failing = None;
                    for worker in workers {
                        // Nobody receives it: the process is ending.
                        if loops.send(worker).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                Err(DiscoverError::Store { source, .. }) if source.is_fatal() => {
                    return Err(source);
                }
                // Logged once, not each time.
                Err(error) if failing == Some(error.code()) => {}
                Err(error) => {
                    failing = Some(error.code());
                    warn!(
                        error.code = error.code(),
                        error = %chain(&error),
                        "New tenants of `{}` cannot be found: {}; the known ones are still read",
                        self.config.name,
                        chain(&error)
                    );
                }
            }
            if wait(self.config.interval, &pulse, &shutdown).await == Wait::Ended {
                return Ok(());
            }
        }
    }

    async fn links(&self) -> Result<Vec<Link>, DiscoverError> {
        let name = self.config.name.clone();
        let links = self.linker.store.offload(move |store| store.links(&name));
        let links = links.await.map_err(|source| DiscoverError::Store {
            connection: self.config.name.clone(),
            source,
        });
        Ok(self.without_given_names(links?))
    }

    /// Renames each link whose name the operator has since given to another tenant.
    fn without_given_names(&self, mut links: Vec<Link>) -> Vec<Link> {
        let mut taken: BTreeSet<TenantName> = self.linker.registry.names().into_iter().collect();
        taken.extend(links.iter().map(|link| link.name.clone()));
        for link in &mut links {
            let is_taken = self.given.iter().any(|given| given.name == link.name);
            if is_taken && !self.given.iter().any(|given| given.is(link)) {
                link.name = pick_name(&hosts(link), &taken);
                taken.insert(link.name.clone());
            }
        }
        links
    }

    fn relinked(&self, known: Vec<Link>, roster: Roster) -> Vec<Link> {
        let taken: BTreeSet<TenantName> = self.linker.registry.names().into_iter().collect();
        relink(known, roster, self.organization.selection(), &taken)
    }

    /// Updates the registry to match the links.
    fn apply(&self, links: &[Link]) -> Result<Vec<Worker<Source>>, DiscoverError> {
        let mut workers = Vec::new();
        for link in links {
            if let Some(given) = self.given.iter().find(|given| given.is(link)) {
                // The console decides about tenants that are read over its connection.
                if given.is_ours == Ours::Yes {
                    self.set_pause(&given.name, link.pause.clone());
                }
                continue;
            }
            let known = self.linker.registry.get(&link.name);
            if known.is_none_or(|known| *known.connection() != self.config.name) {
                workers.extend(self.link(link)?);
            }
            self.set_pause(&link.name, link.pause.clone());
        }
        Ok(workers)
    }

    fn link(&self, link: &Link) -> Result<Option<Worker<Source>>, DiscoverError> {
        let credentials = lock(&self.credentials).clone();
        let Some(tenant) = tenant_of(&self.config, credentials, link) else {
            return Ok(None);
        };
        let worker = self.linker.link(&tenant);
        let worker = worker.map_err(|source| DiscoverError::Client {
            connection: self.config.name.clone(),
            source,
        })?;
        info!(
            tenant.name = %link.name,
            "Linked `{}` ({}), which the console of `{}` lists",
            link.name, tenant.options.host, self.config.name
        );
        Ok(Some(worker))
    }

    fn set_pause(&self, name: &TenantName, pause: Option<Pause>) {
        let Some(linked) = self.linker.registry.get(name) else {
            return;
        };
        let before = linked.pause();
        linked.set_pause(pause);
        match linked.pause() {
            now if now == before => {}
            Some(pause) => info!(
                tenant.name = %name,
                "`{name}` is paused: {pause}; what is known of it is kept"
            ),
            None => info!(tenant.name = %name, "`{name}` is read again"),
        }
    }
}

impl Given {
    fn is(&self, link: &Link) -> bool {
        hosts(link).iter().any(|host| host.to_string() == self.host)
    }
}

fn hosts(link: &Link) -> Vec<TenantHost> {
    let hosts = link.hosts.iter();
    hosts
        .filter_map(|host| TenantHost::parse(host).ok())
        .collect()
}

/// Returns how to read a discovered tenant; `None` if it has no host. Aliases may change, the first
/// host does not.
fn tenant_of(
    config: &OrganizationConfig,
    credentials: Credentials,
    link: &Link,
) -> Option<TenantConfig> {
    let host = hosts(link).into_iter().next()?;
    let options = Options {
        budget: config.budget,
        outlast: config.outlast,
        proxies: config.options.console.proxies.clone(),
        ..Options::new(host, credentials)
    };
    Some(TenantConfig {
        name: link.name.clone(),
        connection: config.name.clone(),
        rank: Rank::Discovered,
        options,
        schedule: config.schedule.clone(),
        poll: config.poll,
        spaces: config.spaces,
        licences: config.licences,
        sessions: config.sessions,
        webhook_secret: None,
        removal_policy: config.removal_policy.clone(),
    })
}

/// Lists an organization's tenants for a caller that waits, and returns those that should be read,
/// without the tenants of the configuration.
pub fn found(
    organization: &OrganizationConfig,
    config: &Config,
    roster: Roster,
) -> Vec<TenantConfig> {
    let taken = config
        .tenants
        .iter()
        .map(|tenant| tenant.name.clone())
        .collect();
    let selection = &organization.options.selection;
    let mut links = relink(Vec::new(), roster, selection, &taken);
    links.sort_by(|a, b| a.name.cmp(&b.name));
    let is_given = |link: &Link| {
        config.tenants.iter().any(|tenant| {
            let host = tenant.options.host.to_string();
            let given = Given {
                name: tenant.name.clone(),
                host,
                is_ours: Ours::No,
            };
            given.is(link)
        })
    };
    links
        .iter()
        .filter(|link| link.pause.is_none() && !is_given(link))
        .filter_map(|link| tenant_of(organization, organization.credentials.clone(), link))
        .collect()
}

#[derive(PartialEq, Eq)]
enum Wait {
    Over,
    Ended,
}

async fn wait(time: Duration, pulse: &Pulse, shutdown: &Shutdown) -> Wait {
    tokio::select! {
        () = shutdown.triggered() => Wait::Ended,
        () = pulse.sleep(time) => Wait::Over,
    }
}
