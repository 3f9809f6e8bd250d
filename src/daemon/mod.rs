//! Assembles the parts, runs them, and shuts them down.
//!
//! [`Daemon::start`] opens the store, then everything that uses it. [`Daemon::run`] waits for the
//! call to end, or for a part to fail, and shuts everything down in order: first the loops, then
//! the store. Tenants may be added while it runs: [`Discovery`] asks an organization's console,
//! [`Linker`] links what it finds, and the task of the tenant loops takes over the new loop. A
//! restart is the normal path: everything that is needed to continue is in the store.

mod assemble;
mod clock_watch;
mod tenant_loops;
mod descriptors;
mod discovery;
mod first_token;
mod linker;
mod loops;
mod read_again;
mod reload;
mod run;
mod source;
mod tasks;
mod tls_watch;
mod maintenance;
mod wakes;
mod watchdog;

pub use assemble::{Hooks, Parts};
pub use discovery::{DiscoverError, Discovery, found};
pub use linker::Linker;
pub use maintenance::Maintenance;
pub use read_again::ReadAgain;
pub use run::{Daemon, StartError, open};
pub use tasks::{Ending, Patience, Tasks};
pub use wakes::Wakes;
