//! What the store keeps, and the calls that read and write it.
//!
//! There is one file for each thing: its types, and the methods of `Store` that read and write it.
//! They build and take apart values; the engine knows where those are. `engine/mod.rs` lists the
//! calls of the engine that they use: that is the line at which a second engine would plug in.

pub mod absent;
pub mod accepted;
pub mod delivery;
pub mod held;
pub mod journal;
pub mod links;
pub mod losses;
pub mod maintenance;
pub mod names;
pub mod seen_events;
pub mod plan;
pub mod rows;
pub mod runs;
pub mod state;
pub mod tenants;
