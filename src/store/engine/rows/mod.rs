//! The stored rows: how they are packed, found and read, and composed for each write.
//!
//! Everything here takes a database and knows keys and layouts, but no handle: an opening, a check
//! and a salvage read rows before there is a store.

pub mod block;
pub mod bucket;
pub mod compose;
pub mod count;
pub mod cut;
pub mod endpoints;
pub mod head;
pub mod journal;
pub mod losses;
pub mod posting;
pub mod runs;
pub mod state;
