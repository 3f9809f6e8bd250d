//! Looks through the records of a tenant for accounts that somebody should look at.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{Concern, ConcernCode, Inspection, Severity};
use crate::model::{TenantName, Timestamp};
use crate::store::{Known, Store, StoreError};
use crate::sync::Lineup;

use super::{ConcernRow, MAX_PAGE, Reply, linked};

/// Concerns of an answer at the most.
const MAX_CONCERNS: usize = 10_000;

/// Which concerns are asked for.
pub(super) struct Wanted<'a> {
    /// In which tenant; none: in all.
    pub(super) tenant: Option<&'a TenantName>,
    /// Of which sorts; empty: of all.
    pub(super) codes: &'a [ConcernCode],
    /// How grave at the least.
    pub(super) min: Severity,
}

impl Wanted<'_> {
    fn has(&self, code: ConcernCode) -> bool {
        (self.codes.is_empty() || self.codes.contains(&code)) && code.severity() >= self.min
    }
}

/// Inspects tenants, and names those among the ones asked for that were never read.
pub(super) fn findings(
    store: &Store,
    now: Timestamp,
    lineup: &Lineup,
    tenants: &[&Known],
    wanted: &Wanted<'_>,
) -> Result<Reply, StoreError> {
    let mut rows = Vec::new();
    let mut counts = BTreeMap::new();
    for known in tenants {
        let linked = lineup.get(&known.name);
        let client = linked.and_then(|linked| linked.client().map(str::to_owned));
        let concerns = inspect(store, known, now, client.into_iter().collect())?;
        let concerns = concerns.into_iter();
        for concern in concerns.filter(|concern| wanted.has(concern.code)) {
            *counts.entry(concern.code).or_default() += 1;
            if rows.len() < MAX_CONCERNS {
                rows.push(ConcernRow {
                    tenant: known.name.clone(),
                    concern,
                });
            }
        }
    }
    let unread = linked::unread(store, lineup)?.into_iter();
    let unread = unread.filter(|row| wanted.tenant.is_none_or(|wanted| *wanted == row.name));
    Ok(Reply::Findings {
        rows,
        counts,
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
