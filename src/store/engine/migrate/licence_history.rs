//! From format 9 to 10: licences have a history. Rows of subjects record when they changed, and
//! what a reading that has not ended has shown; the marks of how far licences were read have fields
//! for what a second reading must confirm.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, v7, v9, v10};

/// Rewrites the assignments of licences, and the marks of how far they were read.
pub struct LicenceHistory;

impl Rewrite for LicenceHistory {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let is_in = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
        let value = if is_in(Keyspace::Licence) {
            let row: v7::licence::LicenceRow = codec::read_row(&key, &value)?;
            codec::row(&key, &v10::licence::LicenceRow::from(row)).into()
        } else if is_in(Keyspace::LicenceReading) {
            let reading: v9::licence::LicenceReading = codec::read_row(&key, &value)?;
            codec::row(&key, &v10::licence::LicenceReading::from(reading)).into()
        } else {
            value
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
