//! What format 9 added: posting lists. Their bytes are on disk: nothing here is ever changed.

pub mod posting;
