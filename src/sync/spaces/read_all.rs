//! Reads all spaces of a tenant, and continues an interrupted reading.

use std::collections::{BTreeMap, BTreeSet};

use crate::connector::{Connector, SpaceListing, SpaceSeen};
use crate::model::{Loss, Outcome, SpaceHead, SpaceId, Timestamp, Weight};
use crate::store::{ReadingMark, SpaceReading, SpaceTodo, Store, StoreError, TenantNo};

use super::failures::Failures;
use super::read_listed::Listed;
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
            let last = known.values().map(|last| last.number).max().unwrap_or(0);
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
        let listing = Counted::of(listing);
        run.counts.listed = listing.n_shown;
        let number = run.reading.mark.number;
        let is_read = |id: &SpaceId| known.get(id).is_some_and(|last| last.number == number);
        let readable = known.iter().filter(|(_, last)| last.is_whole);
        let readable: Vec<&SpaceId> = readable.map(|(id, _)| id).collect();
        run.failures = Failures::of(&readable);
        let to_read = listing.spaces.into_iter().filter(|(id, _)| !is_read(id));
        let to_read = to_read.map(|(id, head)| {
            let done = todo.remove(&id);
            Listed { id, head, done }
        });
        let mut to_read: Vec<Listed> = to_read.collect();
        begin_elsewhere(&mut to_read, run.reading.mark.tried);
        self.read_listed(run, to_read).await?;
        let mut n_unread = listing.n_unnamed;
        for id in listing.unreadable {
            n_unread += u64::from(!known.contains_key(&id));
            let done = todo.remove(&id);
            self.miss_space(run, id, done).await?;
        }
        let missing = known.into_keys().filter(|id| !listing.shown.contains(id));
        let asked = self.ask_for(run, missing.collect(), &mut todo).await?;
        // What exists and is known is not among the spaces of which nothing is known.
        let n_missing = listing.n_missing.saturating_sub(asked.n_there);
        let kept = self.remove_gone(run, asked.gone, n_missing).await?;
        // The remaining spaces were named during this reading, or are not listed.
        self.look_at_spaces(run, todo.into_values().collect())
            .await?;
        self.end_spaces(run, began, n_unread + n_missing).await?;
        run.counts.unseen += listing.n_unnamed;
        Ok(match kept {
            Some(reason) => Outcome::Incomplete { reason },
            None => judged(&run.counts),
        })
    }

    /// Asks for known spaces that the listing does not show. Removes those whose deletion the audit
    /// log reports, and returns the others that are gone.
    async fn ask_for(
        &self,
        run: &mut SpacesRun,
        missing: Vec<SpaceId>,
        todo: &mut BTreeMap<SpaceId, SpaceTodo>,
    ) -> Result<Asked, RunError> {
        let (mut listed, mut reported) = (Vec::new(), Vec::new());
        let mut asked = Asked::default();
        for id in missing {
            let seen = self.see_space(run, &id).await?;
            let done = todo.remove(&id);
            match seen {
                SpaceSeen::Shown(head) => listed.push(Listed { id, head, done }),
                SpaceSeen::Hidden | SpaceSeen::Unreadable => {
                    asked.n_there += 1;
                    self.miss_space(run, id, done).await?;
                }
                SpaceSeen::Absent => match done.as_ref().is_some_and(|done| done.is_gone) {
                    true => reported.push((id, done)),
                    false => asked.gone.push((id, done)),
                },
            }
        }
        asked.n_there += listed.len() as u64;
        self.read_listed(run, listed).await?;
        for (id, done) in reported {
            self.remove_space(run, id, done).await?;
        }
        Ok(asked)
    }

    /// Removes spaces that are gone. If the guard does not allow it, or if the source counts spaces
    /// that nobody has seen, they are kept as not visible. Returns why something is not complete;
    /// `None` if all is.
    async fn remove_gone(
        &self,
        run: &mut SpacesRun,
        gone: Vec<(SpaceId, Option<SpaceTodo>)>,
        n_missing: u64,
    ) -> Result<Option<String>, RunError> {
        let n_listed = run.counts.listed;
        let weight = Weight {
            lost: gone.len() as u64,
            known: n_listed + gone.len() as u64,
            shown: n_listed,
        };
        // There are about as many spaces as groups, and they are created and deleted about as
        // often.
        let refusal = self.removal_policy.guard.weigh(Loss::Groups, weight);
        let kept = match refusal {
            _ if n_missing > 0 => Some(format!(
                "the tenant counts {} spaces, and {n_missing} of them were not shown",
                n_listed + n_missing
            )),
            Some(reason) => Some(format!(
                "{} of {} spaces are gone, and the guard keeps them: {reason}; they count as not \
                 visible",
                weight.lost, weight.known
            )),
            None => None,
        };
        for (id, done) in gone {
            match kept {
                Some(_) => self.miss_space(run, id, done).await?,
                None => self.remove_space(run, id, done).await?,
            }
        }
        Ok(kept)
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

/// Lets each run begin with another space: if the first few of all fail, the run stops, and the
/// next one must not stop there again.
fn begin_elsewhere(to_read: &mut [Listed], tried: Option<Timestamp>) {
    let tried = tried.map_or(0, |tried| tried.millis().unsigned_abs());
    let n_all = to_read.len().max(1) as u64;
    let first = usize::try_from(tried % n_all).unwrap_or_default();
    to_read.rotate_left(first);
}

/// What is known of a space before a reading.
#[derive(Debug, Clone, Copy)]
struct LastRead {
    /// The number of the reading in which it was last read.
    number: u64,
    /// Whether all of it was visible then.
    is_whole: bool,
}

/// Known spaces that the listing does not show, after each was asked for.
#[derive(Debug, Default)]
struct Asked {
    /// How many there are nevertheless.
    n_there: u64,
    /// Those that are gone, although the audit log does not report it.
    gone: Vec<(SpaceId, Option<SpaceTodo>)>,
}

/// A listing, and how many spaces it shows and leaves out.
#[derive(Debug)]
struct Counted {
    spaces: BTreeMap<SpaceId, SpaceHead>,
    unreadable: BTreeSet<SpaceId>,
    shown: BTreeSet<SpaceId>,
    n_unnamed: u64,
    n_shown: u64,
    n_missing: u64,
}

impl Counted {
    fn of(listing: SpaceListing) -> Self {
        let (n_shown, n_missing) = (listing.n_shown(), listing.n_missing());
        let shown = listing.spaces.keys().chain(&listing.unreadable);
        Self {
            shown: shown.cloned().collect(),
            n_unnamed: listing.n_unnamed,
            n_shown,
            n_missing,
            spaces: listing.spaces,
            unreadable: listing.unreadable,
        }
    }
}

/// Returns the known spaces.
fn last_read(store: &Store, no: TenantNo) -> Result<BTreeMap<SpaceId, LastRead>, StoreError> {
    let mut known = BTreeMap::new();
    let mut after = None;
    loop {
        let page = store.spaces(no, after.as_ref(), PAGE)?;
        let Some(last) = page.last() else {
            return Ok(known);
        };
        after = Some(last.space.id.clone());
        known.extend(page.into_iter().map(|kept| {
            let last = LastRead {
                number: kept.reading,
                is_whole: kept.space.head.unseen.is_empty(),
            };
            (kept.space.id, last)
        }));
    }
}
