//! How far the store has got: the row that is part of every batch.

use crate::model::{Seq, Timestamp, Version};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::{Stored, codec, keys, v1, v3};

/// How far the store has got; part of every batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// Atomic writes so far.
    pub commits: u64,
    /// The journal's last entry.
    pub last: Seq,
    /// When that entry was found.
    pub at: Timestamp,
    /// The version of that entry.
    pub version: Version,
}

impl Head {
    /// Decodes the head, in whichever format it is.
    pub fn read(key: &[u8], value: &[u8]) -> Result<Self, StoreError> {
        match codec::verify(key, value)? {
            (v1::Head::FORMAT, bytes) => Ok(codec::from_bytes::<v1::Head>(key, bytes)?.into()),
            (v3::Head::FORMAT, bytes) => Ok(codec::from_bytes::<v3::Head>(key, bytes)?.into()),
            (format, _) => Err(codec::unknown(key, format)),
        }
    }

    /// Takes the next position in the journal, at a time.
    pub fn advance(&mut self, at: Timestamp) {
        self.last = self.last.next();
        self.at = self.at.max(at);
        self.version = self.version.next(self.at);
    }
}

/// Reads the head of a database.
pub fn find(db: &sled::Db) -> Result<Option<Head>, StoreError> {
    let key = keys::head();
    match scan::get(db, &key)? {
        Some(value) => Ok(Some(Head::read(&key, &value)?)),
        None => Ok(None),
    }
}
