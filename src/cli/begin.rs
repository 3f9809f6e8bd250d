//! The first steps of commands: loading the configuration and starting the log.

use std::path::Path;

use tracing::{info, warn};

use crate::config::{self, Config, Environment};
use crate::environment_proxy::ProxyChoice;
use crate::telemetry::{self, Ignored, Traces, WantedTraces, chain};

/// Loads the configuration that the command line or the environment names.
pub(super) fn load(named: Option<&Path>) -> anyhow::Result<Config> {
    Ok(config::load(named, &Environment::of_process())?)
}

/// Starts the log as configured.
pub(super) fn start_logging(config: &Config) -> anyhow::Result<()> {
    Ok(telemetry::start_logging(&config.log)?)
}

/// Begins to send traces, if the environment says where to. Whatever is wrong with that is logged,
/// and never keeps the daemon from starting.
pub(super) fn start_traces(config: &Config) -> Option<Traces> {
    let environment = Environment::of_process();
    let settings = match WantedTraces::read(|variable| environment.get(variable)) {
        Ok(WantedTraces::On(settings)) => settings,
        Ok(WantedTraces::Off { ignored }) => {
            say_ignored(&ignored);
            return None;
        }
        Err(unusable) => {
            warn!("Traces are not sent: {unusable} [{}]", unusable.code());
            return None;
        }
    };
    say_ignored(&settings.ignored);
    let proxy = match config.proxies.choice(&settings.endpoint) {
        ProxyChoice::Through(proxy) => Some(proxy.clone()),
        ProxyChoice::Unnamed
        | ProxyChoice::ThisMachine
        | ProxyChoice::Exempt { .. }
        | ProxyChoice::PlainHttp => None,
    };
    match Traces::start(&settings, proxy) {
        Ok(traces) => {
            let origin = settings.endpoint.origin().ascii_serialization();
            info!("Traces are sent to {origin}");
            Some(traces)
        }
        Err(failed) => {
            warn!(
                "Traces are not sent: {} [{}]",
                chain(&failed),
                failed.code()
            );
            None
        }
    }
}

/// Logs variables that have no effect.
fn say_ignored(all: &[Ignored]) {
    for ignored in all {
        let (variable, code) = (ignored.variable, ignored.code());
        warn!("The variable `{variable}` has no effect: {ignored} [{code}]");
    }
}
