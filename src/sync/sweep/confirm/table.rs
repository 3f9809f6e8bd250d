//! What is known of missing records while they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Finding, FindingCode, Kind, Loss, PlanId, RecordRef, Run, Weight};
use crate::reconcile::{self, Guard};
use crate::store::TenantNo;

use super::super::answers::Absence;
use super::super::incomplete::{Shortfall, note};
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::tally::Scales;

/// How many missing records of a kind are always asked for. Beyond that, a run stops asking once
/// the answers decide: one record that exists shows that the listing was wrong, and if more are
/// gone than the guard allows, the removals are held anyway.
const ALWAYS_ASKED: u64 = 1_000;

/// What confirming starts from.
pub(in crate::sync) struct Missing<'a> {
    pub(in crate::sync) tenant: TenantNo,
    /// Known records that complete sweeps did not show, kind by kind.
    pub(in crate::sync) records: Vec<RecordRef>,
    /// Kinds whose sweep got to its end.
    pub(in crate::sync) complete: &'a BTreeSet<Kind>,
    /// Kinds of which the source showed nothing at all.
    pub(in crate::sync) empty: &'a BTreeSet<Kind>,
    /// Kinds of which fewer were shown than the source counts.
    pub(in crate::sync) shortfalls: &'a BTreeMap<Kind, Shortfall>,
    pub(in crate::sync) scales: &'a Scales,
    /// The approved plan whose removals are all asked for.
    pub(in crate::sync) permit: Option<PlanId>,
    /// In how many sweeps in a row each record that may not be asked for was absent.
    pub(in crate::sync) absences: BTreeMap<RecordRef, u32>,
}

/// Progress with the missing records of one kind.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pub(super) missing: u64,
    /// Records that have an answer, kept ones included.
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Records that are gone and whose removal no operator has approved.
    pub(super) gone: u64,
    /// The same for kept answers that were not applied yet.
    pub(super) kept: u64,
}

/// The answers about all missing records.
pub(super) struct Table<'a> {
    pub(super) missing: Missing<'a>,
    /// Records whose removal an operator has approved.
    pub(super) permitted: BTreeSet<RecordRef>,
    /// Kinds of which kept answers alone say that enough are gone to hold every removal that no
    /// operator has approved.
    pub(super) holding: BTreeSet<Kind>,
    pub(super) asking: BTreeMap<Kind, Asking>,
    pub(super) gone: Vec<RecordRef>,
    pub(super) absences: BTreeMap<RecordRef, u32>,
    /// How many records need no further answer.
    pub(super) n_done: u64,
}

impl<'a> Table<'a> {
    pub(super) fn of(
        missing: Missing<'a>,
        permitted: BTreeSet<RecordRef>,
        records: &BTreeSet<RecordRef>,
    ) -> Self {
        let mut asking: BTreeMap<Kind, Asking> = BTreeMap::new();
        for record in records {
            asking.entry(record.kind).or_default().missing += 1;
        }
        Self {
            missing,
            permitted,
            holding: BTreeSet::new(),
            asking,
            gone: Vec::new(),
            absences: BTreeMap::new(),
            n_done: 0,
        }
    }

    /// Returns whether a record need not be asked for, since the answers so far decide.
    pub(super) fn is_decided(&self, record: &RecordRef, plan: &Plan, guard: &Guard) -> bool {
        let Some(asking) = self.asking.get(&record.kind) else {
            return false;
        };
        if asking.asked < ALWAYS_ASKED || self.permitted.contains(record) {
            return false;
        }
        let loss = reconcile::loss_of(record.kind);
        let count = plan.weighed(loss) + asking.gone + asking.kept;
        asking.answered > 0 || is_held(guard, self.missing.scales, loss, count)
    }

    /// Skips a record. It stays if the listing was wrong; otherwise its removal is held.
    pub(super) fn pass_over(&mut self, record: RecordRef, plan: &mut Plan) {
        self.n_done += 1;
        if let Some(count) = self.missing.absences.get(&record) {
            self.absences.insert(record.clone(), *count);
        }
        let asking = self.asking.get(&record.kind);
        if asking.is_none_or(|asking| asking.answered == 0) {
            plan.leave_unasked(record);
        }
    }

    /// Separates the kept answers that count from those that would remove a record although another
    /// of its kind turned out to exist: a source that was wrong once may have been wrong before.
    pub(super) fn doubt(
        &mut self,
        kept: Vec<(RecordRef, Absence)>,
    ) -> (Vec<(RecordRef, Absence)>, Vec<RecordRef>) {
        let (mut good, mut doubted) = (Vec::new(), Vec::new());
        for (record, word) in kept {
            let is_permitted = self.permitted.contains(&record);
            let only_holds = self.holding.contains(&record.kind) && !is_permitted;
            let asking = self.asking.entry(record.kind).or_default();
            if asking.answered == 0 || only_holds {
                good.push((record, word));
                continue;
            }
            asking.asked = asking.asked.saturating_sub(1);
            asking.kept -= u64::from(!is_permitted);
            self.n_done = self.n_done.saturating_sub(1);
            doubted.push(record);
        }
        (good, doubted)
    }

    /// Notes a record that is gone.
    pub(super) fn note_gone(&mut self, record: RecordRef) {
        if !self.permitted.contains(&record) {
            self.asking.entry(record.kind).or_default().gone += 1;
        }
        self.gone.push(record);
    }

    /// Notes a record that may not be asked for: it is gone after enough sweeps without it.
    pub(super) fn note_forbidden(&mut self, run: &mut Run, record: RecordRef, needed: u32) {
        let count = self.absent(&record);
        if count > 0 {
            self.absences.insert(record.clone(), count);
        }
        if self.is_loss(&record, Absence::Forbidden, needed) {
            self.note_gone(record);
        } else {
            note(run, unconfirmed(&record, count, needed));
        }
    }

    /// Returns whether an answer means that a record is gone.
    pub(super) fn is_loss(&self, record: &RecordRef, word: Absence, needed: u32) -> bool {
        match word {
            Absence::Gone => true,
            Absence::Forbidden => self.is_proof(record.kind) && self.absent(record) >= needed,
        }
    }

    /// Returns how many sweeps in a row a record that may not be asked for was absent from. This
    /// sweep is included if it counts.
    fn absent(&self, record: &RecordRef) -> u32 {
        let before = self.missing.absences.get(record).copied().unwrap_or(0);
        before.saturating_add(u32::from(self.is_proof(record.kind)))
    }

    /// Returns whether this sweep proves that a record is absent. If records may not be asked for,
    /// only the count shows that the listing was complete, so a sweep that did not reach the count
    /// proves nothing.
    fn is_proof(&self, kind: Kind) -> bool {
        !self.missing.shortfalls.contains_key(&kind)
    }
}

pub(super) fn is_held(guard: &Guard, scales: &Scales, loss: Loss, count: u64) -> bool {
    let of = |map: &BTreeMap<Loss, u64>| map.get(&loss).copied().unwrap_or(0);
    let weight = Weight {
        lost: count + of(&scales.before),
        known: of(&scales.known),
        shown: of(&scales.shown),
    };
    guard.weigh(loss, weight).is_some()
}

fn unconfirmed(record: &RecordRef, absent: u32, needed: u32) -> Finding {
    Finding {
        code: FindingCode::Unconfirmed,
        kind: record.kind,
        id: Some(record.id.clone()),
        detail: format!(
            "the listing did not show it, and these credentials are not allowed to ask for it: \
             absent from {absent} of {needed} complete runs"
        ),
    }
}
