//! The results of the latest delivery attempts of each endpoint, and the rows that contain them.
//!
//! A row contains many attempts from one write, so that keeping them costs a few rows instead of
//! hundreds. New rows push out the oldest.

use std::collections::VecDeque;
use std::ops::Bound;

use crate::model::{EndpointName, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key, Keyspace};
use crate::store::layout::rows::read_attempts;
use crate::store::layout::{codec, v5};
use crate::store::values::delivery::Attempt;
use crate::store::values::row::Row;

/// Attempts in one row: with answers of a kibibyte each, the row still fits into sled's log.
const IN_A_ROW: usize = 100;

/// Attempts that fit into one write.
pub const ATTEMPTS_AT_ONCE: usize = 1_600;

/// The rows of attempts that an endpoint has. The task that writes them keeps this current.
#[derive(Debug, Default)]
pub struct AttemptLog {
    /// The number of each row, and how many attempts it contains.
    rows: VecDeque<(u64, usize)>,
    n_attempts: usize,
    next: u64,
}

impl AttemptLog {
    /// Adds attempts. Returns the writes: their rows, and the removal of the oldest rows, as long
    /// as `keep` attempts remain without them. Removing rows by age is left to maintenance, which
    /// knows whether the clock is right.
    pub(in crate::store) fn add(
        &mut self,
        endpoint: &EndpointName,
        attempts: &[Attempt],
        keep: usize,
    ) -> Vec<Row> {
        let mut rows = Vec::new();
        for attempts in attempts.chunks(IN_A_ROW) {
            let key = keys::attempts(endpoint, self.next);
            let stored = v5::Attempts(attempts.iter().map(Into::into).collect());
            let value = codec::packed_row(&key, &stored);
            rows.push((key, Some(value)));
            self.rows.push_back((self.next, attempts.len()));
            self.n_attempts += attempts.len();
            self.next += 1;
        }
        // A few rows at a time keep the write small; if rows exceed the limit by more, the rest
        // follow later.
        for _ in 0..rows.len() + 2 {
            let Some((number, n_attempts)) = self.rows.front().copied() else {
                break;
            };
            if self.n_attempts - n_attempts < keep {
                break;
            }
            self.rows.pop_front();
            self.n_attempts -= n_attempts;
            rows.push((keys::attempts(endpoint, number), None));
        }
        rows
    }
}

impl Store {
    /// Returns the rows of attempts that an endpoint has, for the task that continues writing them.
    pub fn attempt_log(&self, endpoint: &EndpointName) -> Result<AttemptLog, StoreError> {
        let mut log = AttemptLog::default();
        self.each_attempts(endpoint, |number, attempts| {
            if !attempts.is_empty() {
                log.rows.push_back((number, attempts.len()));
                log.n_attempts += attempts.len();
            }
            log.next = number + 1;
        })?;
        Ok(log)
    }

    /// Returns the latest attempts of an endpoint that match, the newest first.
    pub fn attempts(
        &self,
        endpoint: &EndpointName,
        limit: usize,
        mut wanted: impl FnMut(&Attempt) -> bool,
    ) -> Result<Vec<Attempt>, StoreError> {
        let mut found = VecDeque::new();
        self.each_attempts(endpoint, |_, attempts| {
            for attempt in attempts {
                if wanted(&attempt) {
                    if found.len() == limit {
                        found.pop_front();
                    }
                    found.push_back(attempt);
                }
            }
        })?;
        Ok(found.into_iter().rev().collect())
    }

    /// Returns the keys of some rows whose last attempt was before a time, of all endpoints: one
    /// that receives nothing deletes nothing by itself. Its log may still count these rows; they
    /// are its oldest, so it merely deletes them a second time.
    pub(in crate::store) fn attempts_to_go(
        &self,
        before: Timestamp,
        limit: usize,
    ) -> Result<Vec<Key>, StoreError> {
        self.engine.read("reading attempts", |reader| {
            let mut to_delete = Vec::new();
            let mut next = Bound::Included(vec![Keyspace::Attempts as u8]);
            while let Some(row) = reader.after(&[Keyspace::Attempts as u8], next).next() {
                let (first, _) = row?;
                let endpoint = keys::endpoint_part(&first)
                    .ok_or_else(|| codec::flawed(&first, "of no endpoint"))?;
                for row in reader.prefix(endpoint) {
                    let (key, value) = row?;
                    if to_delete.len() == limit {
                        return Ok(to_delete);
                    }
                    let attempts = read_attempts(&key, &value)?;
                    if attempts.last().is_some_and(|last| last.at >= before) {
                        break;
                    }
                    to_delete.push(key.to_vec());
                }
                next = Bound::Excluded(keys::behind_endpoint(endpoint));
            }
            Ok(to_delete)
        })
    }

    fn each_attempts(
        &self,
        endpoint: &EndpointName,
        mut visit: impl FnMut(u64, Vec<Attempt>),
    ) -> Result<(), StoreError> {
        self.engine.read("reading attempts", |reader| {
            for row in reader.prefix(&keys::of_endpoint(Keyspace::Attempts, endpoint)) {
                let (key, value) = row?;
                let number =
                    keys::trailing_number(&key).ok_or_else(|| codec::flawed(&key, "no number"))?;
                visit(number, read_attempts(&key, &value)?);
            }
            Ok(())
        })
    }
}
