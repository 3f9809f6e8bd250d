//! One maintenance pass: cuts the journal, deletes what is older than its keep time, builds posting
//! lists, and frees disk space, in steps so small that nobody has to wait for them.
//!
//! A pass keeps no state that matters: if it is dropped, or killed with its process, the next one
//! continues its work.

use crate::model::{EndpointName, Seq, TenantName, Timestamp};
use crate::store::engine::{Beside, CompactError, Compacted, Rule, Wanted};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::kept::rights::NextList;
use crate::store::kept::sessions::NextSession;
use crate::store::layout::keys::Key;

use super::retention::{self, Retention};

/// How many runs, rows of attempts, or rows of an endpoint one step deletes.
const ROWS_AT_ONCE: usize = 90;

/// A maintenance pass. Its calls block, as those of the store do.
#[derive(Debug)]
pub struct MaintenancePass {
    store: Store,
    retention: Retention,
    endpoints: Vec<EndpointName>,
    now: Timestamp,
    /// When the store is compacted.
    pub(in crate::store) rule: Rule,
    stage: Stage,
    done: Done,
}

/// What a pass has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Entries that were cut off the journal.
    pub entries: u64,
    /// Kept entries that were deleted, because no row names them any more.
    pub forgotten: u64,
    /// Runs that were deleted.
    pub runs: u64,
    /// Rows of attempts that were deleted.
    pub attempts: u64,
    /// Endpoints that were deleted, because they were missing from the configuration for the whole
    /// keep time.
    pub endpoints: u64,
    /// What compaction freed; `None` if the store was not compacted.
    pub compacted: Option<Compacted>,
}

#[derive(Debug)]
enum Stage {
    Journal,
    /// The kept entries after this one.
    Kept(Seq),
    /// The lists after the one with this head, or all lists.
    Lists(Option<Key>),
    /// Late reports about entries that were cut.
    LateReports,
    /// The sessions after this one, or all sessions.
    Sessions(Option<Key>),
    Postings,
    Attempts,
    Endpoints,
    /// The runs of the tenants after this one, or of all tenants.
    Runs(Option<TenantName>),
    /// The runs of this tenant.
    RunsOf(TenantName),
    Count,
    Copy(Box<Beside>),
    End,
}

impl MaintenancePass {
    /// Begins a pass, given the endpoints that are configured.
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
            rule: Rule::USUAL,
            stage: Stage::Journal,
            done: Done::default(),
        }
    }

    /// Does one step, of at most a write or two. `None` if the pass is over.
    pub fn step(&mut self) -> Option<Result<(), StoreError>> {
        let next = match std::mem::replace(&mut self.stage, Stage::End) {
            Stage::Journal => self.cut(),
            Stage::Kept(after) => self.forget(after),
            Stage::Lists(after) => self.delete_lists(after),
            Stage::LateReports => self.delete_late_reports(),
            Stage::Sessions(after) => self.delete_sessions(after),
            Stage::Postings => self.build_postings(),
            Stage::Attempts => self.delete_attempts(),
            Stage::Endpoints => self.delete_endpoints(),
            Stage::Runs(after) => self.next_runs(after.as_ref()),
            Stage::RunsOf(tenant) => self.delete_runs(tenant),
            Stage::Count => self.count(),
            Stage::Copy(beside) => self.copy(beside),
            Stage::End => return None,
        };
        Some(next.map(|stage| self.stage = stage))
    }

    /// Returns whether the store is being compacted. Dropping the pass aborts that.
    pub fn is_compacting(&self) -> bool {
        matches!(self.stage, Stage::Copy(_))
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

    /// Cuts some entries. It computes the limit again each time: an endpoint may have been rewound
    /// meanwhile.
    fn cut(&mut self) -> Result<Stage, StoreError> {
        let limit = self
            .store
            .limit(&self.retention, &self.endpoints, self.now)?;
        let first = self.store.first_seq()?;
        if first > limit.upto {
            return Ok(Stage::Kept(Seq::START));
        }
        self.store.engine.cut_journal(limit.upto)?;
        self.done.entries += self.store.first_seq()?.0 - first.0;
        Ok(Stage::Journal)
    }

    /// Deletes kept entries that no row names. It looks for these first, so that no write is made
    /// for nothing; the write checks once more.
    fn forget(&mut self, after: Seq) -> Result<Stage, StoreError> {
        let looked = self
            .store
            .engine
            .read("reading entries that are kept", |reader| {
                reader.unnamed_after(after)
            })?;
        let Some((last, unnamed)) = looked else {
            return Ok(Stage::Lists(None));
        };
        if !unnamed.is_empty() {
            self.done.forgotten += unnamed.len() as u64;
            self.store.engine.forget_entries(unnamed)?;
        }
        Ok(Stage::Kept(last))
    }

    /// Deletes lists whose entries are gone.
    fn delete_lists(&self, after: Option<Key>) -> Result<Stage, StoreError> {
        let (keys, next) = self.store.list_to_delete(after, ROWS_AT_ONCE)?;
        if !keys.is_empty() {
            let rows = keys.into_iter().map(|key| (key, None));
            self.store.engine.write(rows.collect())?;
        }
        Ok(match next {
            NextList::After(after) => Stage::Lists(after),
            NextList::None => Stage::LateReports,
        })
    }

    /// Deletes late reports about entries that were cut.
    fn delete_late_reports(&self) -> Result<Stage, StoreError> {
        let keys = self.store.late_reports_to_delete(ROWS_AT_ONCE)?;
        if keys.is_empty() {
            return Ok(Stage::Sessions(None));
        }
        let rows = keys.into_iter().map(|key| (key, None));
        self.store.engine.write(rows.collect())?;
        Ok(Stage::LateReports)
    }

    /// Deletes old sessions of unknown users.
    fn delete_sessions(&self, after: Option<Key>) -> Result<Stage, StoreError> {
        Ok(
            match self.store.delete_sessions_of_unknown(after, self.now)? {
                NextSession::After(after) => Stage::Sessions(Some(after)),
                NextSession::None => Stage::Postings,
            },
        )
    }

    fn build_postings(&self) -> Result<Stage, StoreError> {
        Ok(match self.store.build_postings()? {
            true => Stage::Postings,
            false => Stage::Attempts,
        })
    }

    fn delete_attempts(&mut self) -> Result<Stage, StoreError> {
        let before = retention::attempts_since(self.now);
        let keys = self.store.attempts_to_go(before, ROWS_AT_ONCE)?;
        if keys.is_empty() {
            return Ok(Stage::Endpoints);
        }
        self.done.attempts += keys.len() as u64;
        let rows = keys.into_iter().map(|key| (key, None));
        self.store.engine.write(rows.collect())?;
        Ok(Stage::Attempts)
    }

    fn delete_endpoints(&mut self) -> Result<Stage, StoreError> {
        let orphaned = self
            .store
            .find_orphaned_endpoints(&self.endpoints, self.now)?;
        let before = self.retention.since(self.now);
        let past = orphaned.iter().find(|(_, since)| **since < before);
        let Some((name, since)) = past.map(|(name, since)| (name.clone(), *since)) else {
            return Ok(Stage::Runs(None));
        };
        if self
            .store
            .delete_orphaned_endpoint(orphaned, &name, ROWS_AT_ONCE)?
        {
            self.done.endpoints += 1;
            tracing::info!(
                endpoint.id = %name,
                "Endpoint `{name}` is forgotten: it has not been in the configuration since {since}"
            );
        }
        Ok(Stage::Endpoints)
    }

    fn next_runs(&self, after: Option<&TenantName>) -> Result<Stage, StoreError> {
        match self.store.tenant_with_runs(after)? {
            Some(tenant) => Ok(Stage::RunsOf(tenant)),
            None => self.begin_compaction(),
        }
    }

    /// Begins to free disk space, if that is worth it.
    fn begin_compaction(&self) -> Result<Stage, StoreError> {
        let live = match self.store.engine.wanted(self.rule.small)? {
            Wanted::Nothing => return Ok(Stage::End),
            Wanted::Count => return Ok(Stage::Count),
            Wanted::Copy(live) => live,
        };
        if self.store.engine.take_was_stopped() {
            tracing::warn!(
                "The last process was stopped while it compacted the store; this one does not try \
                 before its next maintenance pass"
            );
            return Ok(Stage::End);
        }
        let begun = Beside::begin(&self.store.engine, live, self.rule);
        match begun.map_err(CompactError::from) {
            Ok(beside) => {
                tracing::info!("Compacting the store; runs and deliveries continue");
                Ok(Stage::Copy(Box::new(beside)))
            }
            // Nothing to log: the folder is measured each minute, and that reports the lack of
            // space.
            Err(CompactError::NoSpace { .. }) => Ok(Stage::End),
            Err(error) => self.not_compacted(&error),
        }
    }

    fn copy(&mut self, mut beside: Box<Beside>) -> Result<Stage, StoreError> {
        match beside.step().map_err(CompactError::from) {
            Ok(None) => Ok(Stage::Copy(beside)),
            Ok(Some(compacted)) => {
                self.done.compacted = Some(compacted);
                Ok(Stage::End)
            }
            Err(error) => self.not_compacted(&error),
        }
    }

    /// Continues with the store as it is, if it is sound.
    fn not_compacted(&self, error: &CompactError) -> Result<Stage, StoreError> {
        self.store.engine.check()?;
        tracing::warn!(
            code = error.code(),
            error = %error,
            source = std::error::Error::source(error).map(tracing::field::display),
            "The store could not be compacted; it is used as it is, and the next \
             maintenance pass tries again"
        );
        Ok(Stage::End)
    }

    fn delete_runs(&mut self, tenant: TenantName) -> Result<Stage, StoreError> {
        let Self { retention, now, .. } = self;
        let gone = self
            .store
            .delete_old_runs(&tenant, retention, *now, ROWS_AT_ONCE)?;
        self.done.runs += gone as u64;
        Ok(match gone {
            0 => Stage::Runs(Some(tenant)),
            _ => Stage::RunsOf(tenant),
        })
    }

    fn count(&self) -> Result<Stage, StoreError> {
        match self.store.engine.count_on()? {
            Some(_) => self.begin_compaction(),
            None => Ok(Stage::Count),
        }
    }
}
