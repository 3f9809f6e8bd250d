//! The files of a copy that is made beside the database, and what was written to them.

use std::io;
use std::ops::Bound;
use std::path::PathBuf;

use crate::store::engine::files::{self, Blobs, Folder};
use crate::store::engine::opening::database;
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::codec;
use crate::store::layout::keys::{self, Key};
use crate::store::values::count::Count;

use super::changes::{Changes, TooMany};
use super::copying::{self, BYTES, CopyError, Proof, ROWS};

/// From this many noted keys on, commits wait while the keys are copied again: otherwise the copy
/// might never catch up.
pub const MANY: usize = 2_000;

/// The files of a copy, and what was written to them.
#[derive(Debug)]
pub struct Copy {
    pub at: PathBuf,
    /// `None` if it is closed.
    pub db: Option<sled::Db>,
    blobs: Blobs,
    pub written: Proof,
    /// What was read back, and up to which key.
    pub read: Proof,
    read_upto: Key,
    not_synced: usize,
    portion: usize,
}

impl Copy {
    pub fn make(folder: &Folder, portion: usize) -> Result<Self, CopyError> {
        let at = folder.compacting();
        files::make_folder(&at)
            .and_then(|()| files::give_as(&at, &folder.current()))
            .map_err(copying::copy("making the folder of the copy"))?;
        Ok(Self {
            db: Some(open(folder)?),
            blobs: Blobs::new(at.join("blobs")),
            at,
            written: Proof::default(),
            read: Proof::default(),
            read_upto: Key::new(),
            not_synced: 0,
            portion,
        })
    }

    fn db(&self) -> Result<&sled::Db, CopyError> {
        self.db.as_ref().ok_or(CopyError::Stuck)
    }

    /// Returns how much data the copy contains.
    pub fn count(&self) -> Count {
        self.written.count
    }

    /// Copies the last of what was written, while nobody writes. Returns false if there is too much
    /// of it.
    pub fn catch_up_last(&mut self, inner: Last<'_>) -> Result<bool, CopyError> {
        let Last { changes, db } = inner;
        if changes.len().map_err(too_many)? > MANY {
            return Ok(false);
        }
        loop {
            let keys = changes.take(ROWS).map_err(too_many)?;
            if keys.is_empty() {
                return Ok(true);
            }
            self.put(read(db, keys).map_err(CopyError::Source)?)?;
        }
    }

    /// Writes rows, replacing those that the copy already has.
    pub fn put(&mut self, rows: Vec<(Key, Option<sled::IVec>)>) -> Result<(), CopyError> {
        if rows.is_empty() {
            return Ok(());
        }
        let db = self.db.clone().ok_or(CopyError::Stuck)?;
        let mut batch = sled::Batch::default();
        let mut sizes = Vec::new();
        for (key, value) in rows {
            let before = scan::get(&db, &key).map_err(CopyError::Copy)?;
            let is_read = key <= self.read_upto;
            if let Some(before) = before {
                self.written.remove(&key, &before);
                if is_read {
                    self.read.remove(&key, &before);
                }
            }
            match value {
                Some(value) => {
                    self.written.add(&key, &value);
                    if is_read {
                        self.read.add(&key, &value);
                    }
                    sizes.push((key.clone(), value.len()));
                    batch.insert(key, value);
                }
                None => batch.remove(key),
            }
        }
        copying::apply(&db, batch)?;
        for (key, n_bytes) in sizes {
            self.not_synced += n_bytes;
            scan::written(&db, &key, n_bytes).map_err(CopyError::Copy)?;
        }
        if self.not_synced >= self.portion {
            self.sync()?;
        }
        Ok(())
    }

    /// Writes a row that is not part of what is copied.
    pub fn note(&self, (key, value): (Key, Option<Vec<u8>>)) -> Result<(), CopyError> {
        let mut batch = sled::Batch::default();
        batch.insert(key, value.unwrap_or_default());
        copying::apply(self.db()?, batch)
    }

    /// Flushes the copy to disk.
    pub fn sync(&mut self) -> Result<(), CopyError> {
        self.not_synced = 0;
        let db = self.db.as_ref().ok_or(CopyError::Stuck)?;
        copying::sync(db, &self.at, &mut self.blobs)
    }

    /// Closes the copy and opens it again: from here on reads come from the disk, as after the
    /// next opening.
    pub fn reopen(&mut self, folder: &Folder) -> Result<(), CopyError> {
        self.sync()?;
        copying::close(self.db.take(), &self.at)?;
        self.db = Some(open(folder)?);
        Ok(())
    }

    /// Reads back rows after a key. Returns the last one's key; `None` if no rows follow.
    pub fn read_on(&mut self, after: &Key) -> Result<Option<Key>, CopyError> {
        let (mut n_rows, mut n_bytes) = (0, 0);
        for row in scan::after(self.db()?, &[], Bound::Excluded(after.clone())) {
            let (key, value) = row.map_err(CopyError::Copy)?;
            if *key != *keys::usage() {
                self.read.add(&key, &value);
            }
            n_rows += 1;
            n_bytes += value.len();
            if n_rows == ROWS || n_bytes >= BYTES {
                self.read_upto = key.to_vec();
                return Ok(Some(self.read_upto.clone()));
            }
        }
        Ok(None)
    }

    /// Compares what was read back with what was written.
    pub fn prove(&self) -> Result<(), CopyError> {
        match self.read == self.written {
            true => Ok(()),
            false => Err(copying::differs(
                "the copy is not what was copied".to_owned(),
            )),
        }
    }

    /// Closes the copy, and syncs its files.
    pub fn close(self) -> Result<(), CopyError> {
        copying::close(self.db, &self.at)?;
        files::settle(&self.at).map_err(copying::copy("syncing the copy"))
    }
}

/// What is still to be copied before a copy replaces the database.
pub struct Last<'a> {
    pub changes: &'a mut Changes,
    pub db: &'a sled::Db,
}

fn open(folder: &Folder) -> Result<sled::Db, CopyError> {
    let opened = database::open_db(folder, &folder.compacting(), database::SMALL_CACHE);
    opened.map_err(|refusal| {
        let error = io::Error::other(refusal.into_error(folder).to_string());
        copying::copy("opening the copy")(error)
    })
}

/// Reads rows as they are now; the value is `None` if the row no longer exists.
pub fn read(db: &sled::Db, keys: Vec<Key>) -> Result<Vec<(Key, Option<sled::IVec>)>, StoreError> {
    let mut rows = Vec::new();
    for key in keys {
        if key != keys::usage() {
            let value = scan::get(db, &key)?;
            if let Some(value) = &value {
                codec::verify(&key, value)?;
            }
            rows.push((key, value));
        }
    }
    Ok(rows)
}

pub fn too_many(_: TooMany) -> CopyError {
    CopyError::Copy(StoreError::io(
        "copying what is written meanwhile",
        io::Error::other("more is written than the copy can take over"),
    ))
}
