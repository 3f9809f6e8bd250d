//! Reads to whom the licence of a tenant is assigned, and continues an interrupted reading.

use std::collections::HashSet;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use crate::connector::{Connector, LicencePage};
use crate::model::{LicenceHead, Loss, Outcome, Reason, Timestamp, Weight};
use crate::store::{EarlierReading, LicenceEnd, LicenceReading, LicenceReport, TenantNo};
use crate::sync::RunError;
use crate::sync::run::job::Job;

use super::licence_run::LicenceRun;

/// How many times a reading starts the listing if the source does not accept its cursor.
const WALKS: u32 = 3;

/// The most pages of a listing: a hundred assignments each, so ten million.
const MAX_PAGES: u64 = 100_000;

/// After how many failures in a row at the same cursor a reading drops the cursor. A source may
/// answer an expired cursor with any error, again and again.
const MAX_FAILURES: u64 = 3;

/// For how long subjects must be missing from the listing before they are removed, if the guard
/// does not allow that many removals.
const CERTAIN_AFTER: Duration = Duration::from_secs(24 * 3600);

impl<C: Connector> Job<C> {
    /// Reads the licence and its assignments. If that fails, what was read so far stays.
    pub(super) async fn read_assignments(&self, run: &mut LicenceRun) -> Result<Outcome, RunError> {
        let now = self.clock.now();
        let reading = &mut run.reading;
        if reading.mark.began.is_none() {
            begin(reading, now);
        }
        if reading.cursor.is_none() {
            start_over(reading);
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
        let reading = &mut run.reading;
        if is_another(reading, &head) {
            start_another(reading, now);
        }
        reading.head = head;
        reading.mark.is_refused = false;
        let mut cursors = HashSet::new();
        let mut walks_left = WALKS;
        for _ in 0..MAX_PAGES {
            let page = self.connector.licence_page(reading.cursor.as_deref()).await;
            let page = page.inspect_err(|_| reading.failures += 1);
            let Some(page) = page.map_err(RunError::fetch("licence"))? else {
                walks_left -= 1;
                if walks_left == 0 {
                    return Err(no_end("it does not accept the cursors of its own listing"));
                }
                cursors.clear();
                start_over(reading);
                continue;
            };
            let is_new = |cursor: &String| cursors.insert(xxh3_64(cursor.as_bytes()));
            if !page.next.as_ref().is_none_or(is_new) {
                return Err(no_end("a page of the listing leads back to an earlier one"));
            }
            let unreadable = page.unreadable + count(reading, &page);
            run.counts.read += page.assignments.len() as u64;
            run.counts.unreadable += unreadable;
            reading.unreadable_so_far += unreadable;
            (reading.cursor, reading.failures) = (page.next, 0);
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
            | RunError::MissingBody { .. }
                if reading.failures >= MAX_FAILURES =>
            {
                (reading.cursor, reading.failures) = (None, 0);
            }
            RunError::Fetch { .. }
            | RunError::EmptyCollection { .. }
            | RunError::SameTenant { .. }
            | RunError::MissingBody { .. } => {}
        }
        self.note_licence(run).await?;
        Err(error)
    }

    /// Makes what the listing has shown what is assigned, and removes subjects that it did not show
    /// (see [`what_goes`]). Reports what changed, unless nothing was known before. Stores that the
    /// reading has ended.
    async fn end_reading(&self, run: &mut LicenceRun) -> Result<Outcome, RunError> {
        let (no, now) = (run.known.no, self.clock.now());
        let report = run.reading.first.map(|_| LicenceReport {
            run: run.id,
            at: now,
            account: run.known.tenant.account(),
            not_before: last_began(&run.reading),
        });
        let reading = &mut run.reading;
        let began = reading.mark.began.take().unwrap_or(now);
        reading.unreadable = reading.unreadable_so_far;
        let number = reading.mark.number;
        let weight = self.weigh(no, number).await?;
        // There are about as many subjects as users, and they come and go with them. A listing that
        // shows too few is suspicious, even if not all of them would be removed yet.
        let refusal = self.removal_policy.guard.weigh(Loss::Users, weight);
        let (remove_before, refusal) = what_goes(reading, began, refusal);
        let end = LicenceEnd {
            number,
            remove_before,
            report: report.clone(),
        };
        let ended = self
            .store
            .offload(move |store| store.end_licence_listing(no, &end));
        let n_removed = ended.await.map_err(RunError::store)?;
        let stay = weight.lost - n_removed.min(weight.lost);
        note_end(reading, began, refusal.as_ref());
        let refusal = refusal.filter(|_| stay > 0);
        (reading.unconfirmed, reading.kept) = match (&refusal, reading.unreadable) {
            (Some(_), _) => (0, stay),
            (None, 0) => (stay, 0),
            (None, _) => (0, 0),
        };
        reading.first = reading.first.or(Some(now));
        run.counts.removed += n_removed;
        run.counts.kept = reading.unconfirmed + reading.kept;
        let (ended, unreadable) = (reading.clone(), reading.unreadable);
        self.store
            .offload(move |store| store.end_licence_reading(no, ended, report.as_ref()))
            .await
            .map_err(RunError::store)?;
        Ok(match (refusal, unreadable) {
            (Some(reason), _) => Outcome::Incomplete {
                reason: format!(
                    "{stay} of {} subjects are no longer shown, and the guard keeps them until a \
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

    /// Stores how far the licence was read.
    async fn note_licence(&self, run: &LicenceRun) -> Result<(), RunError> {
        let (no, reading) = (run.known.no, run.reading.clone());
        self.store
            .offload(move |store| store.set_licence_reading(no, reading))
            .await
            .map_err(RunError::store)
    }
}

/// Begins a reading. It has no number until it starts the listing.
fn begin(reading: &mut LicenceReading, now: Timestamp) {
    reading.mark.began = Some(now);
    reading.cursor = None;
    reading.failures = 0;
    reading.named.at_begin = reading.named.times;
}

/// Starts the listing at its beginning, under a number of its own: what an interrupted listing has
/// shown may be gone by now.
fn start_over(reading: &mut LicenceReading) {
    reading.mark.number += 1;
    reading.cursor = None;
    reading.unreadable_so_far = 0;
    reading.listed_so_far = Some(0);
}

/// Counts what a page shows. If it is the last page, and the source gives a total, returns how many
/// assignments are missing.
fn count(reading: &mut LicenceReading, page: &LicencePage) -> u64 {
    let n_listed = page.assignments.len() as u64 + page.unreadable;
    reading.listed_so_far = reading.listed_so_far.map(|before| before + n_listed);
    let total = page.total.filter(|_| page.next.is_none());
    let counted = total.zip(reading.listed_so_far);
    counted.map_or(0, |(total, listed)| total.saturating_sub(listed))
}

/// Returns when the last complete reading began; if that was of another licence, when an earlier
/// one did.
fn last_began(reading: &LicenceReading) -> Option<Timestamp> {
    let earlier = reading.earlier.map(|earlier| earlier.began);
    reading.mark.last.or(earlier)
}

/// Starts to read another licence than before. Nothing is known of it until that ends.
fn start_another(reading: &mut LicenceReading, now: Timestamp) {
    begin(reading, now);
    start_over(reading);
    reading.mark.last = None;
    (reading.complete, reading.unconfirmed) = (0, 0);
    (reading.unreadable, reading.kept) = (0, 0);
}

/// Returns whether a licence is certainly another than the known one: both have numbers, and these
/// differ.
fn is_another(known: &LicenceReading, shown: &LicenceHead) -> bool {
    let number = known.head.number.as_ref().or(known.licence.as_ref());
    let numbers = number.zip(shown.number.as_ref());
    numbers.is_some_and(|(known, shown)| known != shown)
}

/// Decides at the end of a listing which subjects are removed: those that were last shown before
/// the reading with the returned number. Returns this with the guard's reason if it keeps any.
///
/// Two complete readings in a row must have missed a subject, if the guard allows it; beyond that,
/// the subject must have been missing for long enough. If an assignment could not be read, nothing
/// is removed: it may belong to any subject. If the tenant has another licence, nothing of the one
/// before stays: its subjects have nothing to do with those of the new one.
fn what_goes(
    reading: &LicenceReading,
    began: Timestamp,
    refusal: Option<Reason>,
) -> (u64, Option<Reason>) {
    if reading.is_of_another() {
        return (reading.mark.number, None);
    }
    let before = match &refusal {
        _ if reading.unreadable > 0 => 0,
        None => reading.complete,
        Some(_) => certain(reading.earlier, began).unwrap_or(0),
    };
    (before, refusal)
}

/// Notes that a reading has reached its end.
fn note_end(reading: &mut LicenceReading, began: Timestamp, refusal: Option<&Reason>) {
    reading.mark.last = Some(began);
    reading.named.read = reading.named.at_begin;
    if let Some(number) = &reading.head.number {
        reading.licence = Some(number.clone());
    }
    if reading.unreadable == 0 {
        let number = reading.mark.number;
        if refusal.is_none() || replaces(reading.earlier, began) {
            reading.earlier = Some(EarlierReading { number, began });
        }
        reading.complete = number;
    }
}

/// Returns whether a reading replaces the earlier one that [`certain`] looks at: no reading was
/// noted yet, the noted one is old enough, or the clock was set back.
fn replaces(earlier: Option<EarlierReading>, began: Timestamp) -> bool {
    earlier.is_none_or(|it| began < it.began || began.since(it.began) >= CERTAIN_AFTER)
}

/// Returns the number of the earlier reading if it began long enough ago: what was last shown
/// before that reading is certainly gone.
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
