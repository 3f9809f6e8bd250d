//! Reads sessions from parts of the audit log that polls do not read.
//!
//! Earlier sessions are read backwards, a slice at a time, from the time since which sessions are
//! known. That time is stored after each slice, so that reading continues there after a restart.
//! Reading a slice twice changes nothing.
//!
//! Once an hour, the last hours are read again, since a session may appear in the log later than
//! polls look back.

use std::time::Duration;

use crate::connector::{Connector, FetchError};
use crate::model::{Extent, PastSessions, Timestamp};
use crate::store::StoreError;
use crate::telemetry::{Sample, chain};

use super::missed::before;
use super::past_readings::{MIN_SLICE, Slice, rests};
use super::poll_start::PollStart;
use super::sessions::{KnownSince, SessionGap};
use crate::sync::run::job::Job;

/// The most slices to read after one poll, so that the next poll is not late.
const AT_ONCE: usize = 4;
/// How many of the last hours are read again.
const LATE: Duration = Duration::from_secs(2 * 3600);

impl<C: Connector> Job<C> {
    /// Reads the last hours again if that is due, then some earlier slices. Runs after a poll that
    /// was answered.
    pub(super) async fn read_past_sessions(&self, start: &PollStart) -> Result<(), StoreError> {
        let Some(mut since) = start.sessions.map(KnownSince::since) else {
            return Ok(());
        };
        let now = start.now;
        if !rests(self.audit.past_readings().looked_at, now) {
            since = self.look_at_last_hours(start, since).await?;
        }
        for _ in 0..AT_ONCE {
            let Some(span) = self.audit.past_readings().next(since, now) else {
                break;
            };
            let Some(earlier) = self.read_slice(start, span).await? else {
                break;
            };
            since = earlier;
        }
        Ok(())
    }

    /// Reads the slice before the time since which sessions are known. Returns the time to continue
    /// from: an earlier one, or the same if the slice has too many events and a shorter one must be
    /// read; `None` if nothing more can be read now.
    async fn read_slice(
        &self,
        start: &PollStart,
        (from, to): (Timestamp, Timestamp),
    ) -> Result<Option<Timestamp>, StoreError> {
        let past = match self.connector.past_sessions(from..=to).await {
            Ok(past) => past,
            Err(error) => {
                self.past_failed(start.now, to, &error);
                return Ok(None);
            }
        };
        let mut readings = self.audit.past_readings();
        readings.failed_at = None;
        if let Extent::CutOff { .. } = past.extent
            && readings.slice > MIN_SLICE
        {
            readings.slice = (readings.slice / 4).max(MIN_SLICE);
            self.audit.set_past_readings(readings);
            return Ok(Some(to));
        }
        let slice = Slice::of(past, (from, to), start.now);
        if slice.since > from {
            readings.end = Some(slice.since);
        }
        self.audit.set_past_readings(readings);
        self.note_past(start, &slice).await?;
        let is_moved = slice.since < to && self.know_since(start, to, slice.since).await?;
        Ok(is_moved.then_some(slice.since))
    }

    /// Reads the last hours again. Returns the time since which sessions are known after that: a
    /// later one if the log does not say whose session one of them is.
    async fn look_at_last_hours(
        &self,
        start: &PollStart,
        since: Timestamp,
    ) -> Result<Timestamp, StoreError> {
        let (from, to) = (before(start.now, LATE), start.now);
        let mut readings = self.audit.past_readings();
        readings.looked_at = Some(start.now);
        self.audit.set_past_readings(readings);
        let past = match self.connector.past_sessions(from..=to).await {
            Ok(past) => PastSessions {
                extent: Extent::Whole,
                oldest: Some(from),
                ..past
            },
            // Not reported here: if the log no longer answers, the next poll says so.
            Err(_) => return Ok(since),
        };
        let slice = Slice::of(past, (from, to), start.now);
        self.note_past(start, &slice).await?;
        if slice.since <= since.max(from) || !self.know_since(start, since, slice.since).await? {
            return Ok(since);
        }
        self.metrics
            .count(Sample::SessionGaps { tenant: &self.name });
        let why = SessionGap::Session;
        self.audit
            .session_gap(&self.name, start.now, slice.since, &why);
        Ok(slice.since)
    }

    async fn note_past(&self, start: &PollStart, slice: &Slice) -> Result<(), StoreError> {
        if slice.latest.is_empty() {
            return Ok(());
        }
        let (no, latest) = (start.no, slice.latest.clone());
        self.store
            .offload(move |store| store.note_sessions(no, &latest))
            .await
    }

    /// Stores another time since which sessions are known. Returns whether it did: a sweep may have
    /// moved the bookmark meanwhile.
    async fn know_since(
        &self,
        start: &PollStart,
        from: Timestamp,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let _pen = self.turns.pen().await;
        let kept = self.still_at(start).await?;
        let Some(mut bookmark) = kept.filter(|kept| kept.sessions_since == Some(from)) else {
            return Ok(false);
        };
        if since > bookmark.until {
            return Ok(false);
        }
        bookmark.sessions_since = Some(since);
        let forget = before(bookmark.until, start.polling.overlap);
        let no = start.no;
        self.store
            .offload(move |store| store.set_bookmark(no, &bookmark, &[], forget))
            .await?;
        Ok(true)
    }

    /// Logs that earlier sessions cannot be read, once until they can be read again.
    fn past_failed(&self, now: Timestamp, since: Timestamp, error: &FetchError) {
        let mut readings = self.audit.past_readings();
        let is_said = readings.failed_at.is_some();
        readings.failed_at = Some(now);
        self.audit.set_past_readings(readings);
        if !is_said {
            let name = &self.name;
            tracing::warn!(
                tenant.name = %name, error.code = error.code(),
                "Sessions before {since} cannot be read from the audit log of `{name}`: {}; they \
                 stay unknown, and are asked for once an hour",
                chain(error)
            );
        }
    }
}
