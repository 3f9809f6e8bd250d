//! Everything that happened, entry by entry, as far as it is on disk.

use crate::model::{Entry, Seq};
use crate::store::engine::rows::journal::{Page, cut_at, page};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::entry::{missing, read};
use crate::store::layout::keys;

impl Store {
    /// Returns the position of the last entry.
    pub fn last_seq(&self) -> Seq {
        self.engine.shared.durable()
    }

    /// Returns the position of the first entry that exists, or the one after the last if the whole
    /// journal was cut.
    pub fn first_seq(&self) -> Result<Seq, StoreError> {
        self.engine
            .read("reading the journal", |db| Ok(cut_at(db)?.next()))
    }

    /// Returns entries in order, after a position. Entries that were cut are left out: the first
    /// one returned shows where the journal begins.
    pub fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let durable = self.last_seq();
        self.engine.read("reading the journal", |db| {
            let mut cut = cut_at(db)?;
            loop {
                let lacking = match page(db, after.max(cut), limit, durable)? {
                    Page::Whole(entries) => return Ok(entries),
                    Page::Lacks(seq) => seq,
                };
                // It may have been cut meanwhile; then we read again from the cut.
                let now = cut_at(db)?;
                if now == cut {
                    return Err(missing(lacking));
                }
                cut = now;
            }
        })
    }

    /// Returns one entry, even one that was cut while a row still names it; `None` if there is no
    /// such entry, or no longer.
    pub fn entry(&self, seq: Seq) -> Result<Option<Entry>, StoreError> {
        if seq == Seq::START || seq > self.last_seq() {
            return Ok(None);
        }
        self.engine.read("reading the journal", |db| {
            // In this order: the write that cuts an entry also keeps it.
            for key in [keys::journal(seq), keys::kept(seq)] {
                if let Some(value) = scan::get(db, &key)? {
                    return read(&key, &value).map(Some);
                }
            }
            if seq <= cut_at(db)? {
                return Ok(None);
            }
            Err(missing(seq))
        })
    }
}
