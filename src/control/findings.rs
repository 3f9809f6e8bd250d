//! Reports accounts that somebody should look at, and stores which findings were accepted.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::access::{Concern, ConcernCode, Inspection};
use crate::model::{Acceptance, FindingId, TenantName, Timestamp};
use crate::store::{Known, Store, StoreError};

use super::acting::Acting;
use super::query::FindingStanding;
use super::reading::Reading;
use super::{Command, ConcernRow, ControlError, Findings, Query, command, linked, query};

/// How many findings an answer contains at most.
const MAX_CONCERNS: usize = 10_000;

impl query::Findings {
    fn has(&self, code: ConcernCode) -> bool {
        (self.codes.is_empty() || self.codes.contains(&code)) && code.severity() >= self.min
    }
}

impl Query for query::Findings {
    type Answer = Findings;

    fn about(&self) -> &'static str {
        "findings"
    }

    /// Inspects one tenant, and names the requested tenants that were never read.
    fn answer(self, reading: &Reading<'_>) -> Result<Findings, ControlError> {
        let tenants = reading.chosen(self.tenant.as_ref())?;
        let is_behind = |known: &&&Known| self.after.as_ref().is_none_or(|it| known.name > *it);
        let mut behind = tenants.iter().filter(is_behind);
        let mut page = Findings::default();
        if self.after.is_none() {
            let unread = linked::unread(reading.store, &reading.context.registry)?.into_iter();
            let is_wanted =
                |name: &TenantName| self.tenant.as_ref().is_none_or(|wanted| wanted == name);
            page.unread = unread.filter(|row| is_wanted(&row.name)).collect();
        }
        let Some(known) = behind.next() else {
            return Ok(page);
        };
        let found = look(reading, known)?.into_iter();
        for row in found.filter(|row| self.has(row.concern.code)) {
            let standing = match &row.accepted {
                Some(_) => FindingStanding::Accepted,
                None => FindingStanding::Open,
            };
            page.accepted += u64::from(standing == FindingStanding::Accepted);
            if standing != self.standing {
                continue;
            }
            *page.counts.entry(row.concern.code).or_default() += 1;
            if page.rows.len() < MAX_CONCERNS {
                page.rows.push(row);
            }
        }
        page.next = behind.next().map(|_| known.name.clone());
        Ok(page)
    }
}

impl Command for command::AcceptFinding {
    type Answer = ConcernRow;

    fn about(&self) -> &'static str {
        "accept the finding"
    }

    fn carry_out(self, acting: &Acting<'_>) -> Result<ConcernRow, ControlError> {
        let Self { id, why } = self;
        for known in &acting.tenants {
            let found = look(acting, known)?;
            let Some(mut row) = found.into_iter().find(|row| row.id == id) else {
                continue;
            };
            let acceptance = Acceptance {
                at: acting.context.clock.now(),
                by: acting.by.name.clone(),
                why,
                extent: row.concern.extent.clone(),
            };
            acting.store.accept(known.no, id, &acceptance)?;
            tracing::info!(by = %acting.by, "Finding {id} was accepted by {}", acting.by);
            row.accepted = Some(acceptance);
            return Ok(row);
        }
        Err(ControlError::UnknownFinding { id })
    }
}

impl Command for command::ReopenFinding {
    type Answer = FindingId;

    fn about(&self) -> &'static str {
        "reopen the finding"
    }

    /// Reopens a finding that was accepted, even if it no longer exists.
    fn carry_out(self, acting: &Acting<'_>) -> Result<FindingId, ControlError> {
        let Self { id } = self;
        for known in &acting.tenants {
            if acting.store.accepted(known.no)?.contains_key(&id) {
                acting.store.reopen(known.no, id)?;
                tracing::info!(by = %acting.by, "Finding {id} was reopened by {}", acting.by);
                return Ok(id);
            }
        }
        Err(ControlError::NotAccepted { id })
    }
}

/// Inspects one tenant, and reports which of its findings are accepted.
fn look(reading: &Reading<'_>, known: &Known) -> Result<Vec<ConcernRow>, StoreError> {
    let (store, context) = (reading.store, reading.context);
    let linked = context.registry.get(&known.name);
    let client = linked.and_then(|linked| linked.client().map(str::to_owned));
    let now = context.clock.now();
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

/// Inspects one tenant. Reads it page by page, so that memory does not grow with the tenant.
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
