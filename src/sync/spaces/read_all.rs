//! Reads all spaces of a tenant, and continues an interrupted reading.

use std::collections::{BTreeMap, BTreeSet};

use crate::connector::{Connector, SpaceSeen};
use crate::model::{Loss, Outcome, SpaceId, Timestamp, Weight};
use crate::store::{ReadingMark, SpaceReading, SpaceTodo, Store, StoreError, TenantNo};

use super::spaces_run::{SpacesRun, judged};
use crate::sync::RunError;
use crate::sync::run::job::Job;

/// How many spaces are read from the store at once.
const PAGE: usize = 100;

impl<C: Connector> Job<C> {
    /// Reads all spaces. If it fails, what was read stays, and the next reading continues from
    /// there.
    pub(super) async fn read_all(&self, run: &mut SpacesRun) -> Result<Outcome, RunError> {
        let no = run.known.no;
        let known = self.store.offload(move |store| last_read(store, no)).await;
        let known = known.map_err(RunError::store)?;
        if run.reading.mark.began.is_none() {
            // A damaged store may have lost the last number.
            let last = known.values().copied().max().unwrap_or(0);
            run.reading.mark.number = run.reading.mark.number.max(last) + 1;
        }
        let began = run.reading.mark.began.unwrap_or_else(|| self.clock.now());
        run.reading.mark.began = Some(began);
        run.reading.mark.tried = Some(self.clock.now());
        let listing = match self.connector.spaces().await {
            Ok(listing) => listing,
            Err(error) if error.is_forbidden() => {
                run.reading.mark.is_refused = true;
                run.reading.mark.began = None;
                self.note(run).await?;
                return Err(RunError::fetch("spaces")(error));
            }
            Err(error) => return Err(RunError::fetch("spaces")(error)),
        };
        run.reading.mark.is_refused = false;
        self.note(run).await?;
        let mut todo: BTreeMap<SpaceId, SpaceTodo> = std::mem::take(&mut run.todo)
            .into_iter()
            .map(|todo| (todo.id.clone(), todo))
            .collect();
        let mut shown: BTreeSet<SpaceId> = listing.spaces.keys().cloned().collect();
        run.counts.listed = shown.len() as u64 + listing.unreadable.len() as u64;
        for (id, head) in listing.spaces {
            if known.get(&id) != Some(&run.reading.mark.number) {
                let done = todo.remove(&id);
                self.read_space(run, id, head, done).await?;
            }
        }
        let mut n_unread = listing.n_unnamed;
        for id in listing.unreadable {
            n_unread += u64::from(!known.contains_key(&id));
            let done = todo.remove(&id);
            self.miss_space(run, id.clone(), done).await?;
            shown.insert(id);
        }
        let missing = known.into_keys().filter(|id| !shown.contains(id)).collect();
        let not_removed = self.ask_for(run, missing, &mut todo).await?;
        // The remaining spaces were named during this reading, or are not listed.
        for todo in todo.into_values() {
            self.look_at_space(run, todo).await?;
        }
        self.end_spaces(run, began, n_unread).await?;
        run.counts.unseen += listing.n_unnamed;
        Ok(match not_removed {
            Some(reason) => Outcome::Incomplete { reason },
            None => judged(&run.counts),
        })
    }

    /// Asks for known spaces that the listing does not show, and removes those that are gone.
    /// Returns why they were not removed; `None` if they were.
    async fn ask_for(
        &self,
        run: &mut SpacesRun,
        missing: Vec<SpaceId>,
        todo: &mut BTreeMap<SpaceId, SpaceTodo>,
    ) -> Result<Option<String>, RunError> {
        let n_known = run.counts.listed + missing.len() as u64;
        let (mut reported, mut gone) = (Vec::new(), Vec::new());
        for id in missing {
            let seen = self.connector.space(&id).await;
            let done = todo.remove(&id);
            match seen.map_err(RunError::fetch("spaces"))? {
                SpaceSeen::Shown(head) => self.read_space(run, id, head, done).await?,
                SpaceSeen::Hidden | SpaceSeen::Unreadable => self.miss_space(run, id, done).await?,
                SpaceSeen::Absent => match done.as_ref().is_some_and(|done| done.is_gone) {
                    true => reported.push((id, done)),
                    false => gone.push((id, done)),
                },
            }
        }
        for (id, done) in reported {
            self.remove_space(run, id, done).await?;
        }
        let weight = Weight {
            lost: gone.len() as u64,
            known: n_known,
            shown: run.counts.listed,
        };
        // There are about as many spaces as groups, and they are created and deleted about as
        // often.
        if let Some(reason) = self.removal_policy.guard.weigh(Loss::Groups, weight) {
            for (id, done) in gone {
                self.miss_space(run, id, done).await?;
            }
            return Ok(Some(format!(
                "{} of {n_known} spaces are gone, and the guard keeps them: {reason}; they count as \
                 not visible",
                weight.lost
            )));
        }
        for (id, done) in gone {
            self.remove_space(run, id, done).await?;
        }
        Ok(None)
    }

    /// Stores that all spaces were read.
    async fn end_spaces(
        &self,
        run: &mut SpacesRun,
        began: Timestamp,
        n_unread: u64,
    ) -> Result<(), RunError> {
        // While we have the pen, no run is in the middle of its changes. So rights in spaces are
        // compared for all changes of a run, or for none.
        let _pen = self.turns.pen().await;
        let (first, since) = match run.reading.since {
            Some(since) => (run.reading.first, since),
            None => (Some(self.clock.now()), self.store.last_seq()),
        };
        run.reading = SpaceReading {
            first,
            since: Some(since),
            n_unread,
            mark: ReadingMark {
                last: Some(began),
                began: None,
                ..run.reading.mark
            },
        };
        self.note(run).await
    }

    /// Stores how far the spaces were read.
    async fn note(&self, run: &SpacesRun) -> Result<(), RunError> {
        let (no, reading) = (run.known.no, run.reading.clone());
        self.store
            .offload(move |store| store.set_space_reading(no, reading))
            .await
            .map_err(RunError::store)
    }
}

/// Returns the known spaces, and the reading in which each was last read.
fn last_read(store: &Store, no: TenantNo) -> Result<BTreeMap<SpaceId, u64>, StoreError> {
    let mut known = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.spaces(no, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(known);
        };
        after = Some(last.space.id.clone());
        known.extend(page.into_iter().map(|kept| (kept.space.id, kept.reading)));
    }
}
