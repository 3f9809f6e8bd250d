//! Writes and removes more rows than fit into one write, a batch at a time.

use std::ops::Bound;

use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::Key;
use crate::store::values::commit::MAX_QUIET;
use crate::store::values::row::Row;

/// Rows that are removed at once; this bounds memory.
const REMOVED_AT_ONCE: usize = 10_000;

impl Store {
    /// Reads rows whose keys begin with a prefix, in the order of keys, after a given key or from
    /// the first one on. `read` decodes each.
    pub(in crate::store) fn page<T>(
        &self,
        what: &'static str,
        (prefix, after): (Key, Option<Key>),
        limit: usize,
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.engine.read(what, |reader| {
            let from = match after {
                Some(key) => Bound::Excluded(key),
                None => Bound::Included(prefix.clone()),
            };
            let rows = reader.after(&prefix, from).take(limit);
            rows.map(|row| {
                let (key, value) = row?;
                read(&key, &value)
            })
            .collect()
        })
    }

    /// Reads a row, which `read` decodes; `None` if there is no such row.
    pub(in crate::store) fn row<T>(
        &self,
        what: &'static str,
        key: &[u8],
        read: impl Fn(&[u8], &[u8]) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.engine.read(what, |reader| {
            let value = reader.get(key)?;
            value.map(|value| read(key, &value)).transpose()
        })
    }

    /// Removes all rows that begin with a prefix, some at a time.
    pub(in crate::store) fn remove_rows(&self, prefix: &[u8]) -> Result<(), StoreError> {
        loop {
            let rows: Vec<Key> = self.engine.read("reading what is removed", |reader| {
                reader
                    .prefix(prefix)
                    .take(REMOVED_AT_ONCE)
                    .map(|row| row.map(|(key, _)| key.to_vec()))
                    .collect()
            })?;
            if rows.is_empty() {
                return Ok(());
            }
            self.write_all(rows.into_iter().map(|key| (key, None)).collect())?;
        }
    }

    /// Writes any number of rows, a batch at a time.
    pub(in crate::store) fn write_all(&self, rows: Vec<Row>) -> Result<(), StoreError> {
        let mut rows = rows.into_iter().peekable();
        let mut tickets = Vec::new();
        while rows.peek().is_some() {
            let batch = rows.by_ref().take(MAX_QUIET).collect();
            tickets.push(self.engine.submit_rows(batch)?);
        }
        tickets
            .into_iter()
            .try_for_each(|ticket| ticket.wait().map(drop))
    }
}
