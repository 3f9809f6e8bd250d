//! Knows how much the store holds, and how much room it takes for that.
//!
//! What it holds is known by a running sum (`tally.rs`).

use std::time::Duration;

use crate::model::{EndpointName, Seq, Space, Timestamp};
use crate::store::engine::compaction::compact::Rule;
use crate::store::engine::rows::compose::Head;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::kept::journal;
use crate::store::layout::{codec, keys, v1};

use super::retention::Retention;

/// Bytes below which a database is small, whatever lives in it.
pub const SMALL: u64 = 64 * 1024 * 1024;

/// How far the journal's time may be ahead of the clock: clocks that are set are off by less.
const AHEAD: Duration = Duration::from_secs(24 * 3600);

/// How many times as large as what lives in it a database must be to be compacted. Updates at
/// random settle at four and a half times, which a copy would not change for long.
const WASTEFUL: u64 = 6;

/// Bytes that a record and an entry take at the least, as Qlik's are.
const RECORD: u64 = 256;
const ENTRY: u64 = 100;

/// What lives in a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl Count {
    /// Takes a row in.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.rows += 1;
        self.bytes += (key.len() + value.len()) as u64;
    }

    /// Takes a row out, by the bytes of its key and its value.
    pub fn remove(&mut self, key: usize, value: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub((key + value) as u64);
    }
}

/// A count as it is noted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What was there.
    pub count: Count,
    /// Atomic writes up to then.
    pub commits: u64,
}

/// What gives room back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Nothing would: the store is small, or full of what lives in it.
    Nothing,
    /// It has to be counted first what lives in it.
    Count,
    /// A copy of so much.
    Copy(Count),
}

impl Store {
    /// Returns what is to be done so that the store gives room back, where it has enough.
    pub(in crate::store) fn wanted(&self, small: u64) -> Result<Wanted, StoreError> {
        let room = self.inner.folder.bytes_of_database();
        let room = room.map_err(|error| StoreError::io("measuring the database", error))?;
        if room < small {
            return Ok(Wanted::Nothing);
        }
        Ok(match self.live() {
            Some(live) if is_wasteful(room, live.bytes) => Wanted::Copy(live),
            Some(_) => Wanted::Nothing,
            // A count reads every page, and sled gives their memory back late.
            None => match is_wasteful(room, self.inner.read("estimating", at_least)?) {
                true => Wanted::Count,
                false => Wanted::Nothing,
            },
        })
    }

    /// Returns how much room the store takes, and what keeps it from giving some back.
    pub fn space(
        &self,
        retention: &Retention,
        endpoints: &[EndpointName],
        now: Timestamp,
    ) -> Result<Space, StoreError> {
        let folder = &self.inner.folder;
        let io = |error| StoreError::io("measuring the store", error);
        let last = self.last_seq();
        let hold = self.limit(retention, endpoints, now)?.hold;
        let (first, oldest, newest) = self.inner.read("measuring the store", |db| {
            let first = journal::cut_at(db)?.next();
            let oldest = journal::first_after(db, Seq::START)?.map(|entry| entry.at);
            Ok((first, oldest, head(db)?.map(|head| head.at)))
        })?;
        let lacks = match self.wanted(SMALL)? {
            Wanted::Copy(live) => folder.lacks_for(live, Rule::USUAL.spare),
            Wanted::Nothing | Wanted::Count => None,
        };
        Ok(Space {
            disk: folder.bytes().map_err(io)?,
            aside: folder.bytes_aside().map_err(io)?,
            live: self.live().map(|live| live.bytes),
            lacks,
            first,
            last,
            oldest,
            hold,
            ahead: newest.filter(|newest| *newest > now.plus(AHEAD)),
        })
    }
}

/// Returns whether a database is out of proportion to what lives in it.
pub fn is_wasteful(room: u64, live: u64) -> bool {
    room / WASTEFUL > live
}

/// Bytes that live in a database at the least, by how many records and entries there are.
fn at_least(db: &sled::Db) -> Result<u64, StoreError> {
    let mut records = 0;
    for row in scan::prefix(db, &[keys::Space::Census as u8]) {
        let (key, value) = row?;
        records += codec::read_row::<v1::Census>(&key, &value)?.count;
    }
    let last = head(db)?.map_or(Seq::START, |head| head.last);
    let entries = last.0.saturating_sub(journal::cut_at(db)?.0);
    Ok(records * RECORD + entries * ENTRY)
}

/// Returns the last count.
pub fn noted(db: &sled::Db) -> Result<Option<Usage>, StoreError> {
    let key = keys::usage();
    match scan::get(db, &key)? {
        Some(value) => Ok(Some(codec::read_row::<v1::Usage>(&key, &value)?.into())),
        None => Ok(None),
    }
}

fn head(db: &sled::Db) -> Result<Option<Head>, StoreError> {
    let key = keys::head();
    match scan::get(db, &key)? {
        Some(value) => Ok(Some(Head::read(&key, &value)?)),
        None => Ok(None),
    }
}
