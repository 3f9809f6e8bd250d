//! Finds where an endpoint's signing secrets are kept, so that a new one can be put next to them.

use std::path::PathBuf;

use super::secrets::Vault;
use super::{Config, ConfigError, Environment, raw, read};
use crate::model::EndpointName;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a file.
    File {
        /// Its name in the configuration.
        name: String,
        /// Its path.
        path: PathBuf,
    },
    /// In an environment variable.
    Variable {
        /// The variable.
        name: String,
    },
}

/// Returns where an endpoint's signing secrets are kept, in the order of the configuration; empty
/// for an endpoint that is not configured.
pub fn secret_places(
    config: &Config,
    environment: &Environment,
    endpoint: &EndpointName,
) -> Result<Vec<SecretPlace>, ConfigError> {
    // Read again: the validated configuration contains the secrets but not where they came from.
    let (raw, _tree, _problems) = read::read(&config.source, environment)?;
    let vault = Vault::new(environment, &config.source);
    let found = raw.endpoints.into_iter();
    let mut found = found.filter(|raw| raw.name.as_deref() == Some(endpoint.0.as_str()));
    let Some(raw) = found.next() else {
        return Ok(Vec::new());
    };
    let (raw::OneOrTwo(files), raw::OneOrTwo(variables)) = (raw.secret_file, raw.secret_env);
    let files = files.into_iter().map(|name| SecretPlace::File {
        path: vault.place(&name),
        name,
    });
    let variables = variables
        .into_iter()
        .map(|name| SecretPlace::Variable { name });
    Ok(files.chain(variables).collect())
}
