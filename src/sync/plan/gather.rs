//! Gathers a run's changes: in memory as long as they fit one commit, in the store from then on.

use std::collections::BTreeSet;

use crate::model::{
    Change, Fingerprint, Id, Kind, Loss, PlanId, Record, RecordRef, Reported, Taken, Timestamp,
};
use crate::reconcile::{self, Guard, Replacements, Waiting};
use crate::store::{Closing, MAX_WRITES, PlanHead, Store, Write};

use super::commit::{Target, carry_out, commit, write_of};
use super::results::{Draft, Gathered, Replaced};
use crate::sync::RunError;
use crate::sync::removals::held_plans::{self, Unseen};
use crate::sync::removals::held_removals::{HeldRemovals, SetAside};
use crate::sync::removals::tally::{Scales, Tally};

/// First row of new and changed records. The rows before it are for users who are gone: they are
/// found last, but receivers must learn of them first, since a successor may follow.
pub(super) const UPSERTS: u32 = 1 << 30;

/// First row of the groups and roles that are gone, after the users who had them.
const OTHERS: u32 = 3 << 30;

/// What a run has gathered so far.
pub(in crate::sync) struct Gather {
    pub(in crate::sync) target: Target,
    pub(in crate::sync) tally: Tally,
    /// The plan whose removals an operator has approved.
    permit: Option<PlanId>,
    created: Replacements,
    gone_users: Rows,
    pub(super) upserts: Rows,
    gone_others: Rows,
    /// Missing records that were not asked for, since enough others are gone to hold them all.
    unasked: Vec<RecordRef>,
}

/// Rows of a plan in one range of row numbers.
pub(in crate::sync) struct Rows {
    first: u32,
    n_staged: u32,
    writes: Vec<Write>,
}

impl Gather {
    pub(in crate::sync) fn new(target: Target, permit: Option<PlanId>) -> Self {
        Self {
            target,
            tally: Tally::default(),
            permit,
            created: Replacements::default(),
            gone_users: Rows::from(0),
            upserts: Rows::from(UPSERTS),
            gone_others: Rows::from(OTHERS),
            unasked: Vec::new(),
        }
    }

    /// Adds a record that is new or has changed.
    pub(in crate::sync) fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        if let Write::Change { change, .. } = &write {
            self.tally
                .take(change, self.permit_for(store, change)?.as_ref());
            if let Change::Created { after, .. } = change {
                self.created.note(after, self.upserts.next());
            }
        }
        self.upserts.push(store, &self.target, write)
    }

    /// Replaces the planned write of the same record, if there is one.
    pub(in crate::sync) fn replace(
        &mut self,
        store: &Store,
        write: Write,
    ) -> Result<Replaced, RunError> {
        let record = write_of(&write);
        let Some(place) = self.upserts.place_of(store, &self.target, &record)? else {
            return Ok(Replaced::Nothing(write));
        };
        if let Write::Change { change, .. } = &write {
            let permit = self.permit_for(store, change)?;
            self.tally.take(change, permit.as_ref());
            if let Change::Created { after, .. } = change {
                self.created.note(after, place);
            }
        }
        let mut first = write;
        self.upserts.change(store, &self.target, place, |kept| {
            std::mem::swap(kept, &mut first);
        })?;
        if let Write::Change { change, .. } = &first {
            let permit = self.permit_for(store, change)?;
            self.tally.untake(change, permit.as_ref());
        }
        Ok(Replaced::Write(first))
    }

    /// Adds a record that is gone, with what the audit log reports of it.
    pub(in crate::sync) fn remove(
        &mut self,
        store: &Store,
        gone: Record,
        reported: Option<Reported>,
    ) -> Result<(), RunError> {
        if let Some((row, id)) = self.created.follower(&gone) {
            self.upserts.change(store, &self.target, row, |write| {
                set_replaced(write, Some(id));
            })?;
        }
        let rows = match &gone {
            Record::User(_) => &mut self.gone_users,
            Record::Role(_) | Record::Group(_) => &mut self.gone_others,
        };
        let change = Change::Deleted { before: gone };
        let write = Write::Change {
            change: change.clone(),
            fingerprint: Fingerprint([0; 16]),
            raw: Box::default(),
            reported,
        };
        rows.push(store, &self.target, write)?;
        let permit = self.permit_for(store, &change)?;
        self.tally.take(&change, permit.as_ref());
        Ok(())
    }

    /// Adds a record that is missing and was not asked for, since removals of its sort are held.
    pub(in crate::sync) fn leave_unasked(&mut self, missing: RecordRef) {
        self.tally.take_unasked(reconcile::loss_of(missing.kind), 1);
        self.unasked.push(missing);
    }

    /// Returns what an operator has approved for a record, if the change takes anything away.
    pub(in crate::sync) fn permit_for(
        &self,
        store: &Store,
        change: &Change,
    ) -> Result<Option<Taken>, RunError> {
        let Some(plan) = self.permit else {
            return Ok(None);
        };
        let matters = match change {
            Change::Created { .. } => false,
            Change::Deleted { .. } => true,
            Change::Updated { .. } => {
                let shift = reconcile::shift(change);
                shift.left + shift.revoked > 0
            }
        };
        if !matters {
            return Ok(None);
        }
        let record = change.latest().to_ref();
        let removal = store
            .removal(self.target.tenant, plan, &record)
            .map_err(RunError::store)?;
        Ok(removal.map(|removal| removal.what))
    }

    /// Weighs the losses, sets aside what is held, and commits everything else.
    pub(in crate::sync) fn finish(
        mut self,
        store: &Store,
        at: Timestamp,
        scales: &Scales,
        guard: &Guard,
        unseen: &Unseen,
    ) -> Result<Gathered, RunError> {
        let losses = self.tally.weigh(scales, guard);
        let sorts: BTreeSet<Loss> = losses.keys().copied().collect();
        let lost = self.tally.applied(&sorts);
        let mut gathered = Gathered {
            lost,
            ..Gathered::default()
        };
        let waiting = match self.gone_others.is_empty() {
            true => Waiting::default(),
            false => held_plans::still_waiting(store, self.target.tenant, self.permit, unseen)?,
        };
        if !losses.is_empty() || !waiting.is_empty() {
            let aside = self.hold(store, &sorts, waiting)?;
            for (kind, n_aside) in aside.waiting {
                if let Some(lost) = gathered.lost.get_mut(&reconcile::loss_of(kind)) {
                    *lost = lost.saturating_sub(n_aside);
                }
            }
            gathered.lost.retain(|_, lost| *lost > 0);
            gathered.unchanged = aside.unchanged;
            let removals = aside.removals;
            gathered.held = (removals.count > 0).then_some(Draft { losses, removals });
        }
        self.commit(store, at)?;
        Ok(gathered)
    }

    /// Removes held changes from all rows, and stores an entry for each record.
    fn hold(
        &mut self,
        store: &Store,
        sorts: &BTreeSet<Loss>,
        waiting: Waiting,
    ) -> Result<SetAside, RunError> {
        let mut aside = HeldRemovals::new(store, &self.target, self.permit, sorts, waiting);
        for missing in self.unasked.drain(..) {
            aside.keep_unasked(missing)?;
        }
        for rows in [&mut self.gone_users, &mut self.upserts] {
            rows.each_chunk(store, &self.target, |write| aside.sort(write))?;
        }
        // A group whose removal is held keeps its roles.
        for kind in [Kind::Group, Kind::Role] {
            self.gone_others.each_chunk(store, &self.target, |write| {
                match write_of(&write).kind {
                    found if found == kind => aside.sort(write),
                    _ => Ok(Some(write)),
                }
            })?;
        }
        aside.end()
    }

    fn commit(mut self, store: &Store, at: Timestamp) -> Result<(), RunError> {
        let regions = [&self.gone_users, &self.upserts, &self.gone_others];
        let n_writes: usize = regions.iter().map(|rows| rows.writes.len()).sum();
        if regions.iter().all(|rows| rows.n_staged == 0) && n_writes <= MAX_WRITES {
            let mut writes = self.gone_users.writes;
            writes.append(&mut self.upserts.writes);
            writes.append(&mut self.gone_others.writes);
            if writes.is_empty() {
                return Ok(());
            }
            let commit = commit(&self.target, at, writes, Closing::Nothing);
            return store
                .commit(commit)
                .map(|_committed| ())
                .map_err(RunError::store);
        }
        for rows in [
            &mut self.gone_users,
            &mut self.upserts,
            &mut self.gone_others,
        ] {
            rows.stage(store, &self.target)?;
        }
        let tenant = self.target.tenant;
        let rows_total = store.count_plan_rows(tenant).map_err(RunError::store)?;
        if rows_total == 0 {
            return Ok(());
        }
        let head = PlanHead {
            run: self.target.run,
            at,
            account: self.target.account,
            rows_total,
        };
        store.seal_plan(tenant, &head).map_err(RunError::store)?;
        carry_out(store, tenant, &head)
    }
}

impl Rows {
    fn is_empty(&self) -> bool {
        self.n_staged == 0 && self.writes.is_empty()
    }

    pub(in crate::sync) fn from(first: u32) -> Self {
        Self {
            first,
            n_staged: 0,
            writes: Vec::new(),
        }
    }

    /// Returns the number of the next row in its range.
    fn next(&self) -> u32 {
        self.n_staged + u32::try_from(self.writes.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, store: &Store, target: &Target, write: Write) -> Result<(), RunError> {
        self.writes.push(write);
        if self.writes.len() == MAX_WRITES {
            self.stage(store, target)?;
        }
        Ok(())
    }

    /// Writes the rows that are in memory to the store.
    fn stage(&mut self, store: &Store, target: &Target) -> Result<(), RunError> {
        let writes = std::mem::take(&mut self.writes);
        if writes.is_empty() {
            return Ok(());
        }
        store
            .stage(target.tenant, self.first + self.n_staged, &writes)
            .map_err(RunError::store)?;
        self.n_staged += u32::try_from(writes.len()).unwrap_or(u32::MAX);
        Ok(())
    }

    /// Returns the number of a record's row.
    fn place_of(
        &self,
        store: &Store,
        target: &Target,
        record: &RecordRef,
    ) -> Result<Option<u32>, RunError> {
        let is_its = |write: &Write| write_of(write) == *record;
        let mut place = 0;
        while place < self.n_staged {
            let limit = MAX_WRITES.min((self.n_staged - place) as usize);
            let rows = store
                .plan_rows_from(target.tenant, self.first + place, limit)
                .map_err(RunError::store)?;
            if let Some(found) = rows.iter().position(is_its) {
                return Ok(Some(place + u32::try_from(found).unwrap_or(0)));
            }
            place += u32::try_from(rows.len().max(1)).unwrap_or(u32::MAX);
        }
        let found = self.writes.iter().position(is_its);
        Ok(found.and_then(|found| Some(place + u32::try_from(found).ok()?)))
    }

    /// Changes the row with a number.
    fn change(
        &mut self,
        store: &Store,
        target: &Target,
        place: u32,
        change: impl FnOnce(&mut Write),
    ) -> Result<(), RunError> {
        if let Some(index) = place.checked_sub(self.n_staged) {
            if let Some(write) = self.writes.get_mut(index as usize) {
                change(write);
            }
            return Ok(());
        }
        let row = self.first + place;
        let mut rows = store
            .plan_rows_from(target.tenant, row, 1)
            .map_err(RunError::store)?;
        if let Some(write) = rows.first_mut() {
            change(write);
            store
                .stage(target.tenant, row, &rows)
                .map_err(RunError::store)?;
        }
        Ok(())
    }

    /// Replaces each row with the result of a function.
    pub(super) fn each_chunk(
        &mut self,
        store: &Store,
        target: &Target,
        mut sort: impl FnMut(Write) -> Result<Option<Write>, RunError>,
    ) -> Result<(), RunError> {
        let mut place = 0;
        while place < self.n_staged {
            let row = self.first + place;
            let limit = MAX_WRITES.min((self.n_staged - place) as usize);
            let writes = store
                .plan_rows_from(target.tenant, row, limit)
                .map_err(RunError::store)?;
            place += u32::try_from(writes.len().max(1)).unwrap_or(u32::MAX);
            let sorted: Vec<Option<Write>> = writes
                .into_iter()
                .map(&mut sort)
                .collect::<Result<_, _>>()?;
            store
                .replace_rows(target.tenant, row, &sorted)
                .map_err(RunError::store)?;
        }
        let writes = std::mem::take(&mut self.writes);
        for write in writes {
            self.writes.extend(sort(write)?);
        }
        Ok(())
    }
}

/// Notes in a creation which user it replaces.
fn set_replaced(write: &mut Write, gone: Option<Id>) {
    if let Write::Change {
        change: Change::Created { replaces, .. },
        ..
    } = write
    {
        *replaces = gone;
    }
}
