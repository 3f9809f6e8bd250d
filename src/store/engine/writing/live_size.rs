//! Tracks the amount of live data without reading it: each write adds the rows it brings and
//! subtracts those it replaces, and stores the sum in the same batch.
//!
//! A store of an older version may have no sum, or one that misses some writes. Its rows are
//! counted once, in steps, while commits continue: the count still gets to a written row whose key
//! is past its position; for any other row, the write updates the count.

use std::collections::BTreeMap;

use crate::store::engine::files::pending::Rows;
use crate::store::engine::rows::count;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{codec, v1};
use crate::store::values::count::{Count, Usage};
use crate::store::values::head::Head;

/// What is known of the live data.
#[derive(Debug)]
pub enum LiveSize {
    /// Nothing is known.
    Unknown,
    /// How much there is up to a key.
    Counting { upto: Key, count: Count },
    /// The amount of all live data is known.
    Known(Count),
}

/// What a write changes: the size of each of its rows before and after it. `None` if the sizes were
/// not read, because the live data was not being counted.
pub struct Delta(Option<BTreeMap<Key, [Option<usize>; 2]>>);

impl LiveSize {
    /// Reads the sum that a database stores, if it misses no write.
    pub fn of(db: &sled::Db, head: &Head) -> Result<Self, StoreError> {
        if head.commits <= 1 {
            // The store was created a moment ago.
            return Ok(Self::Known(count::count(db)?));
        }
        Ok(match count::noted(db)? {
            Some(noted) if noted.commits == head.commits => Self::Known(noted.count),
            Some(_) | None => Self::Unknown,
        })
    }

    /// Finds out what a write will change.
    pub fn look(&self, db: &sled::Db, rows: &Rows) -> Result<Delta, StoreError> {
        if matches!(self, Self::Unknown) {
            return Ok(Delta(None));
        }
        let mut delta = BTreeMap::new();
        for (key, value) in rows {
            // Not through `scan`: the write brings the same page into the cache anyway.
            let before = db
                .get(key)
                .map_err(|error| StoreError::sled("reading what a write replaces", error))?;
            let before = before.map(|before| before.len());
            delta.insert(key.clone(), [before, value.as_ref().map(Vec::len)]);
        }
        Ok(Delta(Some(delta)))
    }

    /// Adds to a write the sum after it, if it is known.
    pub fn put(&self, delta: &Delta, head: &Head, rows: &mut Rows) {
        if let (Self::Known(count), Delta(Some(delta))) = (self, delta) {
            let mut count = *count;
            add(&mut count, delta.iter());
            let commits = head.commits;
            let (key, value) =
                codec::put(keys::usage(), &v1::Usage::from(Usage { count, commits }));
            rows.insert(key, value);
        }
    }

    /// Applies what was written. A count must not read rows meanwhile.
    pub fn take(&mut self, delta: Delta) {
        match (&mut *self, delta) {
            (Self::Unknown, _) => {}
            // Counting began between the look and the write.
            (Self::Counting { .. } | Self::Known(_), Delta(None)) => *self = Self::Unknown,
            (Self::Known(count), Delta(Some(delta))) => add(count, delta.iter()),
            (Self::Counting { upto, count }, Delta(Some(delta))) => {
                add(count, delta.range(..=upto.clone()));
            }
        }
    }
}

fn add<'a>(count: &mut Count, delta: impl Iterator<Item = (&'a Key, &'a [Option<usize>; 2])>) {
    for (key, [before, after]) in delta {
        if let Some(before) = before {
            count.remove(key.len(), *before);
        }
        if let Some(after) = after {
            count.rows += 1;
            count.bytes += (key.len() + after) as u64;
        }
    }
}
