//! What the store keeps, and what may be asked of it.

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
pub mod news;
pub mod plan;
pub mod runs;
pub mod state;
pub mod tenants;
