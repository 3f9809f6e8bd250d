//! From format 8 to 9: readings of licences are runs, and there are posting lists. The lists are
//! not made here, but built once the store is in use.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;

/// Copies every row.
pub struct LicenceRuns;

impl Rewrite for LicenceRuns {
    fn row(&mut self, row: Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        out.push(row);
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
