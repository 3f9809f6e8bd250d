//! The stage of the demo: the emulated tenant, the receiver, and a folder with a configuration
//! like anybody's.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tempfile::TempDir;

use crate::clock::Clock;
use crate::demo::tenant::{RateLimits, TenantOptions};
use crate::demo::{EmulatedTenant, Receiver};

use crate::cli::args::DemoArgs;

/// What the demo's configuration calls the tenant.
pub(super) const TENANT: &str = "acme";

/// Tenants up to this size are read under Qlik's limits and our own.
const LIMITED_UP_TO: u32 = 2_000;

/// Everything but the daemon.
pub(super) struct Stage {
    pub(super) tenant: EmulatedTenant,
    pub(super) receiver: Receiver,
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
        let mut secret = [0; 24];
        getrandom::fill(&mut secret).map_err(|error| anyhow!("making a secret: {error}"))?;
        let secret = format!("whsec_{}", STANDARD.encode(secret));
        let tenant = EmulatedTenant::start(options, clock)
            .await
            .context("starting the tenant")?;
        let receiver = Receiver::start(vec![secret.clone()])
            .await
            .context("starting the receiver")?;
        let dir = tempfile::Builder::new()
            .prefix("qlik-roster-demo-")
            .tempdir()?;
        let stage = Self {
            tenant,
            receiver,
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

    /// Takes everything down.
    pub(super) async fn strike(self) {
        self.tenant.stop().await;
        self.receiver.stop().await;
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
url = "{url}"
secret_file = "{endpoint_secret}"
events = ["user.*", "role.*", "group.*"]
allow_private = ["127.0.0.0/8"]
allow_http = true
"#,
            store = self.path("store").display(),
            client_id = self.tenant.client_id(),
            client_secret = self.path("client-secret").display(),
            requests_per_minute = if self.limited { 500 } else { 0 },
            host = self.tenant.url(),
            url = self.receiver.url(),
            endpoint_secret = self.path("endpoint-secret").display(),
        )
    }
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
