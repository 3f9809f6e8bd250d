//! Compares the removals of held plans with each other, with what a run saw, and with what the
//! store knows.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    FindingCode, HeldPlan, Kind, Loss, PlanId, Record, RecordRef, Removal, Run, Taken,
};
use crate::reconcile::Waiting;
use crate::store::{MAX_WRITES, RemovalSum, Store, TenantNo};

use super::super::fate::{Holds, Sight};
use crate::sync::RunError;
use crate::sync::plan::results::Draft;
use crate::sync::sweep::incomplete::MAX_FINDINGS;
use crate::sync::sweep::incomplete::Short;

/// What a run could not see all of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sync) struct Unseen {
    /// What is lost with, or from, records of a kind.
    sorts: BTreeSet<(Kind, Loss)>,
    records: BTreeSet<RecordRef>,
}

impl Unseen {
    /// Stands for a run that read single records: it has not seen any kind completely.
    pub(in crate::sync) fn everything() -> Self {
        Self {
            sorts: Kind::ALL.into_iter().flat_map(sorts_of).collect(),
            records: BTreeSet::new(),
        }
    }

    /// Gathers what a run of the whole tenant could not see.
    pub(in crate::sync) fn of(run: &Run, short: &[Short]) -> Self {
        let mut unseen = Self::default();
        for short in short {
            unseen.sorts.extend(sorts_of(short.kind()));
        }
        for finding in &run.findings {
            let kind = finding.kind;
            match (finding.code, &finding.id) {
                (FindingCode::HiddenRoles, _) => {
                    unseen.sorts.insert((kind, Loss::RoleAssignments));
                }
                (FindingCode::HiddenGroups, _) => {
                    unseen.sorts.insert((kind, Loss::Memberships));
                }
                // Nobody knows which record it is, or how many there are.
                (FindingCode::ForbiddenCollection, _) | (FindingCode::UnreadableRecord, None) => {
                    unseen.sorts.extend(sorts_of(kind));
                }
                (
                    FindingCode::UnreadableRecord
                    | FindingCode::UnreadableReference
                    | FindingCode::Unconfirmed,
                    Some(id),
                ) => {
                    let id = id.clone();
                    unseen.records.insert(RecordRef { kind, id });
                }
                (
                    FindingCode::UnreadableReference
                    | FindingCode::Unconfirmed
                    | FindingCode::ReplacedText
                    | FindingCode::Rescued
                    // Every record that is known was shown, or was asked for.
                    | FindingCode::CountDiffers
                    | FindingCode::AuditForbidden
                    | FindingCode::AuditGap,
                    _,
                ) => {}
            }
        }
        for kind in Kind::ALL {
            // Findings beyond the bound are only counted, so nobody knows what they are about.
            let findings = run.findings.iter().filter(|found| found.kind == kind);
            if findings.count() >= MAX_FINDINGS {
                unseen.sorts.extend(sorts_of(kind));
            }
        }
        unseen
    }

    #[cfg(test)]
    pub(super) fn part_of_record(&self, record: &Record) -> Option<Taken> {
        let proof = crate::model::Proof::Confirmed;
        self.part_of(&crate::reconcile::removal(record, Taken::Record { proof }))
    }

    fn is_nothing(&self) -> bool {
        self.sorts.is_empty() && self.records.is_empty()
    }

    /// Returns the part of a removal that the run could not see.
    fn part_of(&self, removal: &Removal) -> Option<Taken> {
        let kind = removal.record.kind;
        if self.records.contains(&removal.record) {
            return Some(removal.what.clone());
        }
        let hides = |loss| self.sorts.contains(&(kind, loss));
        match &removal.what {
            Taken::Record { .. } => hides(Loss::of(kind)).then(|| removal.what.clone()),
            Taken::Access { roles, groups } => {
                let mut part = (BTreeMap::new(), BTreeMap::new());
                if hides(Loss::RoleAssignments) {
                    part.0.clone_from(roles);
                }
                if hides(Loss::Memberships) {
                    part.1.clone_from(groups);
                }
                let (roles, groups) = part;
                let is_empty = roles.is_empty() && groups.is_empty();
                (!is_empty).then_some(Taken::Access { roles, groups })
            }
        }
    }
}

/// Returns everything that can be lost with, or from, records of a kind.
fn sorts_of(kind: Kind) -> impl Iterator<Item = (Kind, Loss)> {
    let losses: &[Loss] = match kind {
        Kind::Role => &[Loss::Roles],
        Kind::Group => &[Loss::Groups, Loss::RoleAssignments],
        Kind::User => &[Loss::Users, Loss::Memberships, Loss::RoleAssignments],
    };
    losses.iter().map(move |loss| (kind, *loss))
}

/// Returns whether a run saw all that an open plan is about.
pub(super) fn sight(
    store: &Store,
    tenant: TenantNo,
    open: &HeldPlan,
    unseen: &Unseen,
) -> Result<Sight, RunError> {
    if unseen.is_nothing() {
        return Ok(Sight::Whole);
    }
    let found = any(store, tenant, open.id, |removal| {
        Ok(unseen.part_of(removal).is_some())
    })?;
    Ok(match found {
        true => Sight::Part,
        false => Sight::Whole,
    })
}

/// Compares what a run holds, whose removals are those of `new`, with what an open plan lists.
pub(super) fn holds(
    store: &Store,
    tenant: TenantNo,
    open: &HeldPlan,
    draft: Option<&Draft>,
    new: PlanId,
) -> Result<Holds, RunError> {
    let Some(draft) = draft else {
        let went = any(store, tenant, open.id, |removal| {
            Ok(still(store, tenant, removal, removal.what.clone())? != Some(removal.what.clone()))
        })?;
        return Ok(match went {
            true => Holds::SomeWent,
            false => Holds::AllIsBack,
        });
    };
    let listed = RemovalSum {
        count: open.entries,
        checksum: open.checksum,
    };
    if draft.removals == listed {
        return Ok(Holds::Same);
    }
    let is_new = any(store, tenant, new, |removal| {
        let removal = std::slice::from_ref(removal);
        Ok(!are_listed(store, tenant, open.id, removal)?)
    })?;
    Ok(match is_new {
        true => Holds::Others,
        false => Holds::Part,
    })
}

/// Returns the roles and groups that removals of the open plan refer to, if the run could not see
/// those removals: for all it knows, they still wait. Returns none if the run applies the open
/// plan, since an operator has approved all its removals.
pub(in crate::sync) fn still_waiting(
    store: &Store,
    tenant: TenantNo,
    permit: Option<PlanId>,
    unseen: &Unseen,
) -> Result<Waiting, RunError> {
    let mut waiting = Waiting::default();
    if unseen.is_nothing() {
        return Ok(waiting);
    }
    let open = store.open_plan(tenant).map_err(RunError::store)?;
    let Some(open) = open.filter(|open| permit != Some(open.id)) else {
        return Ok(waiting);
    };
    each_page(store, tenant, open.id, |page| {
        for removal in page {
            let Some(part) = unseen.part_of(&removal) else {
                continue;
            };
            match part {
                Taken::Access { .. } => waiting.note_taken(&part),
                Taken::Record { .. } => {
                    let kept = store.get(tenant, &removal.record);
                    if let Some(kept) = kept.map_err(RunError::store)? {
                        waiting.note_record(&kept.record);
                    }
                }
            }
        }
        Ok(())
    })?;
    Ok(waiting)
}

/// Returns whether a plan lists all of these removals.
pub(in crate::sync) fn are_listed(
    store: &Store,
    tenant: TenantNo,
    plan: PlanId,
    removals: &[Removal],
) -> Result<bool, RunError> {
    for removal in removals {
        let listed = store.removal(tenant, plan, &removal.record);
        let listed = listed.map_err(RunError::store)?;
        if listed.is_none_or(|listed| !covers(&listed.what, &removal.what)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Adds to what a run holds what it could not see of an open plan, as far as that is still known.
pub(super) fn inherit(
    store: &Store,
    tenant: TenantNo,
    open: &HeldPlan,
    unseen: &Unseen,
    new: PlanId,
    draft: &Draft,
) -> Result<Draft, RunError> {
    let mut heir = Draft {
        losses: draft.losses.clone(),
        removals: RemovalSum::default(),
    };
    let mut carried: BTreeMap<Loss, u64> = BTreeMap::new();
    let unseen_of = |listed: &Removal| match unseen.part_of(listed) {
        Some(part) => still(store, tenant, listed, part),
        None => Ok(None),
    };
    each_page(store, tenant, new, |mut page| {
        for removal in &mut page {
            let listed = store.removal(tenant, open.id, &removal.record);
            if let Some(listed) = listed.map_err(RunError::store)?
                && let Some(part) = unseen_of(&listed)?
            {
                join(&mut removal.what, part, &mut carried);
            }
        }
        heir.keep(store, tenant, new, &page)
    })?;
    each_page(store, tenant, open.id, |page| {
        let mut rest = Vec::new();
        for listed in page {
            let known = store.removal(tenant, new, &listed.record);
            if known.map_err(RunError::store)?.is_none()
                && let Some(part) = unseen_of(&listed)?
            {
                count(listed.record.kind, &part, &mut carried);
                rest.push(Removal {
                    what: part,
                    ..listed
                });
            }
        }
        heir.keep(store, tenant, new, &rest)
    })?;
    for (loss, lost) in carried {
        match (heir.losses.get_mut(&loss), open.losses.get(&loss)) {
            (Some(held), _) => held.weight.lost += lost,
            (None, Some(held)) => {
                let mut held = *held;
                held.weight.lost = lost;
                heir.losses.insert(loss, held);
            }
            // It waited with others, and had no limit of its own.
            (None, None) => {}
        }
    }
    Ok(heir)
}

impl Draft {
    fn keep(
        &mut self,
        store: &Store,
        tenant: TenantNo,
        new: PlanId,
        removals: &[Removal],
    ) -> Result<(), RunError> {
        if removals.is_empty() {
            return Ok(());
        }
        let sum = store
            .stage_removals(tenant, new, removals)
            .map_err(RunError::store)?;
        self.removals.count += sum.count;
        self.removals.checksum = self.removals.checksum.wrapping_add(sum.checksum);
        Ok(())
    }
}

/// Returns the part of a removal that is still to be done, according to the store.
fn still(
    store: &Store,
    tenant: TenantNo,
    removal: &Removal,
    what: Taken,
) -> Result<Option<Taken>, RunError> {
    let kept = store
        .get(tenant, &removal.record)
        .map_err(RunError::store)?;
    let Some(kept) = kept else {
        return Ok(None);
    };
    Ok(match what {
        Taken::Record { .. } => Some(what),
        Taken::Access {
            mut roles,
            mut groups,
        } => {
            let (known_roles, known_groups) = match &kept.record {
                Record::User(user) => (user.roles.as_ref(), user.groups.as_ref()),
                Record::Group(group) => (group.roles.as_ref(), None),
                Record::Role(_) => (None, None),
            };
            roles.retain(|id, _| known_roles.is_some_and(|known| known.contains_key(id)));
            groups.retain(|id, _| known_groups.is_some_and(|known| known.contains_key(id)));
            let is_empty = roles.is_empty() && groups.is_empty();
            (!is_empty).then_some(Taken::Access { roles, groups })
        }
    })
}

/// Returns whether a removal lists all that another one takes.
fn covers(listed: &Taken, taken: &Taken) -> bool {
    match (listed, taken) {
        (Taken::Record { .. }, Taken::Record { .. }) => true,
        (
            Taken::Access { roles, groups },
            Taken::Access {
                roles: more_roles,
                groups: more_groups,
            },
        ) => {
            more_roles.keys().all(|id| roles.contains_key(id))
                && more_groups.keys().all(|id| groups.contains_key(id))
        }
        // It is back with less than it had, or gone after it has lost something.
        (Taken::Record { .. }, Taken::Access { .. })
        | (Taken::Access { .. }, Taken::Record { .. }) => false,
    }
}

/// Adds to a removal whatever another removal of the same record takes in addition.
fn join(what: &mut Taken, more: Taken, carried: &mut BTreeMap<Loss, u64>) {
    match (what, more) {
        (
            Taken::Access { roles, groups },
            Taken::Access {
                roles: more_roles,
                groups: more_groups,
            },
        ) => {
            let n_before = (roles.len(), groups.len());
            roles.extend(more_roles);
            groups.extend(more_groups);
            let more = (roles.len() - n_before.0, groups.len() - n_before.1);
            add(carried, Loss::RoleAssignments, more.0);
            add(carried, Loss::Memberships, more.1);
        }
        // The run saw the record itself: gone, or back.
        (Taken::Record { .. }, Taken::Record { .. } | Taken::Access { .. })
        | (Taken::Access { .. }, Taken::Record { .. }) => {}
    }
}

fn count(kind: Kind, what: &Taken, counts: &mut BTreeMap<Loss, u64>) {
    match what {
        Taken::Record { .. } => add(counts, Loss::of(kind), 1),
        Taken::Access { roles, groups } => {
            add(counts, Loss::RoleAssignments, roles.len());
            add(counts, Loss::Memberships, groups.len());
        }
    }
}

fn add(counts: &mut BTreeMap<Loss, u64>, loss: Loss, more: usize) {
    if more > 0 {
        *counts.entry(loss).or_default() += more as u64;
    }
}

/// Returns whether a condition holds for any removal of a plan.
fn any(
    store: &Store,
    tenant: TenantNo,
    plan: PlanId,
    is_it: impl Fn(&Removal) -> Result<bool, RunError>,
) -> Result<bool, RunError> {
    let mut after = None;
    loop {
        let page = page(store, tenant, plan, after.as_ref())?;
        let Some(last) = page.last() else {
            return Ok(false);
        };
        after = Some(last.record.clone());
        for removal in &page {
            if is_it(removal)? {
                return Ok(true);
            }
        }
    }
}

/// Visits the removals of a plan, as many at a time as are written at once.
fn each_page(
    store: &Store,
    tenant: TenantNo,
    plan: PlanId,
    mut visit: impl FnMut(Vec<Removal>) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let mut after = None;
    loop {
        let page = page(store, tenant, plan, after.as_ref())?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.record.clone());
        visit(page)?;
    }
}

fn page(
    store: &Store,
    tenant: TenantNo,
    plan: PlanId,
    after: Option<&RecordRef>,
) -> Result<Vec<Removal>, RunError> {
    store
        .removals(tenant, plan, after, MAX_WRITES)
        .map_err(RunError::store)
}
