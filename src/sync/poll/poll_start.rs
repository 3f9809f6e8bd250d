//! Finds where a poll starts to read the audit log, and what else the poll needs to know.

use std::time::Duration;

use crate::connector::Connector;
use crate::model::{SessionSpan, TenantId, Timestamp};
use crate::store::{Bookmark, StoreError, TenantNo};

use super::missed::before;
use super::sessions::{KnownSince, SessionReadings};
use crate::sync::Polling;
use crate::sync::run::job::Job;

/// How far the source's clock may be behind ours: an event dated less than this before a sweep may
/// have happened after the sweep began.
const SKEW: Duration = Duration::from_secs(120);

/// Where a poll starts to read, and what else it needs to know.
pub(super) struct PollStart {
    pub(super) no: TenantNo,
    pub(super) tenant: TenantId,
    pub(super) polling: Polling,
    pub(super) bookmark: Bookmark,
    /// The time up to which earlier polls have read.
    pub(super) until: Timestamp,
    pub(super) now: Timestamp,
    /// The time since which sessions are known; `None` if they are not read.
    pub(super) sessions: Option<KnownSince>,
}

impl<C: Connector> Job<C> {
    /// Returns where to continue; `None` if there is no position to continue from.
    pub(super) async fn poll_start(&self) -> Result<Option<PollStart>, StoreError> {
        let (Some(polling), Some(id)) = (self.audit.polling(), self.audit.pollable()) else {
            return Ok(None);
        };
        let tenant = id.clone();
        let found = self.store.offload(move |store| {
            let known = store.tenants()?.into_iter();
            let known = known.filter(|known| known.loaded.is_some());
            let Some(known) = known.into_iter().find(|known| known.tenant.id == id) else {
                return Ok(None);
            };
            Ok(store.bookmark(known.no)?.map(|kept| (known.no, kept)))
        });
        let Some((no, bookmark)) = found.await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let mut start = PollStart {
            no,
            tenant,
            polling,
            until: self.audit.until(bookmark.until),
            bookmark,
            now,
            sessions: None,
        };
        start.sessions = match self.sessions {
            SessionReadings::Off => None,
            SessionReadings::On => Some(KnownSince::of(&start.bookmark, start.from(), now)),
        };
        Ok(Some(start))
    }
}

impl PollStart {
    /// Returns whether the store must learn a new time since which sessions are known.
    pub(super) fn has_new_span(&self) -> bool {
        self.sessions.is_some_and(KnownSince::differs_from_stored)
    }

    /// Returns the span in which all sessions are known once the log was read up to a time; `None`
    /// if sessions are not read.
    pub(super) fn sessions_to(&self, until: Timestamp) -> Option<SessionSpan> {
        let since = self.sessions?.since();
        Some(SessionSpan { since, until })
    }

    /// Returns the time up to which the sweep that polls started from has certainly seen all
    /// records.
    pub(super) fn covered(&self) -> Timestamp {
        before(self.bookmark.since, SKEW.min(self.polling.overlap))
    }

    /// Returns the time from which to read: somewhat before the end of the last poll, but not
    /// before the sweep that polls started from, because that sweep has seen all records until
    /// then. Without this limit and with an overlap of one day, every poll in the day after a gap
    /// would again read everything that caused the gap. But a sweep sees no sessions: if they are
    /// known since before the sweep, the limit is that earlier time, so that none are missed.
    pub(super) fn from(&self) -> Timestamp {
        let overlapping = before(self.until, self.polling.overlap);
        let covered = self.covered();
        let sessions = self.bookmark.sessions_since.unwrap_or(covered);
        overlapping.max(covered.min(sessions))
    }
}
