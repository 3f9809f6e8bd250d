//! What a dry run would do: what it would tell receivers, and what it would hold.

use std::collections::BTreeSet;

use crate::model::{Change, HeldPlan, Kind, Loss, PlanId, PlanState, RecordRef, Removal, Taken};
use crate::reconcile::{self, Guard, Waiting};
use crate::store::{RemovalSum, Store, TenantNo, Write};

use super::commit::write_of;
use super::results::{Differs, Draft, Finished, Gathered, Replaced, Withdrawn};
use crate::sync::RunError;
use crate::sync::removals::held_plans::{self, Unseen};
use crate::sync::removals::tally::{Scales, Tally};

/// Changes that a dry run lists; any more are only counted.
const MAX_PREVIEW: usize = 10_000;

/// What a dry run would do.
#[derive(Debug, Default)]
pub(in crate::sync) struct Preview {
    tenant: Option<TenantNo>,
    /// The plan that the run would find open.
    open: Option<HeldPlan>,
    changes: Vec<Change>,
    n_left_out: u64,
    pub(in crate::sync) tally: Tally,
}

impl Preview {
    /// Starts with no changes. A tenant that the store does not know has no plans.
    pub(in crate::sync) fn of(tenant: Option<TenantNo>, open: Option<HeldPlan>) -> Self {
        Self {
            tenant,
            open,
            ..Self::default()
        }
    }

    /// Adds a change.
    pub(in crate::sync) fn take(&mut self, store: &Store, change: Change) -> Result<(), RunError> {
        let permit = self.permit_for(store, &change)?;
        self.tally.take(&change, permit.as_ref());
        if self.changes.len() < MAX_PREVIEW {
            self.changes.push(change);
        } else {
            self.n_left_out += 1;
        }
        Ok(())
    }

    /// Replaces the planned write of the same record, if there is one.
    pub(in crate::sync) fn replace(
        &mut self,
        store: &Store,
        write: Write,
    ) -> Result<Replaced, RunError> {
        let record = write_of(&write);
        let mut changes = self.changes.iter();
        let Some(place) = changes.position(|change| change.latest().to_ref() == record) else {
            return Ok(Replaced::Nothing(write));
        };
        let first = self.changes.remove(place);
        let permit = self.permit_for(store, &first)?;
        self.tally.untake(&first, permit.as_ref());
        let fingerprint = reconcile::fingerprint(first.latest());
        if let Write::Change { change, .. } = write {
            let permit = self.permit_for(store, &change)?;
            self.tally.take(&change, permit.as_ref());
            self.changes.insert(place, change);
        }
        Ok(Replaced::Write(Write::Change {
            change: first,
            fingerprint,
            raw: Box::default(),
            reported: None,
        }))
    }

    /// Takes out what is planned for these records.
    pub(in crate::sync) fn withdraw(
        &mut self,
        store: &Store,
        records: &BTreeSet<RecordRef>,
    ) -> Result<Vec<Withdrawn>, RunError> {
        let mut withdrawn = Vec::new();
        for change in std::mem::take(&mut self.changes) {
            let record = change.latest().to_ref();
            if !records.contains(&record) {
                self.changes.push(change);
                continue;
            }
            let permit = self.permit_for(store, &change)?;
            self.tally.untake(&change, permit.as_ref());
            let kept = match self.tenant {
                Some(tenant) => store.get(tenant, &record).map_err(RunError::store)?,
                None => None,
            };
            let print = change.after().map(reconcile::fingerprint);
            let kept = kept.map(|kept| reconcile::fingerprint(&kept.record));
            withdrawn.push(Withdrawn {
                record,
                verb: change.verb(),
                differs: match kept == print {
                    true => Differs::No,
                    false => Differs::Yes,
                },
            });
        }
        Ok(withdrawn)
    }

    /// Separates what receivers would be told from what would be held.
    pub(in crate::sync) fn finish(
        self,
        store: &Store,
        scales: &Scales,
        guard: &Guard,
        unseen: &Unseen,
    ) -> Result<Finished, RunError> {
        let losses = self.tally.weigh(scales, guard);
        let sorts: BTreeSet<_> = losses.keys().copied().collect();
        let lost = self.tally.applied(&sorts);
        let (mut preview, mut removals) = (Vec::new(), Vec::<Removal>::new());
        let mut waiting = match self.tenant {
            Some(tenant) => held_plans::still_waiting(store, tenant, self.permit(), unseen)?,
            None => Waiting::default(),
        };
        // Records that refer to others come before them.
        let of_kind = |kind| {
            let is_it = move |change: &&Change| split_order(change) == kind;
            self.changes.iter().filter(is_it)
        };
        for change in SplitOrder::ALL.into_iter().flat_map(of_kind) {
            let permit = self.permit_for(store, change)?;
            let waits = split_order(change) != SplitOrder::First
                && waiting.contains(&change.latest().to_ref());
            let (sorts, permit) = match waits {
                true => (&Loss::ALL.into(), None),
                false => (&sorts, permit.as_ref()),
            };
            let parts = reconcile::split(change.clone(), sorts, permit);
            if let Some(removal) = &parts.held {
                waiting.note_taken(&removal.what);
                if let Change::Deleted { before } = change {
                    waiting.note_record(before);
                }
            }
            preview.extend(parts.apply);
            removals.extend(parts.held);
        }
        let listed = match (self.tenant, self.open) {
            // A change that is not listed here may be missing from the plan, too.
            (Some(tenant), Some(open)) if self.n_left_out == 0 => {
                let is_listed = self.tally.is_asked()
                    && held_plans::are_listed(store, tenant, open.id, &removals)?;
                is_listed.then_some(open)
            }
            (_, _) => None,
        };
        let held = (!losses.is_empty() || !removals.is_empty()).then(|| Draft {
            losses,
            removals: RemovalSum::default(),
        });
        Ok(Finished {
            gathered: Gathered {
                held,
                lost,
                ..Gathered::default()
            },
            preview,
            listed,
        })
    }

    /// Returns what an operator has approved for a change's record.
    fn permit_for(&self, store: &Store, change: &Change) -> Result<Option<Taken>, RunError> {
        let (Some(tenant), Some(plan)) = (self.tenant, self.permit()) else {
            return Ok(None);
        };
        let record = change.latest().to_ref();
        let removal = store.removal(tenant, plan, &record);
        Ok(removal.map_err(RunError::store)?.map(|it| it.what))
    }

    fn permit(&self) -> Option<PlanId> {
        let open = self.open.as_ref()?;
        matches!(open.state, PlanState::Approved { .. }).then_some(open.id)
    }
}

/// The order in which changes are split.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SplitOrder {
    First,
    GroupGone,
    RoleGone,
}

impl SplitOrder {
    const ALL: [Self; 3] = [Self::First, Self::GroupGone, Self::RoleGone];
}

fn split_order(change: &Change) -> SplitOrder {
    match change {
        Change::Created { .. } | Change::Updated { .. } => SplitOrder::First,
        Change::Deleted { before } => match before.kind() {
            Kind::User => SplitOrder::First,
            Kind::Group => SplitOrder::GroupGone,
            Kind::Role => SplitOrder::RoleGone,
        },
    }
}
