//! Reports accounts that somebody should look at, and stores which findings were accepted.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::access::{Concern, ConcernCode, ConcernSubject, Inspection, Judged};
use crate::model::{Acceptance, FindingId, TenantName};
use crate::store::{Known, StoreError};

use super::acting::Acting;
use super::deliveries::names_of;
use super::query::FindingStanding;
use super::reading::Reading;
use super::{Command, ConcernRow, ControlError, Findings, Query, RuleRow, command, linked, query};

/// How many findings an answer contains at most.
const MAX_CONCERNS: usize = 10_000;

/// How many of these may be about one rule: the first rule must not take the room of all others.
const MAX_OF_RULE: u64 = 1_000;

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
        let mut list = Shortlist::default();
        let judged = look(reading, known, &mut |row| {
            if !self.has(row.concern.code) {
                return;
            }
            let standing = match &row.accepted {
                Some(_) => FindingStanding::Accepted,
                None => FindingStanding::Open,
            };
            page.accepted += u64::from(standing == FindingStanding::Accepted);
            if standing == self.standing {
                *page.counts.entry(row.concern.code).or_default() += 1;
                list.take(row);
            }
        })?;
        if self.has(ConcernCode::Separation) {
            let rules = judged.into_iter();
            page.rules = rules.map(|judged| list.rule(known, judged)).collect();
        }
        page.rows = list.rows.into_values().collect();
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
            let mut found = None;
            look(acting, known, &mut |row| {
                if row.id == id {
                    found.get_or_insert(row);
                }
            })?;
            let Some(mut row) = found else { continue };
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

/// What comes first of the findings of a tenant.
#[derive(Default)]
struct Shortlist {
    rows: BTreeMap<SortKey, ConcernRow>,
    /// How many there are by rule, including those that are left out.
    by_rule: BTreeMap<String, u64>,
}

/// Where a finding stands in the list: the most serious come first.
type SortKey = (ConcernCode, Option<String>, ConcernSubject);

impl Shortlist {
    fn take(&mut self, row: ConcernRow) {
        let Concern {
            code,
            subject,
            part,
            ..
        } = &row.concern;
        if let (ConcernCode::Separation, Some(rule)) = (code, part) {
            let n = self.by_rule.entry(rule.clone()).or_default();
            *n += 1;
            if *n > MAX_OF_RULE {
                return;
            }
        }
        let place = (*code, part.clone(), subject.clone());
        self.rows.insert(place, row);
        if self.rows.len() > MAX_CONCERNS {
            self.rows.pop_last();
        }
    }

    /// Reports what came of a rule.
    fn rule(&self, known: &Known, judged: Judged) -> RuleRow {
        let Judged {
            rule,
            n_broken,
            n_unseen,
            is_blind,
        } = judged;
        let found = self.by_rule.get(&rule).copied().unwrap_or(0);
        RuleRow {
            tenant: known.name.clone(),
            broken_by: n_broken,
            found,
            listed: found.min(MAX_OF_RULE),
            not_judged: n_unseen,
            is_blind,
            is_unread: known.loaded.is_none(),
            rule,
        }
    }
}

/// Inspects one tenant page by page, hands on each of its findings with who accepted it, and
/// reports what came of each rule.
fn look(
    reading: &Reading<'_>,
    known: &Known,
    take: &mut dyn FnMut(ConcernRow),
) -> Result<Vec<Judged>, StoreError> {
    let (store, context) = (reading.store, reading.context);
    let linked = context.registry.get(&known.name);
    let client = linked.and_then(|linked| linked.client().map(str::to_owned));
    let now = context.clock.now();
    let rules = context.separations.iter();
    let rules = rules.filter(|rule| rule.is_for(&names_of(known)));
    let rules = rules.cloned().collect();
    let accepted = store.accepted(known.no)?;
    let mut found = |concern: Concern| {
        let id = concern.id(&known.tenant.id);
        let acceptance = accepted.get(&id);
        take(ConcernRow {
            tenant: known.name.clone(),
            id,
            accepted: acceptance.filter(|it| it.covers(&concern.extent)).cloned(),
            concern,
        });
    };
    let mut inspection = Inspection::begin(now, client.into_iter().collect(), rules);
    for kind in Inspection::ORDER {
        store.walk(known.no, kind, &mut |record| {
            inspection.look(record, &mut found);
            ControlFlow::Continue(())
        })?;
    }
    Ok(inspection.end(&mut found))
}
