//! Everything that happened, entry by entry, as far as it is on disk.

use crate::model::{Entry, Seq};
use crate::store::engine::rows::journal::{Page, cut_at, missing, page, read};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys;

impl Store {
    /// Returns the place of the last entry.
    pub fn last_seq(&self) -> Seq {
        self.engine.shared.durable()
    }

    /// Returns the place of the first entry that is there; the one behind the last where the
    /// whole journal was cut.
    pub fn first_seq(&self) -> Result<Seq, StoreError> {
        self.engine
            .read("reading the journal", |db| Ok(cut_at(db)?.next()))
    }

    /// Returns entries in order, from behind a place on. What was cut is left out: the first
    /// entry tells where the journal begins.
    pub fn entries(&self, after: Seq, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let durable = self.last_seq();
        self.engine.read("reading the journal", |db| {
            let mut cut = cut_at(db)?;
            loop {
                let lacking = match page(db, after.max(cut), limit, durable)? {
                    Page::Whole(entries) => return Ok(entries),
                    Page::Lacks(seq) => seq,
                };
                // It may have been cut in the meantime; then it is read again from there.
                let now = cut_at(db)?;
                if now == cut {
                    return Err(missing(lacking));
                }
                cut = now;
            }
        })
    }

    /// Returns one entry, also one that was cut while a row still names it; none where there
    /// is no such place, or no longer.
    pub fn entry(&self, seq: Seq) -> Result<Option<Entry>, StoreError> {
        if seq == Seq::START || seq > self.last_seq() {
            return Ok(None);
        }
        self.engine.read("reading the journal", |db| {
            // In this order: an entry is kept in the same write that cuts it.
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
