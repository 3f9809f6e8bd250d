//! From format 9 to 10: the marks of how far licences were read have fields for what a second
//! reading must confirm.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, v9, v10};

/// Rewrites the marks of how far licences were read.
pub struct LicenceHistory;

impl Rewrite for LicenceHistory {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let is_in = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
        let value = if is_in(Keyspace::LicenceReading) {
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
