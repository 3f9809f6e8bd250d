//! Decides whether a copy would free disk space, and measures how much the store takes.

use crate::model::Lack;
use crate::store::engine::calls::Engine;
use crate::store::engine::rows::count::at_least;
use crate::store::error::StoreError;
use crate::store::values::count::Count;

use super::rule::{Rule, SMALL};

/// A database is compacted if it is more than this many times as large as its live data. Under
/// random updates it settles at four and a half times, which a copy would improve only briefly.
const WASTEFUL: u64 = 6;

/// What has to be done to free disk space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing: the store is small, or full of live data.
    Nothing,
    /// The live data must be counted first.
    Count,
    /// A copy must be made, of this much live data.
    Copy(Count),
}

/// How much of the disk the store takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiskUsage {
    /// Bytes, including the databases that were moved aside.
    pub disk: u64,
    /// Bytes of the databases that were moved aside.
    pub aside: u64,
}

impl Engine {
    /// Returns what has to be done to free disk space, if the store takes too much.
    pub fn wanted(&self, small: u64) -> Result<Wanted, StoreError> {
        let on_disk = self.folder.bytes_of_database();
        let on_disk = on_disk.map_err(|error| StoreError::io("measuring the database", error))?;
        if on_disk < small {
            return Ok(Wanted::Nothing);
        }
        Ok(match self.live() {
            Some(live) if is_wasteful(on_disk, live.bytes) => Wanted::Copy(live),
            Some(_) => Wanted::Nothing,
            // An estimate comes first: a count reads every page, and sled frees their memory late.
            None => match is_wasteful(on_disk, self.lend_database("estimating", at_least)?) {
                true => Wanted::Count,
                false => Wanted::Nothing,
            },
        })
    }

    /// Returns what the disk lacks for a copy that would free space; `None` if no copy is wanted,
    /// or nothing is lacking.
    pub fn lacks(&self) -> Result<Option<Lack>, StoreError> {
        Ok(match self.wanted(SMALL)? {
            Wanted::Copy(live) => self.folder.lacks_for(live, Rule::USUAL.spare),
            Wanted::Nothing | Wanted::Count => None,
        })
    }

    /// Measures how much of the disk the store takes.
    pub fn disk_usage(&self) -> Result<DiskUsage, StoreError> {
        let io = |error| StoreError::io("measuring the store", error);
        Ok(DiskUsage {
            disk: self.folder.bytes().map_err(io)?,
            aside: self.folder.bytes_aside().map_err(io)?,
        })
    }
}

/// Returns whether a database is out of proportion to its live data.
pub fn is_wasteful(on_disk: u64, live: u64) -> bool {
    on_disk / WASTEFUL > live
}
