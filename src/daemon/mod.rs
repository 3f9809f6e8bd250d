//! Puts the parts together and takes them apart again.
//!
//! [`Daemon::start`] opens the store, then everything that looks into it; [`Daemon::run`]
//! waits for the call to end, or for a part to fail, and ends all of it in order: first the
//! loops, then the store. Tenants may come while it runs: [`Discovery`] asks an organization's
//! console, [`Linker`] links what it finds, and the loops of the tenants take the new loop in.
//! A restart is the normal path: all that is needed to go on is in the store.

mod assemble;
mod clock_watch;
mod tenant_loops;
mod descriptors;
mod discovery;
mod linker;
mod run;
mod tasks;
mod maintenance;
mod wakes;

pub use assemble::{Hooks, Parts};
pub use discovery::{DiscoverError, Discovery, found};
pub use linker::Linker;
pub use maintenance::Maintenance;
pub use run::{Daemon, StartError, open};
pub use tasks::{Ending, Patience, Tasks};
pub use wakes::Wakes;
