//! Reports accounts that somebody should look at, and stores which findings were accepted.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::access::{Absences, Concern, ConcernCode, Inspection, Judged, covers};
use crate::model::{Acceptance, FindingId, Record, TenantId};
use crate::store::{Known, Store, StoreError};

use super::access::{are_sessions_read, elsewhere, judged_for, orphan_licences, sharing, span};
use super::acting::Acting;
use super::deliveries::names_of;
use super::page::{self, PageBuilder};
use super::query::FindingStanding;
use super::reading::Reading;
use super::{
    Command, ConcernRow, ControlError, FindingPlace, FindingPosition, Findings, IdlenessLack,
    IdlenessRow, MAX_FINDINGS, Query, RuleRow, UnjudgedLicences, UnreadRow, command, linked, query,
};

impl query::Findings {
    fn has(&self, code: ConcernCode) -> bool {
        (self.codes.is_empty() || self.codes.contains(&code)) && code.severity() >= self.min
    }

    /// Returns whether findings of a tenant may follow the previous page.
    fn is_ahead(&self, known: &Known) -> bool {
        match &self.after {
            None | Some(FindingPosition::Unread(_)) => true,
            Some(FindingPosition::Within(tenant, _)) => known.name >= *tenant,
            Some(FindingPosition::AfterTenant(tenant)) => known.name > *tenant,
        }
    }

    /// Returns why it is not known who is idle, if that is so: sessions are not known for long
    /// enough, or not those of some users, or some users do not show whether they administer. A
    /// tenant is not reported because its sessions are not read, or are no longer read.
    fn idleness(
        &self,
        reading: &Reading<'_>,
        known: &Known,
        looked: &Looked,
    ) -> Result<Vec<IdlenessRow>, StoreError> {
        let limits = reading.context.idle_limits;
        let wanted = [
            (ConcernCode::IdleAdmin, limits.admin),
            (ConcernCode::LeftIdp, limits.left_idp),
        ];
        let wanted = wanted.into_iter().filter(|(code, _)| self.has(*code));
        let Some(longest) = wanted.filter_map(|(_, limit)| limit).max() else {
            return Ok(Vec::new());
        };
        let now = reading.context.clock.now();
        let span = span(reading.store, known)?;
        let linked = reading.context.registry.get(&known.name);
        let is_paused = linked.is_none_or(|linked| linked.pause().is_some());
        let are_read = !is_paused && are_sessions_read(reading, known);
        let is_enough = span.is_some_and(|span| covers(span, now, longest));
        let sessions = (are_read && !is_enough).then_some(IdlenessLack::Sessions(span));
        let Looked {
            n_unseen, n_late, ..
        } = *looked;
        let is_unseen = n_unseen > 0 && self.has(ConcernCode::IdleAdmin);
        let roles = is_unseen.then_some(IdlenessLack::Roles(n_unseen));
        let late = (n_late > 0).then_some(IdlenessLack::Late(n_late));
        let lacks = sessions.into_iter().chain(late).chain(roles);
        let rows = lacks.map(|lack| IdlenessRow {
            tenant: known.name.clone(),
            lack,
        });
        Ok(rows.collect())
    }

    /// Returns whether the licence of a tenant is judged for it, and not for another of the
    /// requested tenants.
    fn licence(
        &self,
        reading: &Reading<'_>,
        requested: &[&Known],
        known: &Known,
    ) -> Result<Licence, ControlError> {
        if !self.has(ConcernCode::OrphanLicence) {
            return Ok(Licence::Ignored);
        }
        let judged = judged_for(reading, requested)?;
        Ok(match judged.iter().any(|it| it.no == known.no) {
            true => Licence::Judged,
            false => Licence::Ignored,
        })
    }

    /// Returns the requested tenants that were never read, by name.
    fn unread(&self, reading: &Reading<'_>) -> Result<Vec<UnreadRow>, StoreError> {
        let mut unread = linked::unread(reading.store, &reading.context.registry)?;
        unread.retain(|row| {
            self.tenant
                .as_ref()
                .is_none_or(|wanted| *wanted == row.name)
        });
        unread.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(unread)
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
        let mut answer = Findings::default();
        let unread_after = match &self.after {
            Some(FindingPosition::Unread(tenant)) => Some(tenant.clone()),
            Some(FindingPosition::Within(..) | FindingPosition::AfterTenant(_)) | None => None,
        };
        if self.after.is_none() || unread_after.is_some() {
            let mut builder = PageBuilder::begin(unread_after, page::size(self.limit));
            answer.unread = builder.take(self.unread(reading)?, |row| row.name.clone());
            answer.next = builder.next().map(FindingPosition::Unread);
            if answer.next.is_some() {
                return Ok(answer);
            }
        }
        let mut ahead = tenants.iter().filter(|known| self.is_ahead(known));
        let Some(known) = ahead.next() else {
            return Ok(answer);
        };
        let after = match &self.after {
            Some(FindingPosition::Within(tenant, place)) if *tenant == known.name => Some(place),
            Some(_) | None => None,
        };
        let mut shortlist = Shortlist::begin(after.cloned(), self.limit.clamp(1, MAX_FINDINGS));
        let licence = self.licence(reading, &tenants, known)?;
        let looked = look(reading, known, licence, &mut |row| {
            if !self.has(row.concern.code) {
                return;
            }
            let standing = match &row.accepted {
                Some(_) => FindingStanding::Accepted,
                None => FindingStanding::Open,
            };
            answer.accepted += u64::from(standing == FindingStanding::Accepted);
            if standing == self.standing {
                *answer.counts.entry(row.concern.code).or_default() += 1;
                shortlist.take(row);
            }
        })?;
        if self.standing == FindingStanding::Open {
            answer.idleness = self.idleness(reading, known, &looked)?;
        }
        if self.has(ConcernCode::Separation) {
            answer.rules = looked
                .judged
                .into_iter()
                .map(|it| rule(known, it))
                .collect();
        }
        if self.standing == FindingStanding::Open {
            answer.licences = looked.licences;
        }
        if after.is_some() {
            // The first page of the tenant has these already.
            answer.counts.clear();
            (answer.accepted, answer.rules) = (0, Vec::new());
            answer.idleness = Vec::new();
            answer.licences = None;
        }
        let (rows, last) = shortlist.end();
        answer.rows = rows;
        answer.next = match last {
            Some(place) => Some(FindingPosition::Within(known.name.clone(), place)),
            None => ahead
                .next()
                .map(|_| FindingPosition::AfterTenant(known.name.clone())),
        };
        Ok(answer)
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
            look(acting, known, Licence::Judged, &mut |row| {
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
            // An orphan may be shown under the id that it has in another tenant of its licence,
            // where it was accepted before: the new acceptance replaces that one.
            let mut tenants = acting.tenants.iter();
            let owner = tenants.find(|it| row.concern.id(&it.tenant.id) == id);
            acting
                .store
                .accept(owner.unwrap_or(known).no, id, &acceptance)?;
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
        let mut gone: Vec<(&Known, FindingId)> = Vec::new();
        for known in &acting.tenants {
            if acting.store.accepted(known.no)?.contains_key(&id) {
                gone.push((known, id));
                // The acceptance of an orphan covers all tenants of its licence.
                gone.extend(elsewhere(acting, known, id)?);
            }
        }
        if gone.is_empty() {
            return Err(ControlError::NotAccepted { id });
        }
        for (known, id) in gone {
            if acting.store.accepted(known.no)?.contains_key(&id) {
                acting.store.reopen(known.no, id)?;
            }
        }
        tracing::info!(by = %acting.by, "Finding {id} was reopened by {}", acting.by);
        Ok(id)
    }
}

/// The first findings of a tenant after a position.
struct Shortlist {
    after: Option<FindingPlace>,
    limit: usize,
    rows: BTreeMap<FindingPlace, ConcernRow>,
    has_more: bool,
}

impl Shortlist {
    fn begin(after: Option<FindingPlace>, limit: usize) -> Self {
        Self {
            after,
            limit,
            rows: BTreeMap::new(),
            has_more: false,
        }
    }

    fn take(&mut self, row: ConcernRow) {
        let Concern {
            code,
            subject,
            part,
            ..
        } = &row.concern;
        let place = (*code, part.clone(), subject.clone());
        if self.after.as_ref().is_some_and(|after| place <= *after) {
            return;
        }
        self.rows.insert(place, row);
        if self.rows.len() > self.limit {
            self.rows.pop_last();
            self.has_more = true;
        }
    }

    /// Returns the rows in their order, and the place of the last one if there are more.
    fn end(self) -> (Vec<ConcernRow>, Option<FindingPlace>) {
        let last = self.rows.last_key_value().map(|(place, _)| place.clone());
        let last = last.filter(|_| self.has_more);
        (self.rows.into_values().collect(), last)
    }
}

/// Reports the result of a rule.
fn rule(known: &Known, judged: Judged) -> RuleRow {
    let Judged {
        rule,
        n_broken,
        n_unseen,
        is_blind,
    } = judged;
    RuleRow {
        tenant: known.name.clone(),
        rule,
        broken_by: n_broken,
        not_judged: n_unseen,
        is_blind,
        is_unread: known.loaded.is_none(),
    }
}

/// How the licence of a tenant is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Licence {
    /// We look for its orphans.
    Judged,
    /// Its orphans are not wanted, or we look for them for another tenant.
    Ignored,
}

/// What the inspection of a tenant yields besides findings.
struct Looked {
    /// The result of each rule.
    judged: Vec<Judged>,
    /// Why it is not known which assignments of its licence are orphans, if it is not.
    licences: Option<UnjudgedLicences>,
    /// How many users do not show whether they administer, and may be idle.
    n_unseen: u64,
    /// How many users were found too late to know whether they are idle.
    n_late: u64,
}

/// Inspects one tenant page by page, and hands on each of its findings with who accepted it.
fn look(
    reading: &Reading<'_>,
    known: &Known,
    licence: Licence,
    take: &mut dyn FnMut(ConcernRow),
) -> Result<Looked, StoreError> {
    let (store, context) = (reading.store, reading.context);
    let linked = context.registry.get(&known.name);
    let client = linked.and_then(|linked| linked.client().map(str::to_owned));
    let now = context.clock.now();
    let rules = context.separations.iter();
    let rules = rules.filter(|rule| rule.is_for(&names_of(known)));
    let rules = rules.cloned().collect();
    let accepted = Accepted::of(reading, known, licence)?;
    let mut found = |concern: Concern| {
        let (id, acceptance) = accepted.find(&concern);
        take(ConcernRow {
            tenant: known.name.clone(),
            id,
            accepted: acceptance.cloned(),
            concern,
        });
    };
    let mut inspection = Inspection::begin(now, client.into_iter().collect(), rules);
    let mut absences = Absences::begin(now, context.idle_limits, span(store, known)?);
    let mut read = Ok(());
    for kind in Inspection::ORDER {
        store.walk(known.no, kind, &mut |record| {
            inspection.look(record, &mut found);
            match absent(store, known, &mut absences, record) {
                Ok(concern) => {
                    concern.into_iter().for_each(&mut found);
                    ControlFlow::Continue(())
                }
                Err(failed) => {
                    read = Err(failed);
                    ControlFlow::Break(())
                }
            }
        })?;
        std::mem::replace(&mut read, Ok(()))?;
    }
    let judged = inspection.end(&mut found);
    let licences = match licence {
        Licence::Judged => orphan_licences(reading, known, &mut found)?,
        Licence::Ignored => None,
    };
    Ok(Looked {
        judged,
        licences,
        n_unseen: absences.n_unseen(),
        n_late: absences.n_late(),
    })
}

/// Which findings of a tenant are accepted.
struct Accepted {
    tenant: TenantId,
    own: BTreeMap<FindingId, Acceptance>,
    /// Those of the other tenants that have its licence: an orphan was perhaps found for them.
    others: Vec<(TenantId, BTreeMap<FindingId, Acceptance>)>,
}

impl Accepted {
    fn of(reading: &Reading<'_>, known: &Known, licence: Licence) -> Result<Self, StoreError> {
        let sharing = match licence {
            Licence::Judged => sharing(reading, known)?,
            Licence::Ignored => Vec::new(),
        };
        let mut others = Vec::new();
        for other in sharing {
            others.push((other.tenant.id.clone(), reading.store.accepted(other.no)?));
        }
        Ok(Self {
            tenant: known.tenant.id.clone(),
            own: reading.store.accepted(known.no)?,
            others,
        })
    }

    /// Returns the id of a finding, and its acceptance if there is one.
    fn find(&self, concern: &Concern) -> (FindingId, Option<&Acceptance>) {
        let own = concern.id(&self.tenant);
        if let Some(acceptance) = self.own.get(&own)
            && acceptance.covers(&concern.extent)
        {
            return (own, Some(acceptance));
        }
        if concern.code == ConcernCode::OrphanLicence {
            for (tenant, accepted) in &self.others {
                let id = concern.id(tenant);
                if let Some(acceptance) = accepted.get(&id)
                    && acceptance.covers(&concern.extent)
                {
                    return (id, Some(acceptance));
                }
            }
        }
        (own, None)
    }
}

/// Looks at a record, and reports its user if the user was not seen for a long time.
fn absent(
    store: &Store,
    known: &Known,
    absences: &mut Absences,
    record: &Record,
) -> Result<Option<Concern>, StoreError> {
    absences.look(record);
    let Record::User(user) = record else {
        return Ok(None);
    };
    if !absences.needs_session(user) {
        return Ok(None);
    }
    let session = store.last_session(known.no, &user.id)?;
    Ok(absences.judge(user, session))
}
