//! From format 8 to 9: readings of licences are runs, and the marks of these readings have fields
//! of their own for the last complete one. There are posting lists, too; these are not made here,
//! but built once the store is in use.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, v6, v7, v9};

/// Rewrites the runs, and the marks of how far licences were read.
pub struct LicenceRuns;

impl Rewrite for LicenceRuns {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let is_in = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
        let value = if is_in(Keyspace::Run) {
            let run: v6::run::Run = codec::read_row(&key, &value)?;
            codec::row(&key, &v9::run::Run::from(run)).into()
        } else if is_in(Keyspace::LicenceReading) {
            let reading: v7::licence::LicenceReading = codec::read_row(&key, &value)?;
            codec::row(&key, &v9::licence::LicenceReading::from(reading)).into()
        } else {
            value
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
