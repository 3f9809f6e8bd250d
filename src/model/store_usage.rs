//! How much disk space the store uses, and what keeps it from freeing some.

use serde::{Deserialize, Serialize};

use super::{EndpointName, Seq, Timestamp};

/// How much disk space the store uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreUsage {
    /// Bytes on disk of everything that belongs to the store.
    pub disk: u64,
    /// Bytes, among these, of damaged stores that were moved aside.
    pub aside: u64,
    /// Bytes of keys and values; `None` if an older version wrote the store and there has been no
    /// reason to count them.
    pub live: Option<u64>,
    /// The disk space that is missing for a compaction, which would free most of the store's space;
    /// `None` if there is enough, or if a compaction would free little.
    pub lacks: Option<Lack>,
    /// The first entry of the journal that is there.
    pub first: Seq,
    /// The last entry of the journal.
    pub last: Seq,
    /// When the first entry was found; `None` if the journal is empty.
    pub oldest: Option<Timestamp>,
    /// The endpoint that keeps entries past their keep time from being deleted; `None` if there is
    /// none.
    pub kept_for: Option<KeptFor>,
    /// The time of the last entry if it is more than a day ahead of now; otherwise `None`. Until
    /// then new entries get that time as well, so they are kept for longer.
    pub ahead: Option<Timestamp>,
}

/// Disk space that a copy of the store needs and that is not free.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Bytes that must be free.
    pub needed: u64,
    /// Bytes that are free.
    pub free: u64,
}

/// An endpoint that has not settled entries past their keep time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFor {
    /// The endpoint that is furthest behind.
    pub endpoint: EndpointName,
    /// The position up to which it has settled everything.
    pub settled: Seq,
    /// When the next entry that it has to settle was found.
    pub since: Timestamp,
}

impl Lack {
    /// Returns how many more bytes must be free.
    pub fn missing(self) -> u64 {
        self.needed.saturating_sub(self.free)
    }
}

impl StoreUsage {
    /// Returns how many entries the journal has.
    pub fn entries(&self) -> u64 {
        (self.last.0 + 1).saturating_sub(self.first.0)
    }
}
