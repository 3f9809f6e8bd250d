//! How much room the store takes, and what keeps it from giving room back.

use serde::{Deserialize, Serialize};

use super::{EndpointName, Seq, Timestamp};

/// How much room the store takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes on disk of everything that is the store's.
    pub disk: u64,
    /// Of these, bytes of stores that were damaged and moved aside.
    pub aside: u64,
    /// Bytes of keys and values, when they were last counted; none: they never were, since
    /// the store is small.
    pub live: Option<u64>,
    /// The first entry of the journal that is there.
    pub first: Seq,
    /// The last entry of the journal.
    pub last: Seq,
    /// When the first one was found; none where there is none.
    pub oldest: Option<Timestamp>,
    /// What holds entries that are past their keep time; none: nothing does.
    pub hold: Option<Hold>,
    /// The time that was given to the last entry, where it is more than a day ahead of now;
    /// none: it is not. Nothing that is found until then is past its keep time.
    pub ahead: Option<Timestamp>,
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

impl Space {
    /// Returns how many entries the journal has.
    pub fn entries(&self) -> u64 {
        (self.last.0 + 1).saturating_sub(self.first.0)
    }
}
