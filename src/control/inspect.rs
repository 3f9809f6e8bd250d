//! Looks through the records of a tenant for accounts that somebody should look at.

use std::collections::BTreeSet;

use crate::access::{Concern, Inspection};
use crate::model::{TenantName, Timestamp};
use crate::store::{Known, Store, StoreError};
use crate::sync::Lineup;

use super::{ConcernRow, MAX_PAGE, Reply, linked};

/// Concerns of an answer at the most.
const MAX_CONCERNS: usize = 10_000;

/// Inspects tenants, and names those among the ones asked for that were never read.
pub(super) fn findings(
    store: &Store,
    now: Timestamp,
    lineup: &Lineup,
    tenants: &[&Known],
    wanted: Option<&TenantName>,
) -> Result<Reply, StoreError> {
    let mut rows = Vec::new();
    for known in tenants {
        let linked = lineup.get(&known.name);
        let client = linked.and_then(|linked| linked.client().map(str::to_owned));
        let concerns = inspect(store, known, now, client.into_iter().collect())?;
        rows.extend(concerns.into_iter().map(|concern| ConcernRow {
            tenant: known.name.clone(),
            concern,
        }));
    }
    let left_out = rows.len().saturating_sub(MAX_CONCERNS);
    rows.truncate(MAX_CONCERNS);
    let unread = linked::unread(store, lineup)?.into_iter();
    let unread = unread.filter(|row| wanted.is_none_or(|wanted| *wanted == row.name));
    Ok(Reply::Findings {
        rows,
        left_out,
        unread: unread.collect(),
    })
}

/// Inspects one tenant. Reads it page by page: memory does not grow with the tenant.
fn inspect(
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
