//! What format 10 added. Its bytes are on disk: nothing here is ever changed.
//!
//! - What is known of readings of licences: how much was listed, how often that failed, and which
//!   complete reading was the last.

pub mod licence;
