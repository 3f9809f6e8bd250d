//! What the store keeps, and the calls that read and write it.
//!
//! Each thing has one file, with the methods of `Store` that read and write it and the types that
//! only they need. These methods know what is kept and when it changes. The engine knows where it
//! is. `engine/mod.rs` lists its calls: they take records, entries and runs by name, and other rows
//! by key. For such rows, the methods compose keys and values with `layout/`.

pub mod absent;
pub mod accepted;
pub mod api_tokens;
pub mod delivery;
pub mod held;
pub mod journal;
pub mod late_reports;
pub mod links;
pub mod licensed;
pub mod licences;
pub mod losses;
pub mod maintenance;
pub mod names;
pub mod seen_events;
pub mod sessions;
pub mod spaces;
pub mod spaces_due;
pub mod plan;
pub mod postings;
pub mod rights;
pub mod rows;
pub mod runs;
pub mod state;
pub mod tenants;
