//! Reads the journal: everything that happened, entry by entry, as far as it is on disk.

use crate::model::{Entry, Seq};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::values::skimmed::Skimmed;

impl Store {
    /// Returns the position of the last entry.
    pub fn last_seq(&self) -> Seq {
        self.engine.last_seq()
    }

    /// Waits, without blocking a thread, until there is an entry after a position, or the store is
    /// closed.
    pub fn grown_beyond(&self, seq: Seq) -> impl Future<Output = ()> + Send + 'static {
        let mut durable = self.engine.watch_last_seq();
        async move { drop(durable.wait_for(|last| *last > seq).await) }
    }

    /// Waits until every change that records already show is on disk, and returns the position of
    /// the last entry. A record can be read a moment before the entry about its change can.
    pub fn settled_seq(&self) -> Result<Seq, StoreError> {
        let written = self.engine.read("reading the journal", |reader| {
            Ok(reader.head()?.map(|head| head.last))
        })?;
        if written.is_some_and(|written| written > self.last_seq()) {
            // This empty batch is on disk only after all those before it.
            self.engine.write(Vec::new())?;
        }
        Ok(self.last_seq())
    }

    /// Returns the position of the first entry that exists, or the one after the last if the whole
    /// journal was cut.
    pub fn first_seq(&self) -> Result<Seq, StoreError> {
        self.engine
            .read("reading the journal", |reader| Ok(reader.cut()?.next()))
    }

    /// Returns entries in order, after a position. Entries that were cut are left out: the first
    /// one returned shows where the journal begins.
    pub fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let last = self.last_seq();
        self.engine.read("reading the journal", |reader| {
            reader.entries(after, limit, last)
        })
    }

    /// Returns the same entries as [`Store::entries`], but does not read the records of users in
    /// full, which takes a fraction of the time.
    pub fn skim(&self, after: Seq, limit: usize) -> Result<Vec<Skimmed>, StoreError> {
        let last = self.last_seq();
        self.engine.read("reading the journal", |reader| {
            reader.skim(after, limit, last)
        })
    }

    /// Returns one entry, even if it was cut but is kept because a row names it; `None` if there is
    /// no such entry, or it was deleted.
    pub fn entry(&self, seq: Seq) -> Result<Option<Entry>, StoreError> {
        if seq == Seq::START || seq > self.last_seq() {
            return Ok(None);
        }
        self.engine
            .read("reading the journal", |reader| reader.entry(seq))
    }
}
