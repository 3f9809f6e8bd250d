//! What a run has decided to write, and how it gets into the store in the right order.

use std::collections::{BTreeSet, VecDeque};

use crate::model::{
    Account, Change, HeldPlan, Loss, PlanId, Record, RecordRef, RunId, Timestamp, Verb,
};
use crate::reconcile::{self, Guard};
use crate::store::{
    Closing, Commit, MAX_QUIET, MAX_WRITES, PlanHead, Store, TenantNo, Ticket, Write,
};

use super::gather::{Gather, Gathered};
use super::preview::Preview;
use crate::sync::RunError;
use crate::sync::removals::held_plans::Unseen;
use crate::sync::removals::tally::Scales;

/// Commits under way at the most while a first load goes on.
const MAX_TICKETS: usize = 16;

/// Bytes of the source's text in a commit at the most, but for its last record's.
const MAX_BYTES: usize = 1024 * 1024;

/// Where a run puts what it has decided.
pub(in crate::sync) enum Plan {
    /// The first load: straight into the state, without journal.
    Load(Load),
    /// Every later run: gathered, and in the store as soon as it outgrows one commit.
    Gather(Box<Gather>),
    /// A dry run: shown.
    Preview(Preview),
}

/// For whom a plan writes.
#[derive(Debug, Clone)]
pub(in crate::sync) struct Target {
    pub(in crate::sync) tenant: TenantNo,
    pub(in crate::sync) run: RunId,
    pub(in crate::sync) account: Account,
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

    /// Only shows; `open` is the plan that the run would find open.
    pub(in crate::sync) fn preview(tenant: Option<TenantNo>, open: Option<HeldPlan>) -> Self {
        Self::Preview(Preview::of(tenant, open))
    }

    /// Returns whether nothing of it is written.
    pub(in crate::sync) fn is_preview(&self) -> bool {
        matches!(self, Self::Preview(_))
    }

    /// Takes in a record that came or changed.
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

    /// Puts a write in the place of the one that is there of the same record, if one is.
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

    /// Takes in a record that is gone.
    pub(in crate::sync) fn remove(&mut self, store: &Store, gone: Record) -> Result<(), RunError> {
        match self {
            Self::Load(load) => load.push(
                store,
                Write::Forget {
                    record: gone.to_ref(),
                },
            ),
            Self::Gather(gather) => gather.remove(store, gone),
            Self::Preview(preview) => preview.take(store, Change::Deleted { before: gone }),
        }
    }

    /// Takes in a record that is missing and is not asked for, since its sort is held anyway.
    pub(in crate::sync) fn leave_unasked(&mut self, missing: RecordRef) {
        let loss = reconcile::loss_of(missing.kind);
        match self {
            // A first load has nothing to lose.
            Self::Load(_) => {}
            Self::Gather(gather) => gather.leave_unasked(missing),
            Self::Preview(preview) => preview.tally.take_unasked(loss, 1),
        }
    }

    /// Takes out what is planned of these records. What else is planned stays where it is.
    pub(in crate::sync) fn withdraw(
        &mut self,
        store: &Store,
        records: &BTreeSet<RecordRef>,
    ) -> Result<Vec<Withdrawn>, RunError> {
        match self {
            Self::Gather(gather) => gather.withdraw(store, records),
            Self::Preview(preview) => preview.withdraw(store, records),
            // Nobody polls beside a first load.
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

    /// Returns how much of a sort the changes so far give, and how much they take.
    pub(in crate::sync) fn shift(&self, loss: Loss) -> (u64, u64) {
        match self {
            Self::Load(_) => (0, 0),
            Self::Gather(gather) => gather.tally.shift(loss),
            Self::Preview(preview) => preview.tally.shift(loss),
        }
    }

    /// Commits everything but what the guard holds. `loaded` is the mark that ends a first
    /// load, none where the load did not get to its end.
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

/// What another write was put in the place of.
pub(in crate::sync) enum Replaced {
    /// This one.
    Write(Write),
    /// None of its record: the write comes back.
    Nothing(Write),
    /// One that tells nobody, and may be on its way already.
    Quiet,
}

/// What was planned of a record, and is no more.
#[derive(Debug)]
pub(in crate::sync) struct Withdrawn {
    pub(in crate::sync) record: RecordRef,
    pub(in crate::sync) verb: Verb,
    pub(in crate::sync) differs: Differs,
}

/// Whether what was planned would have left a record other than it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::sync) enum Differs {
    Yes,
    No,
}

/// What a plan came to.
#[derive(Debug, Default)]
pub(in crate::sync) struct Finished {
    pub(in crate::sync) gathered: Gathered,
    /// What would be told; only of a dry run.
    pub(in crate::sync) preview: Vec<Change>,
    /// The open plan, if it lists all that is held; only of a dry run.
    pub(in crate::sync) listed: Option<HeldPlan>,
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

    /// What was submitted already comes before the write that takes its place.
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

/// Returns which record a write is of.
pub(super) fn write_of(write: &Write) -> RecordRef {
    match write {
        Write::Change { change, .. } => change.latest().to_ref(),
        Write::Quiet { record, .. } => record.to_ref(),
        Write::Forget { record } => record.clone(),
    }
}

/// Makes a write that tells nobody.
fn quiet(write: Write) -> Write {
    match write {
        Write::Change {
            change: Change::Created { after, .. } | Change::Updated { after, .. },
            fingerprint,
            raw,
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

/// Takes up what an earlier run left: a sealed plan is carried out, a gathered one dropped,
/// since the sweep that it came from never got to its end.
pub(in crate::sync) fn resume(store: &Store, tenant: TenantNo) -> Result<Resumed, RunError> {
    match store.plan(tenant).map_err(RunError::store)? {
        None => {
            // Rows without a head are of a run that ended while it gathered.
            store.drop_plan(tenant).map_err(RunError::store)?;
            Ok(Resumed::Nothing)
        }
        Some(plan) => {
            carry_out(store, tenant, &plan.head).map(|()| Resumed::CarriedOut(plan.head.run))
        }
    }
}

/// What an earlier run had left.
pub(in crate::sync) enum Resumed {
    Nothing,
    CarriedOut(RunId),
}

pub(super) fn carry_out(store: &Store, tenant: TenantNo, head: &PlanHead) -> Result<(), RunError> {
    let target = Target {
        tenant,
        run: head.run,
        account: head.account.clone(),
    };
    loop {
        let writes = store
            .plan_rows_from(tenant, 0, MAX_WRITES)
            .map_err(RunError::store)?;
        if writes.is_empty() {
            return Ok(());
        }
        let closing = Closing::PlanRows(u32::try_from(writes.len()).unwrap_or(u32::MAX));
        store
            .commit(commit(&target, head.at, writes, closing))
            .map_err(RunError::store)?;
    }
}

pub(in crate::sync) fn commit(
    target: &Target,
    at: Timestamp,
    writes: Vec<Write>,
    closing: Closing,
) -> Commit {
    Commit {
        tenant: target.tenant,
        run: target.run,
        at,
        account: target.account.clone(),
        writes,
        closing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fingerprint, Tenant, TenantId, TenantName, User, UserId};

    #[test]
    fn rows_of_a_run_that_ended_while_it_gathered_never_happen() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName("t".into());
        let known = store.adopt(&tenant, &name, Timestamp::from_millis(0));
        let no = known.unwrap().no;
        let id = crate::model::Id::parse("60d5ca1b2f8a4c0000000001").unwrap();
        let write = Write::Change {
            change: Change::Created {
                after: Record::User(User::new(UserId(id), "s")),
                replaces: None,
            },
            fingerprint: Fingerprint([7; 16]),
            raw: "{}".into(),
        };
        store.stage(no, 5, &[write]).unwrap();

        let resumed = resume(&store, no).unwrap();

        assert!(matches!(resumed, Resumed::Nothing));
        assert_eq!(store.count_plan_rows(no).unwrap(), 0);
        assert_eq!(store.last_seq(), crate::model::Seq::START);
    }
}
