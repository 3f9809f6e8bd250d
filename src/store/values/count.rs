//! How much live data a store has.

/// The live data of a database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Rows.
    pub rows: u64,
    /// Bytes of their keys and values.
    pub bytes: u64,
}

impl Count {
    /// Adds a row.
    pub fn add(&mut self, key: &[u8], value: &[u8]) {
        self.rows += 1;
        self.bytes += (key.len() + value.len()) as u64;
    }

    /// Removes a row, given the sizes of its key and its value.
    pub fn remove(&mut self, key: usize, value: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub((key + value) as u64);
    }
}

/// A count as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// How much there was.
    pub count: Count,
    /// Atomic writes up to that point.
    pub commits: u64,
}
