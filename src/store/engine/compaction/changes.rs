//! Notes the keys of rows that were written after the copy got them: these rows have to be copied
//! once more.

use std::collections::BTreeSet;

use crate::store::engine::files::pending::Rows;
use crate::store::layout::keys::Key;

/// The most bytes of keys to remember, including what the set takes for each. Each step of the copy
/// also copies some of these rows again, so the keys are few, unless the copy's disk stalls.
const LIMIT: usize = 8 * 1024 * 1024;

/// Bytes that the set takes for a key besides the key's own.
const OF_A_KEY: usize = 48;

/// How far a copy has got.
#[derive(Debug, PartialEq, Eq)]
pub enum Upto {
    /// It has the rows up to this key.
    Key(Key),
    /// It has all rows.
    End,
}

/// What was written to rows that a copy already has.
#[derive(Debug)]
pub struct Changes {
    upto: Upto,
    keys: BTreeSet<Key>,
    bytes: usize,
    limit: usize,
}

/// More was written than we remember: the copy is useless.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

impl Changes {
    /// Begins with an empty copy.
    pub fn new() -> Self {
        Self {
            upto: Upto::Key(Key::new()),
            keys: BTreeSet::new(),
            bytes: 0,
            limit: LIMIT,
        }
    }

    /// Notes what a write has changed. The copy must not read rows meanwhile.
    pub fn note(&mut self, rows: &Rows) {
        for key in rows.keys() {
            let is_copied = match &self.upto {
                Upto::Key(upto) => key <= upto,
                Upto::End => true,
            };
            if is_copied && self.bytes <= self.limit && self.keys.insert(key.clone()) {
                self.bytes += key.len() + OF_A_KEY;
            }
        }
    }

    /// Sets how far the copy has got. No write may come between the reading of its rows and this
    /// call.
    pub fn reach(&mut self, upto: Upto) {
        self.upto = upto;
    }

    /// Returns how many keys have to be copied again.
    pub fn len(&self) -> Result<usize, TooMany> {
        match self.bytes > self.limit {
            true => Err(TooMany),
            false => Ok(self.keys.len()),
        }
    }

    /// Removes up to `limit` keys and returns them.
    pub fn take(&mut self, limit: usize) -> Result<Vec<Key>, TooMany> {
        let n = self.len()?.min(limit);
        let taken: Vec<Key> = std::iter::from_fn(|| self.keys.pop_first())
            .take(n)
            .collect();
        let bytes: usize = taken.iter().map(|key| key.len() + OF_A_KEY).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(keys: &[&[u8]]) -> Rows {
        keys.iter().map(|key| (key.to_vec(), None)).collect()
    }

    #[test]
    fn only_what_the_copy_has_is_noted_each_key_once_and_some_are_taken_at_a_time() {
        let mut changes = Changes::new();
        changes.note(&write(&[b"a", b"b"]));
        assert_eq!(changes.len(), Ok(0), "it will be met");

        changes.reach(Upto::Key(b"b".to_vec()));
        changes.note(&write(&[b"a", b"b", b"c"]));
        changes.note(&write(&[b"a"]));
        assert_eq!(changes.len(), Ok(2));

        changes.reach(Upto::End);
        changes.note(&write(&[b"c"]));
        assert_eq!(changes.take(2), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
        assert_eq!(changes.take(2), Ok(vec![b"c".to_vec()]));
        assert_eq!(changes.take(2), Ok(Vec::new()));
        assert_eq!(changes.bytes, 0);
    }

    #[test]
    fn what_is_too_much_is_not_remembered_and_not_forgotten_either() {
        let mut changes = Changes::new();
        changes.limit = 2 * (1 + OF_A_KEY);
        changes.reach(Upto::End);

        changes.note(&write(&[b"a", b"b"]));
        assert_eq!(changes.len(), Ok(2));
        changes.note(&write(&[b"c", b"d", b"e"]));

        assert_eq!(changes.len(), Err(TooMany));
        assert_eq!(changes.take(1), Err(TooMany));
        assert_eq!(changes.keys.len(), 3, "it has a bound");
    }
}
