//! The first steps of commands: loading the configuration and starting the log.

use std::path::Path;

use crate::config::{self, Config, Environment};
use crate::telemetry;

/// Loads the configuration that the command line or the environment names.
pub(super) fn load(named: Option<&Path>) -> anyhow::Result<Config> {
    Ok(config::load(named, &Environment::of_process())?)
}

/// Starts the log as configured.
pub(super) fn start_logging(config: &Config) -> anyhow::Result<()> {
    Ok(telemetry::start_logging(&config.log)?)
}
