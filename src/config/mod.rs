//! The operator's settings, from a file and the environment to validated values.
//!
//! Two stages. The first reads: the crate `config` lays `QLIK_ROSTER__SECTION__KEY` variables over
//! the TOML file, and the result is read into the structs of `raw`, which know names and types and
//! nothing else. The second validates: names are unique, connections exist, secrets exist and
//! nobody else can read them. Each layer gets its options as that layer defines them. Nobody but
//! this layer and `cli` ever sees a raw value.
//!
//! What must stay true: all problems are found at once; each names the file, the full key and the
//! remedy; no message ever contains a secret; no layer imports this one.

mod apart;
mod problem;

mod environment;
mod locate;
mod mismatch;

mod keys;
mod raw;
mod read;

mod credentials;
mod connection;
mod connections;
mod endpoints;
mod exports;
mod guard;
mod no_effect;
mod polling;
mod options;
mod organizations;
mod proxies;
mod retention;
mod secrets;
mod secret_keys;
mod secret_custody;
mod secret_places;
mod secret_text;
mod separations;
mod server_tls;
mod sessions;
mod tenants;
mod validate;
mod values;
mod written;

pub use environment::Environment;
pub use no_effect::NoEffect;
pub use options::{Config, OrganizationConfig, ServerOptions, SyncOptions, TenantConfig};
pub use problem::{ConfigError, Fault, Problem};
pub use secret_places::{SecretPlace, secret_places};
pub use server_tls::{TlsFiles, UnusableTls};
pub use written::{DifferentKey, Written};

use std::path::{Path, PathBuf};

/// A configuration file that names every key, for `qlik-roster init --full`.
pub const EXAMPLE: &str = include_str!("../../config/example.toml");

/// The smallest useful configuration, for `qlik-roster init`.
pub const SHORT: &str = include_str!("../../config/short.toml");

/// Finds, reads and validates the configuration. `named` is the file that the command line names,
/// if any.
pub fn load(named: Option<&Path>, environment: &Environment) -> Result<Config, ConfigError> {
    let file = locate::find(named, environment, &locate::usual_places())?;
    let (raw, tree, problems) = read::read(&file, environment)?;
    validate::validate(raw, tree, environment, problems)
}

/// Finds the store's folder of a configuration that may otherwise be invalid.
pub fn store_folder(
    named: Option<&Path>,
    environment: &Environment,
) -> Result<PathBuf, ConfigError> {
    let file = locate::find(named, environment, &locate::usual_places())?;
    let (raw, _tree, _problems) = read::read(&file, environment)?;
    Ok(validate::store(
        raw.store.path.as_deref(),
        &file,
        environment,
    ))
}

#[cfg(test)]
mod tests;
