//! From format 2 to 3: the head contains the version of the last entry. Entries stay as they are;
//! their positions serve as versions.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::{codec, keys, v3};
use crate::store::values::head::Head;

/// Rewrites the one row whose layout differs.
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
