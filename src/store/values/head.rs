//! How far the store has got. Every batch contains it.

use crate::model::{Seq, Timestamp, Version};

/// How far the store has got. Every batch contains it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Atomic writes so far.
    pub commits: u64,
    /// The journal's last entry.
    pub last: Seq,
    /// When that entry was found.
    pub at: Timestamp,
    /// The version of that entry.
    pub version: Version,
}

impl Head {
    /// Takes the next position in the journal, at a time.
    pub fn advance(&mut self, at: Timestamp) {
        self.last = self.last.next();
        self.at = self.at.max(at);
        self.version = self.version.next(self.at);
    }
}
