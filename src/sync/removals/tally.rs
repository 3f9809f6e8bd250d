//! Counts what a run would remove, and how much there is in all.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, HeldLoss, Loss, Taken, Weight};
use crate::reconcile::{self, Guard};

/// What a run's changes remove and add.
#[derive(Debug, Clone, Default)]
pub(in crate::sync) struct Tally {
    /// Losses that count towards the limits: those that no operator has approved.
    weighed: BTreeMap<Loss, u64>,
    /// All losses.
    lost: BTreeMap<Loss, u64>,
    gained: BTreeMap<Loss, u64>,
    /// Records that are missing and were not asked for.
    unasked: BTreeMap<Loss, u64>,
}

/// How many of each sort the source has, as far as a run saw it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::sync) struct Scales {
    /// How many were known when the run began. Access is not counted in the store: what was known
    /// is what is shown now, less what is new, plus what is lost.
    pub(in crate::sync) known: BTreeMap<Loss, u64>,
    /// How many the source shows.
    pub(in crate::sync) shown: BTreeMap<Loss, u64>,
    /// Losses that earlier runs have applied and that count together with this run's.
    pub(in crate::sync) before: BTreeMap<Loss, u64>,
}

impl Tally {
    /// Adds a change. `permit` is what an operator has approved for its record.
    pub(in crate::sync) fn take(&mut self, change: &Change, permit: Option<&Taken>) {
        match change {
            Change::Created { after, .. } => {
                let (roles, groups) = reconcile::assigned_counts(after);
                add(
                    &mut self.gained,
                    Loss::Memberships,
                    groups.unwrap_or(0) as u64,
                );
                add(
                    &mut self.gained,
                    Loss::RoleAssignments,
                    roles.unwrap_or(0) as u64,
                );
            }
            Change::Deleted { before } => {
                let loss = reconcile::loss_of(before.kind());
                add(&mut self.lost, loss, 1);
                if !matches!(permit, Some(Taken::Record { .. })) {
                    add(&mut self.weighed, loss, 1);
                }
            }
            Change::Updated { .. } => {
                let shift = reconcile::shift(change);
                add(&mut self.gained, Loss::Memberships, shift.joined);
                add(&mut self.gained, Loss::RoleAssignments, shift.granted);
                add(&mut self.lost, Loss::Memberships, shift.left);
                add(&mut self.lost, Loss::RoleAssignments, shift.revoked);
                if permit.is_none() {
                    add(&mut self.weighed, Loss::Memberships, shift.left);
                    add(&mut self.weighed, Loss::RoleAssignments, shift.revoked);
                    return;
                }
                let all = Loss::ALL.into();
                let Some(rest) = reconcile::split(change.clone(), &all, permit).held else {
                    return;
                };
                if let Taken::Access { roles, groups } = rest.what {
                    add(&mut self.weighed, Loss::Memberships, groups.len() as u64);
                    add(&mut self.weighed, Loss::RoleAssignments, roles.len() as u64);
                }
            }
        }
    }

    /// Removes a change that was added.
    pub(in crate::sync) fn untake(&mut self, change: &Change, permit: Option<&Taken>) {
        let mut one = Self::default();
        one.take(change, permit);
        let Self {
            weighed,
            lost,
            gained,
            unasked: _,
        } = one;
        subtract(&mut self.weighed, weighed);
        subtract(&mut self.lost, lost);
        subtract(&mut self.gained, gained);
    }

    /// Adds records that are missing and were not asked for.
    pub(in crate::sync) fn take_unasked(&mut self, loss: Loss, count: u64) {
        add(&mut self.unasked, loss, count);
    }

    /// Returns whether each missing record was asked for.
    pub(in crate::sync) fn is_asked(&self) -> bool {
        self.unasked.is_empty()
    }

    /// Returns how many losses of a sort count so far.
    pub(in crate::sync) fn weighed(&self, loss: Loss) -> u64 {
        of(&self.weighed, loss)
    }

    /// Returns how many of a sort the changes add, and how many they remove.
    pub(in crate::sync) fn shift(&self, loss: Loss) -> (u64, u64) {
        (of(&self.gained, loss), of(&self.lost, loss))
    }

    /// Returns the losses that take effect: all of a sort that is not held, and the approved ones
    /// of a sort that is.
    pub(in crate::sync) fn applied(&self, held: &BTreeSet<Loss>) -> BTreeMap<Loss, u64> {
        let applied = self.lost.iter().map(|(loss, lost)| {
            let out = if held.contains(loss) {
                self.weighed(*loss)
            } else {
                0
            };
            (*loss, lost.saturating_sub(out))
        });
        applied.filter(|(_, lost)| *lost > 0).collect()
    }

    /// Weighs all losses, and returns what is held and why.
    pub(in crate::sync) fn weigh(
        &self,
        scales: &Scales,
        guard: &Guard,
    ) -> BTreeMap<Loss, HeldLoss> {
        let weights = Loss::ALL.map(|loss| {
            let shown = of(&scales.shown, loss);
            let known = scales.known.get(&loss).copied().unwrap_or_else(|| {
                let gained = of(&self.gained, loss);
                shown.saturating_sub(gained) + of(&self.lost, loss)
            });
            let lost = match self.weighed(loss) + of(&self.unasked, loss) {
                0 => 0,
                lost => lost + of(&scales.before, loss),
            };
            (loss, Weight { lost, known, shown })
        });
        guard.hold(&weights.into())
    }
}

impl Scales {
    /// Adds what the sweep of another kind has shown.
    pub(in crate::sync) fn add(&mut self, other: Self) {
        self.known.extend(other.known);
        for (loss, count) in other.shown {
            add(&mut self.shown, loss, count);
        }
    }
}

fn of(map: &BTreeMap<Loss, u64>, loss: Loss) -> u64 {
    map.get(&loss).copied().unwrap_or(0)
}

fn subtract(map: &mut BTreeMap<Loss, u64>, counts: BTreeMap<Loss, u64>) {
    for (loss, count) in counts {
        let sum = map.entry(loss).or_default();
        *sum = sum.saturating_sub(count);
    }
}

fn add(map: &mut BTreeMap<Loss, u64>, loss: Loss, count: u64) {
    if count > 0 {
        let sum = map.entry(loss).or_default();
        *sum = sum.saturating_add(count);
    }
}
