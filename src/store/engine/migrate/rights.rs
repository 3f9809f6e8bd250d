//! From format 4 to 5: entries may be about what users hold, and deliveries about a single user of
//! a list. Cursors, parked deliveries and attempts get the layout that can say so. Earlier changes
//! are not reported: the comparison of rights begins at the end of the journal.

use crate::store::engine::compaction::copying::{Rewrite, Row};
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::layout::rows::{read_attempts, read_cursor, read_parked};
use crate::store::layout::{codec, v5};
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

use crate::model::Seq;

/// Rewrites the rows whose layout differs, and adds the marks of tenants that were loaded.
#[derive(Default)]
pub struct Rights {
    last: Seq,
    loaded: Vec<TenantNo>,
}

impl Rewrite for Rights {
    fn row(&mut self, (key, value): Row, out: &mut Vec<Row>) -> Result<(), StoreError> {
        let keyspace = |keyspace: Keyspace| key.first() == Some(&(keyspace as u8));
        if *key == *keys::head() {
            self.last = Head::read(&key, &value)?.last;
        }
        if keyspace(Keyspace::Loaded) {
            self.loaded.extend(keys::tenant_no(&key));
        }
        let value = if keyspace(Keyspace::Cursor) {
            codec::row(&key, &v5::Cursor::from(&read_cursor(&key, &value)?)).into()
        } else if keyspace(Keyspace::Parked) {
            codec::row(&key, &v5::Parked::from(&read_parked(&key, &value)?)).into()
        } else if keyspace(Keyspace::Attempts) {
            let attempts = read_attempts(&key, &value)?;
            let stored = v5::Attempts(attempts.iter().map(Into::into).collect());
            codec::packed_row(&key, &stored).into()
        } else {
            value
        };
        out.push((key, value));
        Ok(())
    }

    fn end(&mut self, out: &mut Vec<Row>) {
        for no in std::mem::take(&mut self.loaded) {
            let key = keys::rights_mark(no);
            let value = codec::row(
                &key,
                &v5::RightsMark {
                    told: self.last,
                    under_way: None,
                },
            );
            out.push((key.into(), value.into()));
        }
    }
}
