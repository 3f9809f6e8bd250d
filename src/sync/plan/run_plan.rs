//! What a run has decided to write, and how it reaches the store in the right order.

use std::collections::{BTreeSet, VecDeque};

use crate::model::{Change, HeldPlan, Loss, PlanId, Record, RecordRef, Reported, Timestamp};
use crate::reconcile::{self, Guard};
use crate::store::{Closing, MAX_QUIET, Store, TenantNo, Ticket, Write};

use super::commit::{Target, commit, write_of};
use super::gather::Gather;
use super::preview::Preview;
use super::results::{Finished, Replaced, Withdrawn};
use crate::sync::RunError;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::removals::tally::Scales;

/// The most commits under way during a first load.
const MAX_TICKETS: usize = 16;

/// The most bytes of the source's text in a commit, not counting its last record.
const MAX_BYTES: usize = 1024 * 1024;

/// Where a run puts what it has decided.
pub(in crate::sync) enum Plan {
    /// A first load: writes straight into the state, without journal.
    Load(Load),
    /// Any later run: gathered, and in the store as soon as it outgrows one commit.
    Gather(Box<Gather>),
    /// A dry run: only shown.
    Preview(Preview),
}

pub(in crate::sync) struct Load {
    target: Target,
    at: Timestamp,
    writes: Vec<Write>,
    /// Bytes of the source's text in `writes`.
    n_bytes: usize,
    tickets: VecDeque<Ticket>,
}

impl Plan {
    pub(in crate::sync) fn load(target: Target, at: Timestamp) -> Self {
        Self::Load(Load {
            target,
            at,
            writes: Vec::new(),
            n_bytes: 0,
            tickets: VecDeque::new(),
        })
    }

    /// Gathers changes; `permit` is the plan whose removals an operator has approved.
    pub(in crate::sync) fn gather(target: Target, permit: Option<PlanId>) -> Self {
        Self::Gather(Box::new(Gather::new(target, permit)))
    }

    /// Only shows changes; `open` is the plan that the run would find open.
    pub(in crate::sync) fn preview(tenant: Option<TenantNo>, open: Option<HeldPlan>) -> Self {
        Self::Preview(Preview::of(tenant, open))
    }

    /// Returns whether this is the plan of a dry run, which writes nothing.
    pub(in crate::sync) fn is_preview(&self) -> bool {
        matches!(self, Self::Preview(_))
    }

    /// Adds a record that is new or has changed.
    pub(in crate::sync) fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        match self {
            Self::Load(load) => load.push(store, write),
            Self::Gather(gather) => gather.push(store, write),
            Self::Preview(preview) => match write {
                Write::Change { change, .. } => preview.take(store, change),
                Write::Quiet { .. } | Write::Forget { .. } => Ok(()),
            },
        }
    }

    /// Replaces the planned write of the same record, if there is one.
    pub(in crate::sync) fn replace(
        &mut self,
        store: &Store,
        write: Write,
    ) -> Result<Replaced, RunError> {
        match self {
            Self::Load(load) => load.replace(store, write),
            Self::Gather(gather) => gather.replace(store, write),
            Self::Preview(preview) => preview.replace(store, write),
        }
    }

    /// Adds a record that is gone, with what the audit log reports of it.
    pub(in crate::sync) fn remove(
        &mut self,
        store: &Store,
        gone: Record,
        reported: Option<Reported>,
    ) -> Result<(), RunError> {
        match self {
            Self::Load(load) => load.push(
                store,
                Write::Forget {
                    record: gone.to_ref(),
                },
            ),
            Self::Gather(gather) => gather.remove(store, gone, reported),
            Self::Preview(preview) => preview.take(store, Change::Deleted { before: gone }),
        }
    }

    /// Adds a record that is missing and is not asked for, since removals of its sort are held
    /// anyway.
    pub(in crate::sync) fn leave_unasked(&mut self, missing: RecordRef) {
        let loss = reconcile::loss_of(missing.kind);
        match self {
            // A first load has nothing to lose.
            Self::Load(_) => {}
            Self::Gather(gather) => gather.leave_unasked(missing),
            Self::Preview(preview) => preview.tally.take_unasked(loss, 1),
        }
    }

    /// Takes out what is planned for these records, and leaves the rest in place.
    pub(in crate::sync) fn withdraw(
        &mut self,
        store: &Store,
        records: &BTreeSet<RecordRef>,
    ) -> Result<Vec<Withdrawn>, RunError> {
        match self {
            Self::Gather(gather) => gather.withdraw(store, records),
            Self::Preview(preview) => preview.withdraw(store, records),
            // No poll runs beside a first load.
            Self::Load(_) => Ok(Vec::new()),
        }
    }

    /// Returns how many losses of a sort count so far.
    pub(in crate::sync) fn weighed(&self, loss: Loss) -> u64 {
        match self {
            Self::Load(_) => 0,
            Self::Gather(gather) => gather.tally.weighed(loss),
            Self::Preview(preview) => preview.tally.weighed(loss),
        }
    }

    /// Returns how many of a sort the changes so far add, and how many they remove.
    pub(in crate::sync) fn shift(&self, loss: Loss) -> (u64, u64) {
        match self {
            Self::Load(_) => (0, 0),
            Self::Gather(gather) => gather.tally.shift(loss),
            Self::Preview(preview) => preview.tally.shift(loss),
        }
    }

    /// Commits everything but what the guard holds. `loaded` is the mark that ends a first load;
    /// `None` if the load did not reach its end.
    pub(in crate::sync) fn finish(
        self,
        store: &Store,
        at: Timestamp,
        loaded: Option<Closing>,
        scales: &Scales,
        guard: &Guard,
        unseen: &Unseen,
    ) -> Result<Finished, RunError> {
        match self {
            Self::Load(load) => {
                load.finish(store, at, loaded)?;
                Ok(Finished::default())
            }
            Self::Gather(gather) => Ok(Finished {
                gathered: gather.finish(store, at, scales, guard, unseen)?,
                ..Finished::default()
            }),
            Self::Preview(preview) => preview.finish(store, scales, guard, unseen),
        }
    }
}

impl Load {
    fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        self.n_bytes += write.raw().map_or(0, str::len);
        self.writes.push(quiet(write));
        if self.writes.len() == MAX_QUIET || self.n_bytes > MAX_BYTES {
            self.submit(store, Closing::Nothing)?;
        }
        Ok(())
    }

    /// Replaces the planned write of the same record. If that was submitted already, the new write
    /// follows it.
    fn replace(&mut self, store: &Store, write: Write) -> Result<Replaced, RunError> {
        let record = write_of(&write);
        let mut writes = self.writes.iter_mut();
        match writes.find(|first| write_of(first) == record) {
            Some(first) => *first = quiet(write),
            None => self.push(store, write)?,
        }
        Ok(Replaced::Quiet)
    }

    fn submit(&mut self, store: &Store, closing: Closing) -> Result<(), RunError> {
        let writes = std::mem::take(&mut self.writes);
        self.n_bytes = 0;
        let commit = commit(&self.target, self.at, writes, closing);
        self.tickets
            .push_back(store.submit(commit).map_err(RunError::store)?);
        if self.tickets.len() > MAX_TICKETS
            && let Some(oldest) = self.tickets.pop_front()
        {
            oldest.wait().map_err(RunError::store)?;
        }
        Ok(())
    }

    fn finish(
        mut self,
        store: &Store,
        at: Timestamp,
        loaded: Option<Closing>,
    ) -> Result<(), RunError> {
        self.at = at;
        if !self.writes.is_empty() {
            self.submit(store, Closing::Nothing)?;
        }
        if let Some(mark) = loaded {
            self.submit(store, mark)?;
        }
        self.tickets
            .drain(..)
            .try_for_each(|ticket| ticket.wait().map(|_committed| ()).map_err(RunError::store))
    }
}

/// Makes a write that adds no journal entry.
fn quiet(write: Write) -> Write {
    match write {
        Write::Change {
            change: Change::Created { after, .. } | Change::Updated { after, .. },
            fingerprint,
            raw,
            reported: _,
        } => Write::Quiet {
            record: after,
            fingerprint,
            raw,
        },
        Write::Change {
            change: Change::Deleted { before },
            ..
        } => Write::Forget {
            record: before.to_ref(),
        },
        quiet @ (Write::Quiet { .. } | Write::Forget { .. }) => quiet,
    }
}
