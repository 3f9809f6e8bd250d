//! Writes the configuration of a benchmark that reads one emulated tenant.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use qlik_roster::demo::EmulatedTenant;

/// The name of the tenant in the configuration.
pub const NAME: &str = "bench";

/// Writes the configuration, with the store in the same folder. Returns where it is.
pub fn write_config(dir: &Path, tenant: &EmulatedTenant) -> Result<PathBuf> {
    let client = dir.join("client");
    std::fs::write(&client, tenant.client_secret().expose())?;
    std::fs::set_permissions(&client, std::fs::Permissions::from_mode(0o600))?;
    let config = format!(
        r#"
[store]
path = {store:?}
[server]
listen = "127.0.0.1:0"
[sync]
schedule = "7d"
poll = "off"
[log]
level = "off"
[[connections]]
name = "bench"
kind = "tenant"
client_id = "{id}"
client_secret_file = {client:?}
requests_per_minute = 0
[[tenants]]
name = "{NAME}"
host = "{url}"
connection = "bench"
"#,
        store = dir.join("store"),
        id = tenant.client_id(),
        url = tenant.url(),
    );
    let file = dir.join("qlik-roster.toml");
    std::fs::write(&file, config)?;
    Ok(file)
}
