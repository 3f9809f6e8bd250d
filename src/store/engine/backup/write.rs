//! Writes a backup of a store that is in use: every row as it is at one moment.
//!
//! As in a compaction, rows are read in the order of their keys, some at a time while commits wait,
//! and those that are written after they were read are written to the backup again. The last of
//! them are read while commits wait: the backup is the store at that moment.

use std::io::{self, Write};
use std::ops::Bound;

use super::file::FileWriter;
use crate::lock::lock;
use crate::store::engine::calls::Engine;
use crate::store::engine::compaction::changes::{Changes, TooMany, Upto};
use crate::store::engine::compaction::copy::read;
use crate::store::engine::compaction::copying::{BYTES, ROWS, Row};
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key};

/// How many noted keys are read at the end, while commits wait.
const FEW: usize = ROWS;

/// What a backup contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Rows, some of them more than once.
    pub rows: u64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store failed.
    #[error("reading the store")]
    Store {
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A compaction or another backup is under way.
    #[error("the store is being compacted or backed up already; try again when that has ended")]
    UnderWay,
    /// More was written meanwhile than is remembered.
    #[error("more is written to the store than the backup can take over; try again")]
    TooMuch,
    /// What it was written to failed.
    #[error("writing the backup")]
    Write {
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl BackupError {
    /// Returns the code that `docs/errors.md` explains.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store { source } => source.code(),
            Self::UnderWay => "backup.under-way",
            Self::TooMuch => "backup.too-much",
            Self::Write { .. } => "backup.write",
        }
    }
}

/// Writes a backup.
pub fn write(engine: &Engine, out: impl Write) -> Result<BackedUp, BackupError> {
    let noting = Noting::begin(engine)?;
    let failed = |source| BackupError::Write { source };
    let mut file = FileWriter::begin(out).map_err(failed)?;
    let mut after = Some(Key::new());
    while let Some(key) = after {
        if engine.is_closing() {
            let source = StoreError::Closed;
            return Err(BackupError::Store { source });
        }
        after = noting.copy_on(&key, &mut file)?;
        noting.catch_up(&mut file)?;
        garbage::collect_garbage();
    }
    noting.copy_last(&mut file)?;
    let rows = file.end().map_err(failed)?;
    Ok(BackedUp { rows })
}

/// Notes which rows are written, until this is dropped.
struct Noting<'a>(&'a Engine);

impl<'a> Noting<'a> {
    fn begin(engine: &'a Engine) -> Result<Self, BackupError> {
        match &mut *lock(&engine.shared.changes) {
            Some(_) => Err(BackupError::UnderWay),
            changes => {
                *changes = Some(Changes::new());
                Ok(Self(engine))
            }
        }
    }

    /// Writes rows after a key. Returns the last one's key; `None` if no rows follow.
    fn copy_on<W: Write>(
        &self,
        after: &Key,
        file: &mut FileWriter<W>,
    ) -> Result<Option<Key>, BackupError> {
        let engine = self.0;
        let read = engine.lend_database("backing up the store", |db| {
            let _still = engine.still();
            let (mut rows, mut n_bytes, mut upto) = (Vec::new(), 0, None);
            for row in scan::after(db, &[], Bound::Excluded(after.clone())) {
                let (key, value): Row = row?;
                codec::verify(&key, &value)?;
                n_bytes += value.len();
                rows.push((key, value));
                if rows.len() == ROWS || n_bytes >= BYTES {
                    upto = rows.last().map(|(key, _)| key.to_vec());
                    break;
                }
            }
            if let Some(changes) = &mut *lock(&engine.shared.changes) {
                changes.reach(upto.clone().map_or(Upto::End, Upto::Key));
            }
            Ok((rows, upto))
        });
        let (rows, upto) = read.map_err(|source| BackupError::Store { source })?;
        for (key, value) in rows {
            // The live size is counted when the restored store is opened.
            if *key != *keys::usage() {
                let written = file.row(&key, Some(&value));
                written.map_err(|source| BackupError::Write { source })?;
            }
        }
        Ok(upto)
    }

    /// Writes noted rows again until only a few are left.
    fn catch_up<W: Write>(&self, file: &mut FileWriter<W>) -> Result<(), BackupError> {
        while self.noted(|changes| changes.len())? > FEW {
            let keys = self.noted(|changes| changes.take(ROWS))?;
            let rows = self
                .0
                .lend_database("backing up what was written meanwhile", |db| read(db, keys));
            put(file, rows)?;
        }
        Ok(())
    }

    /// Writes the last of what was noted, as it is at one moment.
    fn copy_last<W: Write>(&self, file: &mut FileWriter<W>) -> Result<(), BackupError> {
        let engine = self.0;
        let mut is_too_much = false;
        let rows = engine.lend_database("backing up what was written meanwhile", |db| {
            let _still = engine.still();
            let mut rows = Vec::new();
            loop {
                let keys = match &mut *lock(&engine.shared.changes) {
                    Some(changes) => changes.take(ROWS),
                    None => Ok(Vec::new()),
                };
                match keys {
                    Ok(keys) if keys.is_empty() => return Ok(rows),
                    Ok(keys) => rows.extend(read(db, keys)?),
                    Err(TooMany) => {
                        is_too_much = true;
                        return Ok(Vec::new());
                    }
                }
            }
        });
        match is_too_much {
            true => Err(BackupError::TooMuch),
            false => put(file, rows),
        }
    }

    fn noted<T: Default>(
        &self,
        work: impl FnOnce(&mut Changes) -> Result<T, TooMany>,
    ) -> Result<T, BackupError> {
        match &mut *lock(&self.0.shared.changes) {
            Some(changes) => work(changes).or(Err(BackupError::TooMuch)),
            None => Ok(T::default()),
        }
    }
}

impl Drop for Noting<'_> {
    fn drop(&mut self) {
        *lock(&self.0.shared.changes) = None;
    }
}

fn put<W: Write>(
    file: &mut FileWriter<W>,
    rows: Result<Vec<(Key, Option<sled::IVec>)>, StoreError>,
) -> Result<(), BackupError> {
    let rows = rows.map_err(|source| BackupError::Store { source })?;
    for (key, value) in rows {
        let written = file.row(&key, value.as_deref());
        written.map_err(|source| BackupError::Write { source })?;
    }
    Ok(())
}
