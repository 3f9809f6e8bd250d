//! Answers questions about findings: accounts that somebody should look at, and which of them were
//! accepted.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use crate::access::{Concern, ConcernCode, Inspection, Severity};
use crate::clock::Clock;
use crate::model::{Acceptance, FindingId, TenantName, Timestamp};
use crate::store::{Known, Store, StoreError};
use crate::sync::TenantRegistry;

use super::reading::Reading;
use super::{ConcernRow, ControlError, FindingRequest, FindingStanding, Reply, linked};

/// Concerns of an answer at the most.
const MAX_CONCERNS: usize = 10_000;

/// Answers a question about findings, or keeps what an operator says of one.
pub(super) fn answer(
    reading: &Reading<'_>,
    clock: &Clock,
    registry: &TenantRegistry,
    request: FindingRequest,
) -> Result<Reply, ControlError> {
    let (store, now) = (reading.store, clock.now());
    match request {
        FindingRequest::List {
            tenant,
            codes,
            min,
            standing,
        } => {
            let tenants = reading.chosen(tenant.as_ref())?;
            let wanted = Wanted {
                tenant: tenant.as_ref(),
                codes: &codes,
                min,
                standing,
            };
            findings(store, now, registry, &tenants, &wanted).map_err(ControlError::store)
        }
        FindingRequest::Accept { id, by, why } => {
            accept(store, registry, id, now, (by, why)).map(Reply::Accepted)
        }
        FindingRequest::Reopen { id } => reopen(store, id).map(Reply::Reopened),
    }
}

/// Which concerns are asked for.
struct Wanted<'a> {
    /// In which tenant; `None` for all.
    tenant: Option<&'a TenantName>,
    /// Of which sorts; empty: of all.
    codes: &'a [ConcernCode],
    /// How grave at the least.
    min: Severity,
    /// Whether those that are open or those that were accepted.
    standing: FindingStanding,
}

impl Wanted<'_> {
    fn has(&self, code: ConcernCode) -> bool {
        (self.codes.is_empty() || self.codes.contains(&code)) && code.severity() >= self.min
    }
}

/// Inspects tenants, and names those among the ones asked for that were never read.
fn findings(
    store: &Store,
    now: Timestamp,
    registry: &TenantRegistry,
    tenants: &[&Known],
    wanted: &Wanted<'_>,
) -> Result<Reply, StoreError> {
    let mut rows = Vec::new();
    let mut counts = BTreeMap::new();
    let mut n_accepted = 0;
    for known in tenants {
        let found = look(store, known, now, registry)?.into_iter();
        for row in found.filter(|row| wanted.has(row.concern.code)) {
            let standing = match &row.accepted {
                Some(_) => FindingStanding::Accepted,
                None => FindingStanding::Open,
            };
            n_accepted += u64::from(standing == FindingStanding::Accepted);
            if standing != wanted.standing {
                continue;
            }
            *counts.entry(row.concern.code).or_default() += 1;
            if rows.len() < MAX_CONCERNS {
                rows.push(row);
            }
        }
    }
    let unread = linked::unread(store, registry)?.into_iter();
    let unread = unread.filter(|row| wanted.tenant.is_none_or(|wanted| *wanted == row.name));
    Ok(Reply::Findings {
        rows,
        counts,
        accepted: n_accepted,
        unread: unread.collect(),
    })
}

/// Accepts a finding as it is now.
fn accept(
    store: &Store,
    registry: &TenantRegistry,
    id: FindingId,
    now: Timestamp,
    (by, why): (String, String),
) -> Result<ConcernRow, ControlError> {
    for known in store.tenants().map_err(ControlError::store)? {
        let found = look(store, &known, now, registry).map_err(ControlError::store)?;
        let Some(mut row) = found.into_iter().find(|row| row.id == id) else {
            continue;
        };
        let acceptance = Acceptance {
            at: now,
            by,
            why,
            extent: row.concern.extent.clone(),
        };
        let written = store.accept(known.no, id, &acceptance);
        written.map_err(ControlError::store)?;
        row.accepted = Some(acceptance);
        return Ok(row);
    }
    Err(ControlError::UnknownFinding { id })
}

/// Takes an acceptance back, also of a finding that is not there any more.
fn reopen(store: &Store, id: FindingId) -> Result<FindingId, ControlError> {
    match take_back(store, id).map_err(ControlError::store)? {
        true => Ok(id),
        false => Err(ControlError::NotAccepted { id }),
    }
}

/// Removes an acceptance, in whichever tenant it is. Returns whether there was one.
fn take_back(store: &Store, id: FindingId) -> Result<bool, StoreError> {
    for known in store.tenants()? {
        if store.accepted(known.no)?.contains_key(&id) {
            store.reopen(known.no, id)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Inspects one tenant, and tells which of its findings are accepted.
fn look(
    store: &Store,
    known: &Known,
    now: Timestamp,
    registry: &TenantRegistry,
) -> Result<Vec<ConcernRow>, StoreError> {
    let linked = registry.get(&known.name);
    let client = linked.and_then(|linked| linked.client().map(str::to_owned));
    let concerns = inspect(store, known, now, client.into_iter().collect())?;
    let accepted = store.accepted(known.no)?;
    let rows = concerns.into_iter().map(|concern| {
        let id = concern.id(&known.tenant.id);
        let acceptance = accepted.get(&id);
        ConcernRow {
            tenant: known.name.clone(),
            id,
            accepted: acceptance.filter(|it| it.covers(&concern.extent)).cloned(),
            concern,
        }
    });
    Ok(rows.collect())
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
        store.walk(known.no, kind, &mut |record| {
            inspection.look(record);
            ControlFlow::Continue(())
        })?;
    }
    Ok(inspection.end())
}
