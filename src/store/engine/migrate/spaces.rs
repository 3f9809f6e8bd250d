//! From format 5 to 6: spaces are read. Runs get the layout that can say what was read of them.
//! Nothing is known of spaces before the first reading of all.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, v2, v6};

/// Rewrites the runs.
pub struct Spaces;

impl Rewrite for Spaces {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let value = if key.first() == Some(&(Keyspace::Run as u8)) {
            let run: v2::Run = codec::read_row(&key, &value)?;
            codec::row(&key, &v6::run::Run::from(run)).into()
        } else {
            value
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
