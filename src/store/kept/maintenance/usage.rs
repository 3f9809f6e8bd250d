//! Reports how much data the store contains, and how much of the disk it takes.
//!
//! The amount of data is a running sum (`tally.rs`).

use std::time::Duration;

use crate::model::{EndpointName, Seq, StoreUsage, Timestamp};
use crate::store::engine::compaction::rule::{Rule, SMALL};
use crate::store::engine::rows::count::at_least;
use crate::store::engine::rows::{head, journal};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::values::count::Count;

use super::retention::Retention;

/// How far the journal's time may be ahead of the clock: clocks that are correctly set differ by
/// less.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// How many times as large as its live data a database must be to be compacted. Under random
/// updates it settles at four and a half times, which a copy would improve only briefly.
const WASTEFUL: u64 = 6;

/// What would free disk space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing would: the store is small, or full of live data.
    Nothing,
    /// The live data must be counted first.
    Count,
    /// A copy of this much.
    Copy(Count),
}

impl Store {
    /// Returns what has to be done to free disk space, if the store takes too much.
    pub(in crate::store) fn wanted(&self, small: u64) -> Result<Wanted, StoreError> {
        let on_disk = self.engine.folder.bytes_of_database();
        let on_disk = on_disk.map_err(|error| StoreError::io("measuring the database", error))?;
        if on_disk < small {
            return Ok(Wanted::Nothing);
        }
        Ok(match self.engine.live() {
            Some(live) if is_wasteful(on_disk, live.bytes) => Wanted::Copy(live),
            Some(_) => Wanted::Nothing,
            // A count reads every page, and sled frees the memory for them late.
            None => match is_wasteful(on_disk, self.engine.read("estimating", at_least)?) {
                true => Wanted::Count,
                false => Wanted::Nothing,
            },
        })
    }

    /// Returns how much of the disk the store takes, and what prevents it from freeing some.
    pub fn usage(
        &self,
        retention: &Retention,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<StoreUsage, StoreError> {
        let folder = &self.engine.folder;
        let io = |error| StoreError::io("measuring the store", error);
        let last = self.last_seq();
        let hold = self.limit(retention, endpoints, now)?.hold;
        let (first, oldest, newest) = self.engine.read("measuring the store", |db| {
            let first = journal::cut_at(db)?.next();
            let oldest = journal::first_after(db, Seq::START)?.map(|entry| entry.at);
            Ok((first, oldest, head::find(db)?.map(|head| head.at)))
        })?;
        let lacks = match self.wanted(SMALL)? {
            Wanted::Copy(live) => folder.lacks_for(live, Rule::USUAL.spare),
            Wanted::Nothing | Wanted::Count => None,
        };
        Ok(StoreUsage {
            disk: folder.bytes().map_err(io)?,
            aside: folder.bytes_aside().map_err(io)?,
            live: self.engine.live().map(|live| live.bytes),
            lacks,
            first,
            last,
            oldest,
            hold,
            ahead: newest.filter(|newest| *newest > now.plus(AHEAD)),
        })
    }
}

/// Returns whether a database is out of proportion to its live data.
pub fn is_wasteful(on_disk: u64, live: u64) -> bool {
    on_disk / WASTEFUL > live
}
