//! A record in its present state.

use crate::model::{Record, Version};

/// A record as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// Its JSON text from the source, as last received.
    pub raw: Box<str>,
    /// The version of the entry that last changed it; [`Version::START`] if none did since the
    /// first load.
    pub version: Version,
}
