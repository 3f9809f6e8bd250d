//! Reads to whom the licence of a tenant is assigned, and continues an interrupted reading.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tracing::{info, warn};
use xxhash_rust::xxh3::xxh3_64;

use crate::connector::Connector;
use crate::model::{Loss, Outcome, Timestamp, Weight};
use crate::signal::Shutdown;
use crate::store::{Known, LicenceReading, Store, StoreError};
use crate::sync::RunError;
use crate::sync::apart::begin;
use crate::sync::apart::due::is_due;
use crate::sync::run::job::Job;
use crate::sync::run::running::Running;

/// How many times a reading starts the listing if the source does not accept its cursor.
const WALKS: u32 = 3;

/// The most pages of a listing: a hundred assignments each, so ten million.
const MAX_PAGES: u64 = 100_000;

impl<C: Connector> Job<C> {
    /// Starts to read the licence if it is due.
    pub(in crate::sync) fn start_licences(
        self: &Arc<Self>,
        every: Duration,
        stopped: Shutdown,
    ) -> Running<Outcome> {
        let job = Arc::clone(self);
        begin::start(async move {
            tokio::select! {
                () = stopped.triggered() => Ok(Outcome::Interrupted),
                read = job.read_licence(every) => read,
            }
        })
    }

    /// Reads the licence if it is due. Fails only if the store fails.
    async fn read_licence(&self, every: Duration) -> Result<Outcome, StoreError> {
        let found = self.to_read_apart(Store::licence_reading);
        let Some((known, reading)) = found.await? else {
            return Ok(Outcome::Succeeded);
        };
        if !is_due(&reading.mark, every, self.clock.now()) {
            return Ok(Outcome::Succeeded);
        }
        let outcome = begin::outcome_of(self.read_assignments(&known, reading).await)?;
        self.log_licence(&outcome);
        Ok(outcome)
    }

    async fn read_assignments(
        &self,
        known: &Known,
        mut reading: LicenceReading,
    ) -> Result<Outcome, RunError> {
        let now = self.clock.now();
        if reading.mark.began.is_none() {
            reading.mark.number += 1;
            reading.cursor = None;
        }
        if reading.cursor.is_none() {
            reading.unreadable = 0;
        }
        let began = *reading.mark.began.get_or_insert(now);
        reading.mark.tried = Some(now);
        let read = match self.connector.licence().await {
            Ok(head) => {
                reading.head = head;
                reading.mark.is_refused = false;
                self.read_pages(known, &mut reading).await
            }
            Err(error) => Err(RunError::fetch("licence")(error)),
        };
        match read {
            Ok(()) => self.end_reading(known, reading, began).await,
            Err(error) => self.stop_reading(known, reading, error).await,
        }
    }

    /// Reads page after page, and commits each with the cursor of the next one.
    async fn read_pages(
        &self,
        known: &Known,
        reading: &mut LicenceReading,
    ) -> Result<(), RunError> {
        let no = known.no;
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
                reading.unreadable = 0;
                continue;
            };
            let is_new = |cursor: &String| cursors.insert(xxh3_64(cursor.as_bytes()));
            if !page.next.as_ref().is_none_or(is_new) {
                return Err(no_end("a page of the listing leads back to an earlier one"));
            }
            reading.unreadable += page.unreadable;
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

    /// Notes that a reading was stopped. The next one continues it, or begins again if continuing
    /// would stop in the same way.
    async fn stop_reading(
        &self,
        known: &Known,
        mut reading: LicenceReading,
        error: RunError,
    ) -> Result<Outcome, RunError> {
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
        let no = known.no;
        let noted = self
            .store
            .offload(move |store| store.set_licence_reading(no, reading));
        noted.await.map_err(RunError::store)?;
        Err(error)
    }

    /// Removes what the listing did not show, if the guard allows it and every assignment could be
    /// read: an unreadable one may belong to any subject. Stores that the reading has ended.
    async fn end_reading(
        &self,
        known: &Known,
        mut reading: LicenceReading,
        began: Timestamp,
    ) -> Result<Outcome, RunError> {
        let (no, number) = (known.no, reading.mark.number);
        let counted = self
            .store
            .offload(move |store| store.count_licences(no, number));
        let (lost, all) = counted.await.map_err(RunError::store)?;
        let weight = Weight {
            lost,
            known: all,
            shown: all - lost,
        };
        // There are about as many subjects as users, and they come and go with them.
        let refusal = self.removal_policy.guard.weigh(Loss::Users, weight);
        if refusal.is_none() && reading.unreadable == 0 {
            let removed = self
                .store
                .offload(move |store| store.remove_licences(no, number));
            removed.await.map_err(RunError::store)?;
        }
        reading.kept = match refusal {
            Some(_) => lost,
            None => 0,
        };
        reading.mark.last = Some(began);
        reading.mark.began = None;
        let unreadable = reading.unreadable;
        let noted = self
            .store
            .offload(move |store| store.set_licence_reading(no, reading));
        noted.await.map_err(RunError::store)?;
        Ok(match (refusal, unreadable) {
            (Some(reason), _) => Outcome::Incomplete {
                reason: format!(
                    "{lost} of {all} subjects are no longer shown, and the guard keeps them: {reason}"
                ),
            },
            (None, 0) => Outcome::Succeeded,
            (None, _) => Outcome::Degraded,
        })
    }

    fn log_licence(&self, outcome: &Outcome) {
        let name = &self.name;
        match outcome {
            Outcome::Failed { code, message } => warn!(
                tenant.name = %name, error.code = %code, error = %message,
                "Reading to whom the licence of `{name}` is assigned failed, and continues later: \
                 {message} [{code}]"
            ),
            Outcome::Incomplete { reason } => warn!(
                tenant.name = %name,
                "Reading to whom the licence of `{name}` is assigned is incomplete: {reason}"
            ),
            Outcome::Degraded => info!(
                tenant.name = %name,
                "The assignments of the licence of `{name}` were read; some of them are not \
                 readable"
            ),
            Outcome::Running | Outcome::Succeeded | Outcome::Held | Outcome::Interrupted => {
                info!(tenant.name = %name, "The assignments of the licence of `{name}` were read");
            }
        }
    }
}

fn no_end(why: &'static str) -> RunError {
    RunError::NoEnd {
        what: "licence",
        why,
    }
}
