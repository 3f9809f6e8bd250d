//! From format 7 to 8: entries may be about rights in spaces. Earlier changes are not reported: the
//! comparison of these rights begins at the end of the journal. Runs may read the licence, and how
//! far it was read has fields of its own for the last complete reading.

use crate::model::Seq;
use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v6, v7, v8};
use crate::store::values::head::Head;

/// Rewrites how far spaces were read.
#[derive(Default)]
pub struct SpaceRights {
    last: Seq,
    readings: Vec<(Row, v6::space::SpaceReading)>,
}

impl Rewrite for SpaceRights {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        if *key == *keys::head() {
            self.last = Head::read(&key, &value)?.last;
        }
        match key.first() {
            Some(first) if *first == Keyspace::SpaceReading as u8 => {
                let reading = codec::read_row(&key, &value)?;
                self.readings.push(((key, value), reading));
            }
            Some(first) if *first == Keyspace::LicenceReading as u8 => {
                let reading: v7::licence::LicenceReading = codec::read_row(&key, &value)?;
                let value = codec::row(&key, &v8::licence::LicenceReading::from(reading));
                out.push((key, value.into()));
            }
            Some(first) if *first == Keyspace::Run as u8 => {
                let run: v6::run::Run = codec::read_row(&key, &value)?;
                let value = codec::row(&key, &v8::run::Run::from(run));
                out.push((key, value.into()));
            }
            Some(_) | None => out.push((key, value)),
        }
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Row>) {
        for ((key, _), reading) in std::mem::take(&mut self.readings) {
            let v6::space::SpaceReading {
                number,
                first,
                last,
                began,
                tried,
                refused,
            } = reading;
            let reading = v8::space::SpaceReading {
                number,
                first,
                last,
                began,
                tried,
                refused,
                since: first.map(|_| self.last),
            };
            let value = codec::row(&key, &reading);
            out.push((key, value.into()));
        }
    }
}
