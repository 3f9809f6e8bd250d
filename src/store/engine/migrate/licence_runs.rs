//! From format 8 to 9: readings of licences are runs, and the marks of these readings have fields
//! of their own for the last complete one. Spaces record which of their lists were never seen
//! whole, and a mark records how far rights in spaces were compared. Posting lists are new as well;
//! they are not made here, but built once the store is in use.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::Keyspace;
use crate::store::layout::{codec, v5, v6, v7, v8, v9};

/// Rewrites the runs, the spaces, and the marks of how far licences and spaces were read and rights
/// were compared.
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
        } else if is_in(Keyspace::Space) {
            let row: v6::space::SpaceRow = codec::read_packed_row(&key, &value)?;
            codec::packed_row(&key, &v9::space::SpaceRow::from(row)).into()
        } else if is_in(Keyspace::SpaceReading) {
            let reading: v8::space::SpaceReading = codec::read_row(&key, &value)?;
            codec::row(&key, &v9::space::SpaceReading::from(reading)).into()
        } else if is_in(Keyspace::RightsMark) {
            let mark: v5::RightsMark = codec::read_row(&key, &value)?;
            codec::row(&key, &v9::right::RightsMark::from(mark)).into()
        } else {
            value
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, _out: &mut Vec<Row>) {}
}
