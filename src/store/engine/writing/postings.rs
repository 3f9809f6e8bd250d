//! When the writer puts changes into posting lists, and what it remembers while it builds them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crate::store::engine::files::pending::Rows;
use crate::store::engine::rows::compose::Composed;
use crate::store::engine::rows::posting::build::{self, KnownGroups};
use crate::store::engine::rows::posting::fold::{Fold, GATHERED};
use crate::store::engine::scan;
use crate::store::error::StoreError;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::values::head::Head;
use crate::store::values::tenant_no::TenantNo;

/// How many rows of changes wait to be put into posting lists, by tenant.
#[derive(Default)]
pub struct Folding {
    /// The numbers of those tenants whose rows were counted.
    counts: BTreeMap<TenantNo, usize>,
    /// The tenant whose rows changed last.
    changed: Option<TenantNo>,
    known: KnownGroups,
}

impl Folding {
    /// Updates the numbers with the rows of a batch.
    pub fn note(&mut self, rows: &Rows) {
        let logs = vec![Keyspace::PostingLog as u8]..vec![Keyspace::PostingLog as u8 + 1];
        for (key, value) in rows.range(logs) {
            let Some(no) = keys::tenant_of_posting_log(key) else {
                continue;
            };
            self.changed = Some(no);
            if let Some(count) = self.counts.get_mut(&no) {
                *count = match value {
                    Some(_) => *count + 1,
                    None => count.saturating_sub(1),
                };
            }
        }
    }

    /// Returns the changes to put into the lists now; `None` if too few have gathered.
    pub fn due(&mut self, db: &sled::Db) -> Result<Option<Fold>, StoreError> {
        let Some(no) = self.changed.take() else {
            return Ok(None);
        };
        let count = match self.counts.entry(no) {
            Entry::Occupied(count) => *count.get(),
            Entry::Vacant(place) => *place.insert(n_gathered(db, no)?),
        };
        match count < GATHERED {
            true => Ok(None),
            false => Fold::begin(db, no),
        }
    }

    /// Composes the next step of building the lists of a tenant; `None` if there is nothing to do.
    pub fn build(
        &mut self,
        db: &sled::Db,
        head: &Head,
        no: TenantNo,
    ) -> Result<Option<Composed>, StoreError> {
        build::step(db, head, no, &mut self.known)
    }
}

/// Counts the rows of changes of a tenant.
fn n_gathered(db: &sled::Db, no: TenantNo) -> Result<usize, StoreError> {
    let mut count = 0;
    for row in scan::prefix(db, &keys::posting_logs(no)) {
        row?;
        count += 1;
    }
    Ok(count)
}
