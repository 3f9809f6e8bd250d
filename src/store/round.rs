//! One round of upkeep: cuts the journal, lets go of what is past its time, and counts what
//! is left, in steps so small that nobody waits for them.
//!
//! A round remembers nothing that matters: one that is dropped, or killed with its process, is
//! gone on with by the next.

use std::ops::Bound;

use crate::model::{EndpointName, Seq, TenantName, Timestamp};

use super::committer::Work;
use super::cut::{self, AT_ONCE};
use super::error::StoreError;
use super::keys::{self, Key, Space};
use super::retention::{self, Retention};
use super::usage::{self, Count, SMALL};
use super::{Store, scan, writer};

/// Runs, rows of attempts, or rows of an endpoint that one step lets go.
const ROWS_AT_ONCE: usize = 90;

/// Rows that one step counts.
const COUNTED_AT_ONCE: usize = 2_000;

/// A round of upkeep. Blocks, as the store does.
#[derive(Debug)]
pub struct Round {
    store: Store,
    retention: Retention,
    endpoints: Vec<EndpointName>,
    now: Timestamp,
    /// Bytes that a database has at least of which is counted what lives in it.
    pub(super) small: u64,
    stage: Stage,
    done: Done,
}

/// What a round has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Entries that were cut off the journal.
    pub entries: u64,
    /// Entries that were kept for the sake of a row, and that none names any more.
    pub forgotten: u64,
    /// Runs that went.
    pub runs: u64,
    /// Writes of attempts that went.
    pub attempts: u64,
    /// Endpoints that were not configured for the keep time, and are forgotten.
    pub endpoints: u64,
}

#[derive(Debug)]
enum Stage {
    Journal,
    /// Behind which kept entry.
    Kept(Seq),
    Attempts,
    Endpoints,
    /// Of the tenants behind this one.
    Runs(Option<TenantName>),
    /// Of this tenant.
    RunsOf(TenantName),
    /// Behind which key.
    Count(Key, Count),
    End,
}

impl Round {
    /// Begins a round, for the endpoints that are configured.
    pub fn new(
        store: Store,
        retention: Retention,
        endpoints: Vec<EndpointName>,
        now: Timestamp,
    ) -> Self {
        Self {
            store,
            retention,
            endpoints,
            now,
            small: SMALL,
            stage: Stage::Journal,
            done: Done::default(),
        }
    }

    /// Does a step: a write or two at the most. None: the round is over.
    pub fn step(&mut self) -> Option<Result<(), StoreError>> {
        let next = match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Journal => self.cut(),
            Stage::Kept(after) => self.forget(after),
            Stage::Attempts => self.let_attempts_go(),
            Stage::Endpoints => self.let_endpoints_go(),
            Stage::Runs(after) => self.next_runs(after.as_ref()),
            Stage::RunsOf(tenant) => self.let_runs_go(tenant),
            Stage::Count(after, count) => self.count(after, count),
            Stage::End => return None,
        };
        Some(next.map(|stage| self.stage = stage))
    }

    /// Does all steps, one after the other.
    pub fn finish(mut self) -> Result<Done, StoreError> {
        while let Some(step) = self.step() {
            step?;
        }
        Ok(self.done)
    }

    /// Returns what was done so far.
    pub fn done(&self) -> Done {
        self.done
    }

    /// Finds the limit anew each time: an endpoint may have been sent back meanwhile.
    fn cut(&mut self) -> Result<Stage, StoreError> {
        let limit = self
            .store
            .limit(&self.retention, &self.endpoints, self.now)?;
        let first = self.store.first_seq()?;
        if first > limit.upto {
            return Ok(Stage::Kept(Seq::START));
        }
        self.store.inner.submit(Work::Cut(limit.upto))?.wait()?;
        self.done.entries += self.store.first_seq()?.0 - first.0;
        Ok(Stage::Journal)
    }

    /// Looks here which entries are named, so that a write is only made for those that are
    /// not; it looks once more.
    fn forget(&mut self, after: Seq) -> Result<Stage, StoreError> {
        let (last, unnamed) = self
            .store
            .inner
            .read("reading entries that are kept", |db| {
                let from = Bound::Excluded(keys::kept(after));
                let kept = scan::after(db, &[Space::Kept as u8], from)
                    .take(usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
                    .map(|row| row.map(|(key, _)| keys::trailing_number(&key).map(Seq)));
                let kept: Vec<Option<Seq>> = kept.collect::<Result<_, _>>()?;
                let kept: Vec<Seq> = kept.into_iter().flatten().collect();
                let Some((first, last)) = kept.first().zip(kept.last()) else {
                    return Ok((None, Vec::new()));
                };
                let named = cut::named(db, *first, *last)?;
                let unnamed = kept.iter().filter(|seq| !named.contains(seq)).copied();
                Ok((Some(*last), unnamed.collect()))
            })?;
        let Some(last) = last else {
            return Ok(Stage::Attempts);
        };
        if !unnamed.is_empty() {
            self.done.forgotten += unnamed.len() as u64;
            self.store.inner.submit(Work::Forget(unnamed))?.wait()?;
        }
        Ok(Stage::Kept(last))
    }

    fn let_attempts_go(&mut self) -> Result<Stage, StoreError> {
        let before = retention::attempts_since(self.now);
        let keys = self.store.attempts_to_go(before, ROWS_AT_ONCE)?;
        if keys.is_empty() {
            return Ok(Stage::Endpoints);
        }
        self.done.attempts += keys.len() as u64;
        let rows = keys.into_iter().map(|key| (key, None));
        self.store.inner.write(rows.collect())?;
        Ok(Stage::Attempts)
    }

    fn let_endpoints_go(&mut self) -> Result<Stage, StoreError> {
        let strays = self.store.find_strays(&self.endpoints, self.now)?;
        let before = self.retention.since(self.now);
        let past = strays.iter().find(|(_, since)| **since < before);
        let Some((name, since)) = past.map(|(name, since)| (name.clone(), *since)) else {
            return Ok(Stage::Runs(None));
        };
        if self.store.let_stray_go(strays, &name, ROWS_AT_ONCE)? {
            self.done.endpoints += 1;
            tracing::info!(
                endpoint.id = %name,
                "Endpoint `{name}` is forgotten: it has not been in the configuration since {since}"
            );
        }
        Ok(Stage::Endpoints)
    }

    fn next_runs(&self, after: Option<&TenantName>) -> Result<Stage, StoreError> {
        if let Some(tenant) = self.store.tenant_with_runs(after)? {
            return Ok(Stage::RunsOf(tenant));
        }
        Ok(match self.store.wants_count(self.small)? {
            true => Stage::Count(Key::new(), Count::default()),
            false => Stage::End,
        })
    }

    fn let_runs_go(&mut self, tenant: TenantName) -> Result<Stage, StoreError> {
        let Self { retention, now, .. } = self;
        let gone = self
            .store
            .let_runs_go(&tenant, retention, *now, ROWS_AT_ONCE)?;
        self.done.runs += gone as u64;
        Ok(match gone {
            0 => Stage::Runs(Some(tenant)),
            _ => Stage::RunsOf(tenant),
        })
    }

    fn count(&self, after: Key, mut count: Count) -> Result<Stage, StoreError> {
        let last = self
            .store
            .inner
            .read("counting what the store holds", |db| {
                usage::count(db, after, COUNTED_AT_ONCE, &mut count)
            })?;
        // Each page that is read drives another out of the cache, which must not pile up.
        writer::collect_garbage();
        if let Some(last) = last {
            return Ok(Stage::Count(last, count));
        }
        self.store.set_count(count)?;
        Ok(Stage::End)
    }
}
