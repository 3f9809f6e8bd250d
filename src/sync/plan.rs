//! What a run has decided to write, and how it gets into the store in the right order.

use std::collections::VecDeque;

use crate::model::{Account, Change, Fingerprint, Id, Record, RunId, Timestamp};
use crate::reconcile::Replacements;
use crate::store::{
    Closing, Commit, MAX_QUIET, MAX_WRITES, PlanHead, Store, TenantNo, Ticket, Write,
};

use super::RunError;

/// Rows from here on hold what came and changed. Rows before hold the users who are gone:
/// they are found last, but receivers must hear of them first, since a successor may follow.
const UPSERTS: u32 = 1 << 31;

/// Commits under way at the most while a first load goes on.
const MAX_TICKETS: usize = 16;

/// Changes that a dry run lists; the rest is counted.
const MAX_PREVIEW: usize = 10_000;

/// Where a run puts what it has decided.
pub(super) enum Plan {
    /// The first load: straight into the state, without journal.
    Load(Load),
    /// Every later run: gathered, and in the store as soon as it outgrows one commit.
    Gather(Gather),
    /// A dry run: shown.
    Preview(Vec<Change>),
}

/// For whom a plan writes.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) tenant: TenantNo,
    pub(super) run: RunId,
    pub(super) account: Account,
}

pub(super) struct Load {
    target: Target,
    at: Timestamp,
    writes: Vec<Write>,
    tickets: VecDeque<Ticket>,
}

pub(super) struct Gather {
    target: Target,
    writes: Vec<Write>,
    n_staged: u32,
    created: Replacements,
    /// Users who are gone, and the rest that is gone: before and after the upserts.
    gone_users: Vec<Write>,
    gone_others: Vec<Write>,
}

impl Plan {
    pub(super) fn load(target: Target, at: Timestamp) -> Self {
        Self::Load(Load {
            target,
            at,
            writes: Vec::new(),
            tickets: VecDeque::new(),
        })
    }

    pub(super) fn gather(target: Target) -> Self {
        Self::Gather(Gather {
            target,
            writes: Vec::new(),
            n_staged: 0,
            created: Replacements::default(),
            gone_users: Vec::new(),
            gone_others: Vec::new(),
        })
    }

    /// Takes in a record that came or changed.
    pub(super) fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        match self {
            Self::Load(load) => load.push(store, write),
            Self::Gather(gather) => gather.push(store, write),
            Self::Preview(changes) => {
                if let Write::Change { change, .. } = write
                    && changes.len() < MAX_PREVIEW
                {
                    changes.push(change);
                }
                Ok(())
            }
        }
    }

    /// Takes in a record that is gone.
    pub(super) fn remove(&mut self, store: &Store, gone: Record) -> Result<(), RunError> {
        match self {
            Self::Load(load) => load.push(
                store,
                Write::Forget {
                    record: gone.to_ref(),
                },
            ),
            Self::Gather(gather) => gather.remove(store, gone),
            Self::Preview(changes) => {
                if changes.len() < MAX_PREVIEW {
                    changes.push(Change::Deleted { before: gone });
                }
                Ok(())
            }
        }
    }

    /// Commits everything. `loaded` is the mark that ends a first load, none where the load
    /// did not get to its end.
    pub(super) fn finish(
        self,
        store: &Store,
        at: Timestamp,
        loaded: Option<Closing>,
    ) -> Result<Vec<Change>, RunError> {
        match self {
            Self::Load(load) => load.finish(store, at, loaded).map(|()| Vec::new()),
            Self::Gather(gather) => gather.finish(store, at).map(|()| Vec::new()),
            Self::Preview(changes) => Ok(changes),
        }
    }
}

impl Load {
    fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        self.writes.push(match write {
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
        });
        if self.writes.len() == MAX_QUIET {
            self.submit(store, Closing::Nothing)?;
        }
        Ok(())
    }

    fn submit(&mut self, store: &Store, closing: Closing) -> Result<(), RunError> {
        let writes = std::mem::take(&mut self.writes);
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

impl Gather {
    fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        if let Write::Change {
            change: Change::Created { after, .. },
            ..
        } = &write
        {
            let place = self.n_staged + u32::try_from(self.writes.len()).unwrap_or(u32::MAX);
            self.created.note(after, place);
        }
        self.writes.push(write);
        if self.writes.len() == MAX_WRITES {
            self.stage(store)
        } else {
            Ok(())
        }
    }

    fn remove(&mut self, store: &Store, gone: Record) -> Result<(), RunError> {
        if let Some((place, id)) = self.created.follower(&gone) {
            self.mark(store, place, &id)?;
        }
        let list = match &gone {
            Record::User(_) => &mut self.gone_users,
            Record::Role(_) | Record::Group(_) => &mut self.gone_others,
        };
        list.push(deletion(gone));
        Ok(())
    }

    /// Marks the creation at `place` as the successor of `gone`.
    fn mark(&mut self, store: &Store, place: u32, gone: &Id) -> Result<(), RunError> {
        let tenant = self.target.tenant;
        if let Some(index) = place.checked_sub(self.n_staged) {
            if let Some(write) = self.writes.get_mut(index as usize) {
                succeed(write, gone);
            }
            return Ok(());
        }
        let row = UPSERTS + place;
        let rows = store
            .plan_rows_from(tenant, row, 1)
            .map_err(RunError::store)?;
        for mut write in rows {
            succeed(&mut write, gone);
            store
                .stage(tenant, row, &[write])
                .map_err(RunError::store)?;
        }
        Ok(())
    }

    fn stage(&mut self, store: &Store) -> Result<(), RunError> {
        let writes = std::mem::take(&mut self.writes);
        let from = UPSERTS + self.n_staged;
        store
            .stage(self.target.tenant, from, &writes)
            .map_err(RunError::store)?;
        self.n_staged += u32::try_from(writes.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    fn finish(mut self, store: &Store, at: Timestamp) -> Result<(), RunError> {
        let n_gone = self.gone_users.len() + self.gone_others.len();
        if self.n_staged == 0 && self.writes.len() + n_gone <= MAX_WRITES {
            let mut writes = self.gone_users;
            writes.append(&mut self.writes);
            writes.append(&mut self.gone_others);
            if writes.is_empty() {
                return Ok(());
            }
            let commit = commit(&self.target, at, writes, Closing::Nothing);
            return store
                .commit(commit)
                .map(|_committed| ())
                .map_err(RunError::store);
        }

        self.writes.append(&mut self.gone_others);
        let tenant = self.target.tenant;
        let mut row = 0;
        for rows in self.gone_users.chunks(MAX_WRITES) {
            store.stage(tenant, row, rows).map_err(RunError::store)?;
            row += u32::try_from(rows.len()).unwrap_or(u32::MAX);
        }
        let rest = std::mem::take(&mut self.writes);
        for rows in rest.chunks(MAX_WRITES) {
            store
                .stage(tenant, UPSERTS + self.n_staged, rows)
                .map_err(RunError::store)?;
            self.n_staged += u32::try_from(rows.len()).unwrap_or(u32::MAX);
        }
        let head = PlanHead {
            run: self.target.run,
            at,
            account: self.target.account,
            rows_total: row + self.n_staged,
        };
        store.seal_plan(tenant, &head).map_err(RunError::store)?;
        carry_out(store, tenant, &head)
    }
}

/// Takes up what an earlier run left: a sealed plan is carried out, a gathered one dropped,
/// since the sweep that it came from never got to its end.
pub(super) fn resume(store: &Store, tenant: TenantNo) -> Result<Resumed, RunError> {
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
pub(super) enum Resumed {
    Nothing,
    CarriedOut(RunId),
}

fn carry_out(store: &Store, tenant: TenantNo, head: &PlanHead) -> Result<(), RunError> {
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

fn commit(target: &Target, at: Timestamp, writes: Vec<Write>, closing: Closing) -> Commit {
    Commit {
        tenant: target.tenant,
        run: target.run,
        at,
        account: target.account.clone(),
        writes,
        closing,
    }
}

fn deletion(gone: Record) -> Write {
    Write::Change {
        change: Change::Deleted { before: gone },
        fingerprint: Fingerprint([0; 16]),
        raw: Box::default(),
    }
}

fn succeed(write: &mut Write, gone: &Id) {
    if let Write::Change {
        change: Change::Created { replaces, .. },
        ..
    } = write
    {
        *replaces = Some(gone.clone());
    }
}
