//! How much of the disk the store takes, and what keeps it from giving disk space back.

use serde::{Deserialize, Serialize};

use super::{EndpointName, Seq, Timestamp};

/// How much of the disk the store takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreUsage {
    /// Bytes on disk of everything that is the store's.
    pub disk: u64,
    /// Of these, bytes of stores that were damaged and moved aside.
    pub aside: u64,
    /// Bytes of keys and values; `None` if an older version wrote the store, and there was no reason
    /// to count them.
    pub live: Option<u64>,
    /// What keeps the store from being copied, which would give most of its disk space back; none:
    /// nothing does, or there is little to give.
    pub lacks: Option<Lack>,
    /// The first entry of the journal that is there.
    pub first: Seq,
    /// The last entry of the journal.
    pub last: Seq,
    /// When the first one was found; none where there is none.
    pub oldest: Option<Timestamp>,
    /// What holds entries that are past their keep time; `None` if nothing does.
    pub hold: Option<Hold>,
    /// The time that was given to the last entry, where it is more than a day ahead of now;
    /// `None` if it is not. Nothing that is found until then is past its keep time.
    pub ahead: Option<Timestamp>,
}

/// Disk space that a copy of the store would take, and that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Bytes that must be free.
    pub needed: u64,
    /// Bytes that are.
    pub free: u64,
}

/// An endpoint that has not settled what is past its keep time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The one that is furthest behind.
    pub endpoint: EndpointName,
    /// Up to where it has settled everything.
    pub settled: Seq,
    /// When the entry was found that it has to settle next.
    pub since: Timestamp,
}

impl Lack {
    /// Returns how many bytes have to be made free.
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
