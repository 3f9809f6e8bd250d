//! From format 2 to 3: the head says which version the last entry has. Entries stay as they are,
//! and have their places for versions.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::engine::rows::head::Head;
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v3};

/// Turns the one row that has another layout.
pub struct Versions;

impl Rewrite for Versions {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let value = match *key == *keys::head() {
            true => codec::row(&key, &v3::Head::from(Head::read(&key, &value)?)).into(),
            false => value,
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
