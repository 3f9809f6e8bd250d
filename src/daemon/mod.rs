//! Puts the parts together and takes them apart again.
//!
//! [`Daemon::start`] opens the store, then everything that looks into it; [`Daemon::run`]
//! waits for the call to end, or for a part to fail, and ends all of it in order: first the
//! loops, then the store. A restart is the normal path: all that is needed to go on is in
//! the store.

mod assemble;
mod run;
mod tasks;

pub use assemble::{Hooks, Parts, Wakes};
pub use run::{Daemon, StartError, open};
pub use tasks::{Ending, Tasks};
