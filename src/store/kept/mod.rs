//! What the store keeps, and the calls that read and write it.
//!
//! There is one file for each thing: the methods of `Store` that read and write it, and the types
//! that only they need. They know what is kept and when it changes. The engine knows where it is:
//! they ask it by the calls that `engine/mod.rs` lists, for records, entries and runs by name, for
//! other rows by their key. For these they compose keys and values with `layout/`.

pub mod absent;
pub mod accepted;
pub mod delivery;
pub mod held;
pub mod journal;
pub mod links;
pub mod licences;
pub mod losses;
pub mod maintenance;
pub mod names;
pub mod seen_events;
pub mod sessions;
pub mod spaces;
pub mod plan;
pub mod postings;
pub mod rights;
pub mod rows;
pub mod runs;
pub mod state;
pub mod tenants;
