//! Reads to whom the licence of a tenant is assigned, and continues an interrupted reading.

use std::collections::HashSet;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::connector::Connector;
use crate::model::{LicenceHead, Loss, Outcome, Timestamp, Weight};
use crate::store::{EarlierReading, LicenceReading, TenantNo};
use crate::sync::RunError;
use crate::sync::run::job::Job;

use super::licence_run::LicenceRun;

/// How many times a reading starts the listing if the source does not accept its cursor.
const WALKS: u32 = 3;

/// The most pages of a listing: a hundred assignments each, so ten million.
const MAX_PAGES: u64 = 100_000;

/// For how long subjects must not be shown to be removed although the guard does not allow so many
/// removals.
const CERTAIN_AFTER: Duration = Duration::from_secs(24 * 3600);

impl<C: Connector> Job<C> {
    /// Reads the licence and its assignments. If that fails, what was read stays.
    pub(super) async fn read_assignments(&self, run: &mut LicenceRun) -> Result<Outcome, RunError> {
        let now = self.clock.now();
        let reading = &mut run.reading;
        if reading.mark.began.is_none() {
            begin(reading, now);
        }
        if reading.cursor.is_none() {
            reading.unreadable_so_far = 0;
        }
        reading.mark.tried = Some(now);
        let read = match self.connector.licence().await {
            Ok(head) => self.read_listing(run, head, now).await,
            Err(error) => Err(RunError::fetch("licence")(error)),
        };
        match read {
            Ok(()) => self.end_reading(run).await,
            Err(error) => self.stop_reading(run, error).await,
        }
    }

    /// Reads page after page, and commits each with the cursor of the next one.
    async fn read_listing(
        &self,
        run: &mut LicenceRun,
        head: LicenceHead,
        now: Timestamp,
    ) -> Result<(), RunError> {
        let no = run.known.no;
        if is_another(&run.reading.head, &head) {
            self.forget_licence(run, now).await?;
        }
        let reading = &mut run.reading;
        reading.head = head;
        reading.mark.is_refused = false;
        let mut cursors = HashSet::new();
        let mut walks_left = WALKS;
        for _ in 0..MAX_PAGES {
            let page = self.connector.licence_page(reading.cursor.as_deref()).await;
            let Some(page) = page.map_err(RunError::fetch("licence"))? else {
                walks_left -= 1;
                if walks_left == 0 {
                    return Err(no_end("it does not accept the cursors of its own listing"));
                }
                cursors.clear();
                reading.cursor = None;
                reading.unreadable_so_far = 0;
                continue;
            };
            let is_new = |cursor: &String| cursors.insert(xxh3_64(cursor.as_bytes()));
            if !page.next.as_ref().is_none_or(is_new) {
                return Err(no_end("a page of the listing leads back to an earlier one"));
            }
            run.counts.read += page.assignments.len() as u64;
            run.counts.unreadable += page.unreadable;
            reading.unreadable_so_far += page.unreadable;
            reading.cursor = page.next;
            let (noted, shown) = (reading.clone(), page.assignments);
            self.store
                .offload(move |store| store.keep_licences(no, shown, noted))
                .await
                .map_err(RunError::store)?;
            if reading.cursor.is_none() {
                return Ok(());
            }
        }
        Err(no_end("the listing has too many pages"))
    }

    /// Removes everything that is known of the licence that the tenant had before: its subjects
    /// have nothing to do with those of the new one.
    async fn forget_licence(&self, run: &mut LicenceRun, now: Timestamp) -> Result<(), RunError> {
        let reading = &mut run.reading;
        begin(reading, now);
        reading.mark.last = None;
        reading.earlier = None;
        (reading.unreadable, reading.kept) = (0, 0);
        // The old number is stored until the first page of the new licence is: after a crash before
        // that, the rest is removed as well.
        self.note_licence(run).await?;
        run.counts.removed += self.remove(run.known.no, u64::MAX).await?;
        Ok(())
    }

    /// Notes that a reading was stopped. The next one continues it, or begins again if continuing
    /// would stop in the same way.
    async fn stop_reading(
        &self,
        run: &mut LicenceRun,
        error: RunError,
    ) -> Result<Outcome, RunError> {
        let reading = &mut run.reading;
        match &error {
            RunError::Fetch { source, .. } if source.is_forbidden() => {
                reading.mark.is_refused = true;
                (reading.mark.began, reading.cursor) = (None, None);
            }
            RunError::NoEnd { .. } => (reading.mark.began, reading.cursor) = (None, None),
            RunError::Store { .. } => return Err(error),
            RunError::Fetch { .. }
            | RunError::EmptyCollection { .. }
            | RunError::SameTenant { .. }
            | RunError::MissingBody { .. } => {}
        }
        self.note_licence(run).await?;
        Err(error)
    }

    /// Removes what the listing did not show, if the guard allows it or it was not shown for long,
    /// and every assignment could be read: an unreadable one may belong to any subject. Stores that
    /// the reading has ended.
    async fn end_reading(&self, run: &mut LicenceRun) -> Result<Outcome, RunError> {
        let no = run.known.no;
        let reading = &mut run.reading;
        let now = self.clock.now();
        let began = reading.mark.began.take().unwrap_or(now);
        reading.mark.last = Some(began);
        reading.unreadable = reading.unreadable_so_far;
        reading.named.read = reading.named.at_begin;
        let (number, earlier) = (reading.mark.number, reading.earlier);
        let weight = self.weigh(no, number).await?;
        // There are about as many subjects as users, and they come and go with them.
        let mut held = self.removal_policy.guard.weigh(Loss::Users, weight);
        let mut kept = weight.lost;
        if run.reading.unreadable == 0 {
            let before = match &held {
                None => number,
                Some(_) => certain(earlier, began).unwrap_or(0),
            };
            let n_removed = self.remove(no, before).await?;
            run.counts.removed += n_removed;
            kept -= n_removed.min(kept);
            if held.is_none() || replaces(earlier, began) {
                run.reading.earlier = Some(EarlierReading { number, began });
            }
            held = held.filter(|_| kept > 0);
        }
        run.reading.kept = match held {
            Some(_) => kept,
            None => 0,
        };
        run.counts.kept = run.reading.kept;
        self.note_licence(run).await?;
        Ok(match (held, run.reading.unreadable) {
            (Some(reason), _) => Outcome::Incomplete {
                reason: format!(
                    "{kept} of {} subjects are no longer shown, and the guard keeps them until a \
                     reading a day later does not show them either: {reason}",
                    weight.known
                ),
            },
            (None, 0) => Outcome::Succeeded,
            (None, _) => Outcome::Degraded,
        })
    }

    async fn weigh(&self, no: TenantNo, number: u64) -> Result<Weight, RunError> {
        let counted = self
            .store
            .offload(move |store| store.count_licences(no, number));
        let (lost, known) = counted.await.map_err(RunError::store)?;
        Ok(Weight {
            lost,
            known,
            shown: known - lost,
        })
    }

    /// Removes the subjects that were last shown before a reading. Returns how many they were.
    async fn remove(&self, no: TenantNo, before: u64) -> Result<u64, RunError> {
        let removed = self
            .store
            .offload(move |store| store.remove_licences(no, before));
        removed.await.map_err(RunError::store)
    }

    /// Stores how far the licence was read.
    async fn note_licence(&self, run: &LicenceRun) -> Result<(), RunError> {
        let (no, reading) = (run.known.no, run.reading.clone());
        self.store
            .offload(move |store| store.set_licence_reading(no, reading))
            .await
            .map_err(RunError::store)
    }
}

fn begin(reading: &mut LicenceReading, now: Timestamp) {
    reading.mark.number += 1;
    reading.mark.began = Some(now);
    reading.cursor = None;
    reading.unreadable_so_far = 0;
    reading.named.at_begin = reading.named.times;
}

/// Returns whether a licence is not the one that was known.
fn is_another(known: &LicenceHead, shown: &LicenceHead) -> bool {
    let numbers = known.number.as_ref().zip(shown.number.as_ref());
    numbers.is_some_and(|(known, shown)| known != shown)
}

/// Returns whether a reading is to take the place of an earlier one that others are earlier with.
fn replaces(earlier: Option<EarlierReading>, began: Timestamp) -> bool {
    earlier.is_none_or(|it| began < it.began || began.since(it.began) >= CERTAIN_AFTER)
}

/// Returns the earlier reading that makes removals certain: what was last shown before it was not
/// shown for long.
fn certain(earlier: Option<EarlierReading>, began: Timestamp) -> Option<u64> {
    let earlier = earlier.filter(|it| began.since(it.began) >= CERTAIN_AFTER);
    earlier.map(|it| it.number)
}

fn no_end(why: &'static str) -> RunError {
    RunError::NoEnd {
        what: "licence",
        why,
    }
}
