//! Counts the live data of a store whose size is unknown, in steps, while commits continue.

use std::ops::Bound;

use crate::lock::lock;
use crate::store::engine::calls::Engine;
use crate::store::engine::writing::live_size::LiveSize;
use crate::store::engine::{garbage, scan};
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Key};
use crate::store::values::count::Count;

/// Rows that one step counts; commits wait that long.
const AT_ONCE: usize = 200;

impl Engine {
    /// Returns how much live data the store has; `None` until it was counted.
    pub fn live(&self) -> Option<Count> {
        match &*lock(&self.shared.live_size) {
            LiveSize::Known(count) => Some(*count),
            LiveSize::Unknown | LiveSize::Counting { .. } => None,
        }
    }

    /// Counts some more of the live data. Returns `None` if there is more to count.
    pub fn count_on(&self) -> Result<Option<Count>, StoreError> {
        let counted = self.lend_database("counting what the store holds", |db| {
            let _still = self.still();
            let mut live_size = lock(&self.shared.live_size);
            let (from, mut count) = match &*live_size {
                LiveSize::Known(count) => return Ok(Some(*count)),
                LiveSize::Unknown => (Key::new(), Count::default()),
                LiveSize::Counting { upto, count } => (upto.clone(), *count),
            };
            let mut last = None;
            for row in scan::after(db, &[], Bound::Excluded(from)).take(AT_ONCE) {
                let (key, value) = row?;
                if *key != *keys::usage() {
                    count.add(&key, &value);
                }
                last = Some(key.to_vec());
            }
            let (is_over, next) = match last {
                Some(upto) => (None, LiveSize::Counting { upto, count }),
                None => (Some(count), LiveSize::Known(count)),
            };
            *live_size = next;
            Ok(is_over)
        });
        // Each page that is read evicts another from the cache, and these must not pile up.
        garbage::collect_garbage();
        counted
    }
}
