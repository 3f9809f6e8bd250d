//! A row as it is written: a key and its value.

/// The bytes of a key.
pub type Key = Vec<u8>;

/// A key and the value to write there; `None` removes the row.
pub type Row = (Key, Option<Vec<u8>>);
