//! How far the audit log of a tenant was read, and which of its events were handled.

use std::collections::BTreeSet;

use crate::model::{AuditEventId, Timestamp};
use crate::store::error::StoreError;
use crate::store::handle::Store;
use crate::store::layout::keys::{self, Key};
use crate::store::layout::{codec, v1, v7};
use crate::store::values::audit::{Bookmark, SeenEvent};
use crate::store::values::tenant_no::TenantNo;

/// Events of a tenant that are remembered. A caller that would need more falls back to reading the
/// whole tenant.
pub const MAX_SEEN_EVENTS: usize = 20_000;

impl Store {
    /// Returns how far the audit log of a tenant was read, or `None` if nobody reads it yet.
    pub fn bookmark(&self, no: TenantNo) -> Result<Option<Bookmark>, StoreError> {
        self.engine
            .read("reading how far the audit log was read", |reader| {
                let key = keys::bookmark(no);
                let Some(value) = reader.get(&key)? else {
                    return Ok(None);
                };
                let mut bookmark: Bookmark = codec::read_row::<v1::Bookmark>(&key, &value)?.into();
                let key = keys::session_reading(no);
                if let Some(value) = reader.get(&key)? {
                    let v7::session::SessionReading { since, until } =
                        codec::read_row(&key, &value)?;
                    // If the times differ, the bookmark has moved since then without reading
                    // sessions.
                    bookmark.sessions_since = (until == bookmark.until).then_some(since);
                }
                Ok(Some(bookmark))
            })
    }

    /// Returns the events that are remembered, at most [`MAX_SEEN_EVENTS`] plus one.
    pub fn seen_events(&self, no: TenantNo) -> Result<BTreeSet<SeenEvent>, StoreError> {
        self.engine
            .read("reading the audit events that were seen", |reader| {
                reader
                    .prefix(&keys::seen_events_prefix(no))
                    .take(MAX_SEEN_EVENTS + 1)
                    .map(|row| {
                        let (key, value) = row?;
                        let v1::Nothing = codec::read_row(&key, &value)?;
                        let (at, id) = keys::seen_event_of(&key)
                            .ok_or_else(|| codec::flawed(&key, "its key has no time and event"))?;
                        Ok(SeenEvent { at, id })
                    })
                    .collect()
            })
    }

    /// Adds events, forgets those before a time, and moves the bookmark; on disk when it returns. A
    /// crash in between leaves the bookmark where it was, which costs one more reading.
    pub fn set_bookmark(
        &self,
        no: TenantNo,
        bookmark: &Bookmark,
        seen: &[SeenEvent],
        forget_before: Timestamp,
    ) -> Result<(), StoreError> {
        let remembered = seen
            .iter()
            .map(|seen| codec::put(keys::seen_event(no, seen.at, seen.id), &v1::Nothing));
        let old = self.seen_before(no, forget_before)?;
        let forgotten = old.into_iter().map(|key| (key, None));
        self.write_all(remembered.chain(forgotten).collect())?;
        let row = v1::Bookmark::from(bookmark);
        let mut rows = vec![codec::put(keys::bookmark(no), &row)];
        rows.extend(bookmark.sessions_since.map(|since| {
            let until = bookmark.until;
            let row = v7::session::SessionReading { since, until };
            codec::put(keys::session_reading(no), &row)
        }));
        self.engine.write(rows)?;
        Ok(())
    }

    /// Returns the keys of events that may be forgotten, as many as one call may remove.
    fn seen_before(&self, no: TenantNo, time: Timestamp) -> Result<Vec<Key>, StoreError> {
        let end = keys::seen_event(no, time, AuditEventId([0; 16]));
        self.engine
            .read("reading the audit events that were seen", |reader| {
                reader
                    .prefix(&keys::seen_events_prefix(no))
                    .take(MAX_SEEN_EVENTS)
                    .map(|row| row.map(|(key, _)| key.to_vec()))
                    .take_while(|key| key.as_ref().map_or(true, |key| *key < end))
                    .collect()
            })
    }
}
