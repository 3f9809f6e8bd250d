//! Looks through the records of a tenant for accounts that somebody should look at.

use std::collections::BTreeSet;

use crate::access::{Concern, Inspection};
use crate::model::Timestamp;
use crate::store::{Known, Store, StoreError};

use super::MAX_PAGE;

/// Inspects one tenant. Reads it page by page: memory does not grow with the tenant.
pub(super) fn inspect(
    store: &Store,
    known: &Known,
    now: Timestamp,
    clients: BTreeSet<String>,
) -> Result<Vec<Concern>, StoreError> {
    let mut inspection = Inspection::begin(now, clients);
    for kind in Inspection::ORDER {
        let mut after = None;
        loop {
            let page = store.list(known.no, kind, after.as_ref(), MAX_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.record.id().clone());
            for kept in &page {
                inspection.look(&kept.record);
            }
        }
    }
    Ok(inspection.end())
}
