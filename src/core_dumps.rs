//! Keeps the memory of the process, with its secrets, out of core dumps.

use rustix::process::{Resource, Rlimit, setrlimit};

/// Sets the size of core dumps to zero, for this process and those that it starts.
pub fn forbid() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering a limit is always allowed.
    setrlimit(Resource::Core, none).ok();
}
