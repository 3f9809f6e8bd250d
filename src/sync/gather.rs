//! Gathers a run's changes: in memory while they fit one commit, in the store from then on.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    Change, Fingerprint, HeldLoss, Id, Kind, Loss, PlanId, Proof, Record, RecordRef, Removal,
    Taken, Timestamp,
};
use crate::reconcile::{self, Guard, Replacements};
use crate::store::{Closing, Entries, MAX_WRITES, PlanHead, Store, Write};

use super::RunError;
use super::plan::{Replaced, Target, carry_out, commit, write_of};
use super::tally::{Scales, Tally};

/// Rows of what came and changed. Rows before hold the users who are gone: they are found
/// last, but receivers must hear of them first, since a successor may follow.
pub(super) const UPSERTS: u32 = 1 << 30;

/// Rows of the groups and roles that are gone: after the users who had them.
const OTHERS: u32 = 3 << 30;

/// What a run has gathered so far.
pub(super) struct Gather {
    pub(super) target: Target,
    pub(super) tally: Tally,
    /// The plan whose removals an operator has let go.
    permit: Option<PlanId>,
    created: Replacements,
    gone_users: Rows,
    pub(super) upserts: Rows,
    gone_others: Rows,
    /// Missing records that were not asked for: enough others were gone.
    unasked: Vec<RecordRef>,
}

/// What a gathered plan came to.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    /// What was held back, with its entries; none: nothing.
    pub(super) held: Option<Draft>,
    /// What was taken away.
    pub(super) lost: BTreeMap<Loss, u64>,
    /// Records that changed, and of which every change is held.
    pub(super) unchanged: BTreeMap<Kind, u64>,
}

/// Entries of a held plan that are in the store, without the plan so far.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) losses: BTreeMap<Loss, HeldLoss>,
    pub(super) entries: Entries,
}

/// Rows of a plan in one region of their numbers.
pub(super) struct Rows {
    first: u32,
    n_staged: u32,
    writes: Vec<Write>,
}

impl Gather {
    pub(super) fn new(target: Target, permit: Option<PlanId>) -> Self {
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

    /// Takes in a record that came or changed.
    pub(super) fn push(&mut self, store: &Store, write: Write) -> Result<(), RunError> {
        if let Write::Change { change, .. } = &write {
            self.tally
                .take(change, self.permit_for(store, change)?.as_ref());
            if let Change::Created { after, .. } = change {
                self.created.note(after, self.upserts.next());
            }
        }
        self.upserts.push(store, &self.target, write)
    }

    /// Puts a write in the place of the one that is there of the same record, if one is.
    pub(super) fn replace(&mut self, store: &Store, write: Write) -> Result<Replaced, RunError> {
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

    /// Takes in a record that is gone.
    pub(super) fn remove(&mut self, store: &Store, gone: Record) -> Result<(), RunError> {
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
        };
        rows.push(store, &self.target, write)?;
        let permit = self.permit_for(store, &change)?;
        self.tally.take(&change, permit.as_ref());
        Ok(())
    }

    /// Takes in a record that is missing and was not asked for: its sort is held.
    pub(super) fn leave_unasked(&mut self, missing: RecordRef) {
        self.tally.take_unasked(reconcile::loss_of(missing.kind), 1);
        self.unasked.push(missing);
    }

    /// Returns what an operator has let go of a record's, where that matters.
    pub(super) fn permit_for(
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

    /// Weighs what is lost, sets aside what is held, and commits everything else.
    pub(super) fn finish(
        mut self,
        store: &Store,
        at: Timestamp,
        scales: &Scales,
        guard: &Guard,
    ) -> Result<Gathered, RunError> {
        let losses = self.tally.weigh(scales, guard);
        let sorts: BTreeSet<Loss> = losses.keys().copied().collect();
        let lost = self.tally.applied(&sorts);
        let mut gathered = Gathered {
            lost,
            ..Gathered::default()
        };
        if !losses.is_empty() {
            let entries;
            (entries, gathered.unchanged) = self.hold(store, &sorts)?;
            gathered.held = Some(Draft { losses, entries });
        }
        self.commit(store, at)?;
        Ok(gathered)
    }

    /// Takes what is held out of all rows, and keeps entries of it.
    fn hold(
        &mut self,
        store: &Store,
        sorts: &BTreeSet<Loss>,
    ) -> Result<(Entries, BTreeMap<Kind, u64>), RunError> {
        let Self {
            target,
            permit,
            gone_users,
            upserts,
            gone_others,
            unasked,
            ..
        } = self;
        let mut aside = Aside {
            store,
            target,
            permit: *permit,
            sorts,
            removals: Vec::new(),
            entries: Entries::default(),
            unchanged: BTreeMap::new(),
        };
        for missing in unasked.drain(..) {
            let kept = store
                .get(target.tenant, &missing)
                .map_err(RunError::store)?;
            let kept = kept.ok_or(RunError::MissingBody { record: missing })?;
            let what = Taken::Record {
                proof: Proof::NotYetAsked,
            };
            aside.keep(reconcile::removal(&kept.record, what))?;
        }
        for rows in [gone_users, upserts, gone_others] {
            rows.each_chunk(store, target, |write| aside.sort(write))?;
        }
        aside.flush()?;
        Ok((aside.entries, aside.unchanged))
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

/// Where held removals go.
struct Aside<'a> {
    store: &'a Store,
    target: &'a Target,
    permit: Option<PlanId>,
    sorts: &'a BTreeSet<Loss>,
    removals: Vec<Removal>,
    entries: Entries,
    unchanged: BTreeMap<Kind, u64>,
}

impl Aside<'_> {
    /// Splits a write; returns what of it may happen.
    fn sort(&mut self, write: Write) -> Result<Option<Write>, RunError> {
        let Write::Change {
            change,
            fingerprint,
            raw,
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
            }));
        }
        let permit = match self.permit {
            Some(plan) => self
                .store
                .removal(self.target.tenant, plan, &change.latest().to_ref())
                .map_err(RunError::store)?,
            None => None,
        };
        let permit = permit.map(|removal| removal.what);
        let parts = reconcile::split(change, self.sorts, permit.as_ref());
        let is_whole = parts.held.is_none();
        if let Some(removal) = parts.held {
            if parts.apply.is_none() && matches!(removal.what, Taken::Access { .. }) {
                *self.unchanged.entry(removal.record.kind).or_default() += 1;
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
            }
        }))
    }

    /// Returns whether a user's deletion is held: nobody replaces that user yet.
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
        let entries = self
            .store
            .stage_removals(self.target.tenant, plan, &removals)
            .map_err(RunError::store)?;
        self.entries.count += entries.count;
        self.entries.checksum = self.entries.checksum.wrapping_add(entries.checksum);
        Ok(())
    }
}

impl Rows {
    pub(super) fn from(first: u32) -> Self {
        Self {
            first,
            n_staged: 0,
            writes: Vec::new(),
        }
    }

    /// Returns the place of the next row in its region.
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

    /// Brings what is in memory into the store.
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

    /// Returns the place of the row of a record.
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

    /// Changes the row at a place.
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

    /// Puts what a function makes of it in the place of each row.
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

/// Says of a creation whom it replaces.
fn set_replaced(write: &mut Write, gone: Option<Id>) {
    if let Write::Change {
        change: Change::Created { replaces, .. },
        ..
    } = write
    {
        *replaces = gone;
    }
}
