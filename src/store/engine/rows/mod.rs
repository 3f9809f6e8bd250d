//! Packs records and fingerprints into rows, and composes the rows of each write.

pub mod block;
pub mod bucket;
pub mod census;
pub mod compose;
pub mod cut;
