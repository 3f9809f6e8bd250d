//! From format 7 to 8: entries may be about rights in spaces, and contain what the audit log
//! reports of a change. Earlier changes of these rights have no entries: the comparison begins at
//! the end of the journal.

use crate::model::Seq;
use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::{codec, v1, v6, v8};
use crate::store::values::head::Head;

/// Rewrites the marks of how far spaces were read, and the rows of plans.
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
        let is_in = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
        if is_in(Keyspace::SpaceReading) {
            let reading = codec::read_row(&key, &value)?;
            self.readings.push(((key, value), reading));
        } else if is_in(Keyspace::PlanRow) {
            let value = plan_row(&key, &value)?.into();
            out.push((key, value));
        } else {
            out.push((key, value));
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
                unread: 0,
            };
            let value = codec::row(&key, &reading);
            out.push((key, value.into()));
        }
    }
}

/// Rewrites a row of a plan. The audit log reported nothing about its change.
fn plan_row(key: &[u8], value: &[u8]) -> Result<Vec<u8>, StoreError> {
    let write = match codec::read_packed_row::<v1::Write<'_>>(key, value)? {
        v1::Write::Change {
            change,
            fingerprint,
            raw,
        } => v8::plan::Write::Change {
            change,
            fingerprint,
            raw,
            reported: None,
        },
        v1::Write::Quiet {
            record,
            fingerprint,
            raw,
        } => v8::plan::Write::Quiet {
            record,
            fingerprint,
            raw,
        },
        v1::Write::Forget { record } => v8::plan::Write::Forget { record },
    };
    Ok(codec::packed_row(key, &write))
}
