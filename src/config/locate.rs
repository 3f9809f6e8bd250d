//! Finds the configuration file.

use std::path::{Path, PathBuf};

use super::{ConfigError, Environment, Fault, Problem};

/// Returns where to look for the file if nobody named one, in this order.
pub(super) fn usual_places() -> [PathBuf; 2] {
    [
        PathBuf::from("qlik-roster.toml"),
        PathBuf::from("/etc/qlik-roster/qlik-roster.toml"),
    ]
}

/// Returns the file that the command line names, or else the one that the environment names, or
/// else the first that exists. If a named file is missing, no other is used instead: running with a
/// configuration that nobody meant is worse than not running.
pub(super) fn find(
    named: Option<&Path>,
    environment: &Environment,
    usual: &[PathBuf],
) -> Result<PathBuf, ConfigError> {
    let named = named.or_else(|| environment.get("QLIK_ROSTER_CONFIG").map(Path::new));
    let tried = match named {
        Some(file) => vec![file.to_owned()],
        None => usual.to_vec(),
    };
    match tried.iter().find(|file| file.exists()) {
        Some(file) => Ok(file.clone()),
        None => Err(ConfigError::of(Problem {
            place: "configuration".to_owned(),
            key: String::new(),
            fault: Fault::NotFound { tried },
        })),
    }
}
