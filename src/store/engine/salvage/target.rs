//! The database that receives what was salvaged, written in batches of bounded size.

use std::path::Path;

use crate::store::engine::files::Blobs;
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::keys::{Key, Keyspace};

/// The most rows of one write, and the size in bytes at which it is full.
const ROWS: usize = 190;
const BYTES: usize = 1024 * 1024;

/// A database that will become a store.
pub struct Target {
    pub db: sled::Db,
    edits: sled::Batch,
    n_rows: usize,
    n_bytes: usize,
}

impl Target {
    pub fn of(db: sled::Db) -> Self {
        Self {
            db,
            edits: sled::Batch::default(),
            n_rows: 0,
            n_bytes: 0,
        }
    }

    /// Sets a row, or removes it.
    pub fn set(&mut self, key: Key, value: Option<Vec<u8>>) -> Result<(), StoreError> {
        self.n_rows += 1;
        match value {
            Some(value) => {
                self.n_bytes += value.len();
                self.edits.insert(key, value);
            }
            None => self.edits.remove(key),
        }
        match self.n_rows >= ROWS || self.n_bytes >= BYTES {
            true => self.write(),
            false => Ok(()),
        }
    }

    /// Writes what was set. Reads see only what was written.
    pub fn write(&mut self) -> Result<(), StoreError> {
        let edits = std::mem::take(&mut self.edits);
        (self.n_rows, self.n_bytes) = (0, 0);
        self.db
            .apply_batch(edits)
            .map_err(|error| StoreError::sled("writing what was salvaged", error))?;
        garbage::collect_garbage();
        Ok(())
    }

    /// Keeps those rows of a keyspace that pass.
    pub fn keep(
        &mut self,
        keyspace: Keyspace,
        passes: impl Fn(&sled::Db, &[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        for row in scan::prefix(&self.db.clone(), &[keyspace as u8]) {
            let (key, value) = row?;
            if !passes(&self.db, &key, &value) {
                self.set(key.to_vec(), None)?;
            }
        }
        self.write()
    }

    /// Flushes everything to disk.
    pub fn sync(&mut self, at: &Path) -> Result<(), StoreError> {
        self.write()?;
        self.db
            .flush()
            .map_err(|error| StoreError::sled("flushing what was salvaged", error))?;
        Blobs::new(at.join("blobs"))
            .sync()
            .and_then(|()| crate::store::engine::files::settle(at))
            .map_err(|error| StoreError::io("syncing what was salvaged", error))
    }
}
