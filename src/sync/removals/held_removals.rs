//! Sets aside what a run holds, with an entry for each record, and what depends on it.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Change, Id, Kind, Loss, PlanId, Proof, RecordRef, Removal, Taken};
use crate::reconcile::{self, Waiting};
use crate::store::{MAX_WRITES, RemovalSum, Store, Write};

use crate::sync::RunError;
use crate::sync::plan::commit::Target;

/// Collects held removals.
pub(in crate::sync) struct HeldRemovals<'a> {
    store: &'a Store,
    target: &'a Target,
    permit: Option<PlanId>,
    sorts: &'a BTreeSet<Loss>,
    /// The roles and groups to which something held refers.
    waiting: Waiting,
    removals: Vec<Removal>,
    sum: SetAside,
}

/// What was set aside.
#[derive(Debug, Default)]
pub(in crate::sync) struct SetAside {
    pub(in crate::sync) removals: RemovalSum,
    /// Records all of whose changes are held.
    pub(in crate::sync) unchanged: BTreeMap<Kind, u64>,
    /// Roles and groups that wait with others, although they would be within the limits or
    /// approved.
    pub(in crate::sync) waiting: BTreeMap<Kind, u64>,
}

impl<'a> HeldRemovals<'a> {
    pub(in crate::sync) fn new(
        store: &'a Store,
        target: &'a Target,
        permit: Option<PlanId>,
        sorts: &'a BTreeSet<Loss>,
        waiting: Waiting,
    ) -> Self {
        Self {
            store,
            target,
            permit,
            sorts,
            waiting,
            removals: Vec::new(),
            sum: SetAside::default(),
        }
    }

    /// Keeps a record that is missing and was not asked for.
    pub(in crate::sync) fn keep_unasked(&mut self, missing: RecordRef) -> Result<(), RunError> {
        let kept = self.store.get(self.target.tenant, &missing);
        let kept = kept.map_err(RunError::store)?;
        let kept = kept.ok_or(RunError::MissingBody { record: missing })?;
        let what = Taken::Record {
            proof: Proof::NotYetAsked,
        };
        self.waiting.note_record(&kept.record);
        self.keep(reconcile::removal(&kept.record, what))
    }

    /// Writes the remaining removals, and returns what was set aside.
    pub(in crate::sync) fn end(mut self) -> Result<SetAside, RunError> {
        self.flush()?;
        Ok(self.sum)
    }

    /// Splits a write, and returns the part that may happen. Records that refer to roles and groups
    /// must come before these.
    pub(in crate::sync) fn sort(&mut self, write: Write) -> Result<Option<Write>, RunError> {
        let Write::Change {
            change,
            fingerprint,
            raw,
            reported,
        } = write
        else {
            return Ok(Some(write));
        };
        if let Change::Created {
            after,
            replaces: Some(gone),
        } = &change
            && self.is_kept(gone)?
        {
            let change = Change::Created {
                after: after.clone(),
                replaces: None,
            };
            return Ok(Some(Write::Change {
                change,
                fingerprint,
                raw,
                reported,
            }));
        }
        let permit = self.permit_for(&change)?;
        if let Change::Deleted { before } = &change
            && self.waiting.contains(&before.to_ref())
        {
            let is_held = self.sorts.contains(&reconcile::loss_of(before.kind()));
            if permit.is_some() || !is_held {
                *self.sum.waiting.entry(before.kind()).or_default() += 1;
            }
            let what = Taken::Record {
                proof: Proof::Confirmed,
            };
            self.waiting.note_record(before);
            self.keep(reconcile::removal(before, what))?;
            return Ok(None);
        }
        let before = match &change {
            Change::Deleted { before } => Some(before.clone()),
            Change::Created { .. } | Change::Updated { .. } => None,
        };
        let parts = reconcile::split(change, self.sorts, permit.as_ref());
        let is_whole = parts.held.is_none();
        if let Some(removal) = parts.held {
            self.waiting.note_taken(&removal.what);
            if let Some(before) = &before {
                self.waiting.note_record(before);
            }
            if parts.apply.is_none() && matches!(removal.what, Taken::Access { .. }) {
                *self.sum.unchanged.entry(removal.record.kind).or_default() += 1;
            }
            self.keep(removal)?;
        }
        Ok(parts.apply.map(|change| {
            let fingerprint = match change.after() {
                Some(after) if !is_whole => reconcile::fingerprint(after),
                Some(_) | None => fingerprint,
            };
            Write::Change {
                change,
                fingerprint,
                raw,
                reported,
            }
        }))
    }

    /// Returns what an operator has approved for a change's record.
    fn permit_for(&self, change: &Change) -> Result<Option<Taken>, RunError> {
        let Some(plan) = self.permit else {
            return Ok(None);
        };
        let record = change.latest().to_ref();
        let removal = self.store.removal(self.target.tenant, plan, &record);
        Ok(removal.map_err(RunError::store)?.map(|it| it.what))
    }

    /// Returns whether a user's deletion is held, so that no successor may replace that user yet.
    fn is_kept(&self, gone: &Id) -> Result<bool, RunError> {
        let record = RecordRef {
            kind: Kind::User,
            id: gone.clone(),
        };
        if self.removals.iter().any(|removal| removal.record == record) {
            return Ok(true);
        }
        let plan = PlanId::from(self.target.run);
        let removal = self.store.removal(self.target.tenant, plan, &record);
        Ok(removal.map_err(RunError::store)?.is_some())
    }

    fn keep(&mut self, removal: Removal) -> Result<(), RunError> {
        self.removals.push(removal);
        if self.removals.len() == MAX_WRITES {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), RunError> {
        let removals = std::mem::take(&mut self.removals);
        let plan = PlanId::from(self.target.run);
        let more = self
            .store
            .stage_removals(self.target.tenant, plan, &removals)
            .map_err(RunError::store)?;
        let sum = &mut self.sum.removals;
        sum.count += more.count;
        sum.checksum = sum.checksum.wrapping_add(more.checksum);
        Ok(())
    }
}
