//! Who gives the commands of the command line.

use crate::config::Environment;
use crate::control::{Actor, Face};

/// Returns whoever runs the command: the user account of the system.
pub(super) fn own() -> Actor {
    let environment = Environment::of_process();
    let named = ["SUDO_USER", "USER", "LOGNAME"];
    let name = named.iter().find_map(|name| environment.get(name));
    named_so(name.map_or_else(
        || format!("uid {}", rustix::process::getuid().as_raw()),
        str::to_owned,
    ))
}

/// Returns whoever says to be called so.
pub(super) fn named_so(name: String) -> Actor {
    Actor {
        name,
        face: Face::CommandLine,
    }
}
