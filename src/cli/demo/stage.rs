//! The setting of the demo: the emulated tenant, the receiver, and a folder with an ordinary
//! configuration.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tempfile::TempDir;
use tokio::sync::broadcast;
use url::Url;

use crate::clock::Clock;
use crate::deliver::generate_shared_secret;
use crate::demo::tenant::{RateLimits, TenantOptions};
use crate::demo::{Delivery, EmulatedTenant, Receiver, Retention};

use crate::cli::args::DemoArgs;

/// The events that the receiver gets: those of records and of runs.
pub(super) const EVENTS: [&str; 4] = ["user.*", "role.*", "group.*", "sync.*"];

/// The tenant's name in the demo's configuration.
pub(super) const TENANT: &str = "acme";

/// Tenants up to this size are read under Qlik's rate limits and our own.
const LIMITED_UP_TO: u32 = 2_000;

/// From this many users on, the guard's default limits suit the story of the mass deletion.
const SMALL: usize = 40;

/// Everything but the daemon.
pub(super) struct Stage {
    pub(super) tenant: EmulatedTenant,
    receiver: Option<Receiver>,
    /// The address of the receiver, whether it is up or down.
    address: SocketAddr,
    secret: String,
    /// What earlier receivers got before they were taken down.
    past: Vec<Arc<Delivery>>,
    pub(super) seed: u64,
    /// Whether rate limits apply.
    pub(super) limited: bool,
    dir: TempDir,
}

impl Stage {
    pub(super) async fn set(args: &DemoArgs, clock: Clock) -> anyhow::Result<Self> {
        let limited = args.users <= LIMITED_UP_TO;
        let options = TenantOptions {
            users: args.users as usize,
            seed: args.seed,
            rate_limits: if limited {
                RateLimits::Documented
            } else {
                RateLimits::Off
            },
            ..TenantOptions::default()
        };
        let secret = generate_shared_secret()?.expose().to_owned();
        let tenant = EmulatedTenant::start(options, clock)
            .await
            .context("starting the tenant")?;
        let receiver = Receiver::start(vec![secret.clone()])
            .await
            .context("starting the receiver")?;
        let address = address(&receiver)?;
        let dir = tempfile::Builder::new()
            .prefix("qlik-roster-demo-")
            .tempdir()?;
        let stage = Self {
            tenant,
            receiver: Some(receiver),
            address,
            secret: secret.clone(),
            past: Vec::new(),
            seed: args.seed,
            limited,
            dir,
        };
        write(
            &stage.path("client-secret"),
            stage.tenant.client_secret().expose(),
        )?;
        write(&stage.path("endpoint-secret"), &secret)?;
        write(&stage.config_path(), &stage.config())?;
        Ok(stage)
    }

    pub(super) fn config_path(&self) -> PathBuf {
        self.path("qlik-roster.toml")
    }

    /// Returns what the receiver has got, in order of arrival.
    pub(super) fn deliveries(&self) -> Vec<Arc<Delivery>> {
        let living = self.receiver.iter().flat_map(Receiver::deliveries);
        self.past.iter().cloned().chain(living).collect()
    }

    /// Returns each delivery as it comes; `None` while the receiver is down.
    pub(super) fn watch(&self) -> Option<broadcast::Receiver<Arc<Delivery>>> {
        self.receiver.as_ref().map(Receiver::watch)
    }

    /// Takes the receiver down: nothing listens at its address any more.
    pub(super) async fn kill_receiver(&mut self) {
        if let Some(receiver) = self.receiver.take() {
            self.past.extend(receiver.deliveries());
            receiver.stop().await;
        }
    }

    /// Starts the receiver at the same address, if it is down.
    pub(super) async fn revive_receiver(&mut self) -> anyhow::Result<()> {
        if self.receiver.is_none() {
            let (address, secrets) = (Some(self.address), vec![self.secret.clone()]);
            let receiver = Receiver::start_at(address, secrets, Retention::All).await;
            self.receiver = Some(receiver.context("starting the receiver again")?);
        }
        Ok(())
    }

    /// Shuts everything down.
    pub(super) async fn strike(mut self) {
        self.kill_receiver().await;
        self.tenant.stop().await;
    }

    /// Returns whether the guard's default limits suit the tenant.
    fn limits_count(&self) -> bool {
        self.tenant.directory().n_users() >= SMALL
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn config(&self) -> String {
        format!(
            r#"[store]
path = "{store}"

[server]
listen = "127.0.0.1:0"

[sync]
poll = "off"
{guard}

[[connections]]
name = "demo"
kind = "tenant"
client_id = "{client_id}"
client_secret_file = "{client_secret}"
requests_per_minute = {requests_per_minute}

[[tenants]]
name = "{TENANT}"
host = "{host}"
connection = "demo"

[[endpoints]]
name = "receiver"
url = "http://{address}/hooks"
secret_file = "{endpoint_secret}"
events = {EVENTS:?}
allow_private = ["127.0.0.0/8"]
allow_http = true
"#,
            store = self.path("store").display(),
            guard = match self.limits_count() {
                true => "",
                // By default, the guard's limits in percent do not apply to a tenant this small.
                false => "guard = { users = { min_population = 5 } }",
            },
            client_id = self.tenant.client_id(),
            client_secret = self.path("client-secret").display(),
            requests_per_minute = if self.limited { 500 } else { 0 },
            host = self.tenant.url(),
            address = self.address,
            endpoint_secret = self.path("endpoint-secret").display(),
        )
    }
}

fn address(receiver: &Receiver) -> anyhow::Result<SocketAddr> {
    let url = Url::parse(&receiver.url())?;
    let mut addresses = url.socket_addrs(|| None)?.into_iter();
    addresses.next().context("the receiver has no address")
}

/// Writes a file that only its owner can read.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("writing {}", path.display()))
}
