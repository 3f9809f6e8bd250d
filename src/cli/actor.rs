//! Who gives the commands of the command line.

use crate::config::Environment;
use crate::control::{Actor, Face};

/// Returns the person who runs the command: the system's user account.
pub(super) fn own() -> Actor {
    let environment = Environment::of_process();
    let named = ["SUDO_USER", "USER", "LOGNAME"];
    let name = named.iter().find_map(|name| environment.get(name));
    named_so(name.map_or_else(
        || format!("uid {}", rustix::process::getuid().as_raw()),
        str::to_owned,
    ))
}

/// Returns a person by the name that they gave.
pub(super) fn named_so(name: String) -> Actor {
    Actor {
        name,
        face: Face::CommandLine,
    }
}
