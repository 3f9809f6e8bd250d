//! Reads every row of a damaged database that still reads, past the pages that do not.
//!
//! sled ends a scan at a page that it cannot read, and says nothing of where that page ends. So each range
//! is read from both of its ends, and what is left between them is halved and tried again. Rows whose
//! keys can be told without reading them, as those of the journal, are asked for one by one.

use std::ops::Bound;

use crate::store::caught::caught;
use crate::store::copying::Row;
use crate::store::keys::Key;
use crate::store::writer;

/// How often a range is halved at the most.
const DEPTH: u32 = 24;

/// How many ranges of a space are tried. Bounds the time where nothing reads: the halves of what
/// one page holds fail all alike.
const PROBES: u32 = 200;

/// Rows between two collections of the garbage that reading makes.
const COLLECT_EVERY: u64 = 1_000;

/// Reads from a damaged database.
pub struct Gather<'db> {
    db: &'db sled::Db,
    probes_left: u32,
    n_rows: u64,
}

impl<'db> Gather<'db> {
    pub fn of(db: &'db sled::Db) -> Self {
        Self {
            db,
            probes_left: PROBES,
            n_rows: 0,
        }
    }

    /// Hands on all rows of a space that read. Returns whether all of it could be read.
    pub fn space<E>(
        &mut self,
        space: u8,
        sink: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<bool, E> {
        self.probes_left = PROBES;
        let end = vec![space.saturating_add(1)];
        self.range(Bound::Included(vec![space]), end, DEPTH, sink)
    }

    /// Hands on those of some rows that read, asked for one by one: of a scan, a page that does not
    /// read may hide its neighbours.
    pub fn points<E>(
        &mut self,
        keys: impl Iterator<Item = Key>,
        sink: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        for key in keys {
            if let Ok(Ok(Some(value))) = caught(|| self.db.get(&key)) {
                self.take((key.into(), value), sink)?;
            }
        }
        Ok(())
    }

    fn range<E>(
        &mut self,
        mut from: Bound<Key>,
        mut end: Key,
        depth: u32,
        sink: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<bool, E> {
        let Some(left) = self.probes_left.checked_sub(1) else {
            return Ok(false);
        };
        self.probes_left = left;
        let mut rows = self.db.range((from.clone(), Bound::Excluded(end.clone())));
        loop {
            match caught(|| rows.next()) {
                Ok(Some(Ok(row))) => {
                    from = Bound::Excluded(row.0.to_vec());
                    self.take(row, sink)?;
                }
                Ok(None) => return Ok(true),
                Ok(Some(Err(_))) | Err(_) => break,
            }
        }
        let mut rows = self.db.range((from.clone(), Bound::Excluded(end.clone())));
        while let Ok(Some(Ok(row))) = caught(|| rows.next_back()) {
            end = row.0.to_vec();
            self.take(row, sink)?;
        }
        let start = match &from {
            Bound::Included(key) | Bound::Excluded(key) => key.as_slice(),
            Bound::Unbounded => &[],
        };
        let middle = between(start, &end).filter(|_| depth > 0);
        if let Some(middle) = middle {
            self.range(from, middle.clone(), depth - 1, sink)?;
            self.range(Bound::Included(middle), end, depth - 1, sink)?;
        }
        Ok(false)
    }

    fn take<E>(&mut self, row: Row, sink: &mut dyn FnMut(Row) -> Result<(), E>) -> Result<(), E> {
        self.n_rows += 1;
        if self.n_rows.is_multiple_of(COLLECT_EVERY) {
            writer::collect_garbage();
        }
        sink(row)
    }
}

/// Returns a key about half-way between two; `None` if they are too close for one.
fn between(low: &[u8], high: &[u8]) -> Option<Key> {
    let common = low.iter().zip(high).take_while(|(a, b)| a == b).count();
    let number = |key: &[u8]| {
        let mut bytes = [0; 8];
        for (byte, digit) in bytes.iter_mut().zip(key.iter().skip(common)) {
            *byte = *digit;
        }
        u64::from_be_bytes(bytes)
    };
    let (a, b) = (number(low), number(high));
    let half = a + b.checked_sub(a)? / 2;
    let mut middle = low.get(..common)?.to_vec();
    middle.extend_from_slice(&half.to_be_bytes());
    (half > a && middle.as_slice() > low && middle.as_slice() < high).then_some(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_halved_until_nothing_is_between() {
        let mut low = vec![0x30];
        let high = vec![0x31];
        let mut n_halves = 0;
        while let Some(middle) = between(&low, &high) {
            assert!(low < middle && middle < high);
            (low, n_halves) = (middle, n_halves + 1);
        }

        assert!(n_halves > 50, "{n_halves}");
        assert_eq!(between(&[1, 2], &[1, 2]), None);
    }
}
