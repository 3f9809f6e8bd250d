//! What is known of missing records while they are asked for.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Finding, FindingCode, Kind, Loss, PlanId, RecordRef, Run, Weight};
use crate::reconcile::{self, Guard};
use crate::store::TenantNo;

use super::super::answers::Word;
use super::super::incomplete::{Shortfall, note};
use crate::sync::plan::run_plan::Plan;
use crate::sync::removals::tally::Scales;

/// Records of a kind that are all asked for. Beyond these a run stops asking where the answers
/// so far decide: one that is there shows that the listing was wrong, and more that are gone
/// than the guard lets pass are held anyway.
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
    /// From how many sweeps in a row records were absent that may not be asked for.
    pub(in crate::sync) absences: BTreeMap<RecordRef, u32>,
}

/// How the asking for records of one kind goes.
#[derive(Debug, Default)]
pub(super) struct Asking {
    pub(super) missing: u64,
    /// Kept answers count: the question was asked.
    pub(super) asked: u64,
    pub(super) answered: u64,
    /// Records that are gone, and of which no operator has approved it.
    pub(super) gone: u64,
    /// Kept answers that will be gone by, likewise.
    pub(super) kept: u64,
}

/// Where answers are gathered.
pub(super) struct Table<'a> {
    pub(super) missing: Missing<'a>,
    /// Records whose removal an operator has approved.
    pub(super) permitted: BTreeSet<RecordRef>,
    /// Kinds of which enough were said to be gone before to hold all that no operator has
    /// approved.
    pub(super) holding: BTreeSet<Kind>,
    pub(super) asking: BTreeMap<Kind, Asking>,
    pub(super) gone: Vec<RecordRef>,
    pub(super) absences: BTreeMap<RecordRef, u32>,
    /// Records of which it is known how it stands with them.
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

    /// Returns whether a record needs no question, since the answers so far decide.
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

    /// Leaves a record unasked. Where the listing was wrong, it stays; else it is held.
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

    /// Parts from kept answers those by which a record would go although another of its kind has
    /// answered: the source has been wrong, and so may be what it said before.
    pub(super) fn doubt(
        &mut self,
        kept: Vec<(RecordRef, Word)>,
    ) -> (Vec<(RecordRef, Word)>, Vec<RecordRef>) {
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

    /// Takes in a record that is gone.
    pub(super) fn believe(&mut self, record: RecordRef) {
        if !self.permitted.contains(&record) {
            self.asking.entry(record.kind).or_default().gone += 1;
        }
        self.gone.push(record);
    }

    /// Takes in a record that may not be asked for: it goes after enough sweeps without it.
    pub(super) fn forbid(&mut self, run: &mut Run, record: RecordRef, needed: u32) {
        let count = self.absent(&record);
        if count > 0 {
            self.absences.insert(record.clone(), count);
        }
        if self.is_loss(&record, Word::Forbidden, needed) {
            self.believe(record);
        } else {
            note(run, unconfirmed(&record, count, needed));
        }
    }

    /// Returns whether an answer takes a record away.
    pub(super) fn is_loss(&self, record: &RecordRef, word: Word, needed: u32) -> bool {
        match word {
            Word::Gone => true,
            Word::Forbidden => self.is_proof(record.kind) && self.absent(record) >= needed,
        }
    }

    /// Returns from how many sweeps in a row a record that may not be asked for is absent, this
    /// one included if it counts.
    fn absent(&self, record: &RecordRef) -> u32 {
        let before = self.missing.absences.get(record).copied().unwrap_or(0);
        before.saturating_add(u32::from(self.is_proof(record.kind)))
    }

    /// Where nobody may be asked, the count is all that speaks for those who were left out: a
    /// sweep that did not reach it is none of those in a row.
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
            "the listing did not show it, and these credentials may not ask for it: absent from {absent} of {needed} complete runs"
        ),
    }
}
