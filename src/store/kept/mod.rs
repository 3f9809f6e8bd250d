//! What the store keeps, and what may be asked of it.
//!
//! One file for each thing: its types, and the methods of `Store` that read and write it. They make
//! up and take apart values; where those are, the engine knows. Which calls of the engine they use
//! stands in `engine/mod.rs`: that is the line at which a second engine comes.

pub mod absent;
pub mod accepted;
pub mod commit;
pub mod delivery;
pub mod held;
pub mod journal;
pub mod links;
pub mod losses;
pub mod maintenance;
pub mod names;
pub mod seen_events;
pub mod plan;
pub mod runs;
pub mod state;
pub mod tenants;
