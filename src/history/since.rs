//! Finds the first entry at or after a time.

use crate::model::{Entry, Seq, Timestamp};
use crate::store::{Store, StoreError};

/// Finds the first entry at or after a time. Times never decrease along the journal, which may
/// begin at any position.
pub fn first_since(store: &Store, time: Timestamp) -> Result<Option<Entry>, StoreError> {
    let Some(first) = store.entries(Seq::START, 1)?.into_iter().next() else {
        return Ok(None);
    };
    if first.at >= time {
        return Ok(Some(first));
    }
    // The entry at `low` is before the time; no entry at or after `high` is.
    let (mut low, mut high) = (first.seq.0, store.last_seq().next().0);
    let mut found = None;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match store.entry(Seq(middle))? {
            Some(entry) if entry.at >= time => {
                high = middle;
                found = Some(entry);
            }
            // `None` if it was deleted meanwhile, along with everything before it.
            Some(_) | None => low = middle,
        }
    }
    Ok(found)
}

/// Returns the last entry that is not later than a time.
pub(super) fn last_before(store: &Store, at: Timestamp) -> Result<Seq, StoreError> {
    let after = Timestamp::from_millis(at.millis().saturating_add(1));
    Ok(match first_since(store, after)? {
        Some(entry) => Seq(entry.seq.0.saturating_sub(1)),
        None => store.last_seq(),
    })
}

#[cfg(test)]
mod tests;
