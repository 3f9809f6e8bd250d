//! Composes the keys of rows about what was read from the audit log.

use crate::model::{AuditEventId, Timestamp};
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the key of a tenant's bookmark.
pub fn bookmark(no: TenantNo) -> Key {
    numbered(Keyspace::Bookmark, no.0)
}

/// Returns the prefix of all events of a tenant's audit log that were handled.
pub fn seen_events_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::SeenEvent, no.0)
}

/// Returns the key of an event. Times before 1970 sort before later ones.
pub fn seen_event(no: TenantNo, at: Timestamp, id: AuditEventId) -> Key {
    let mut key = seen_events_prefix(no);
    key.extend_from_slice(&(at.millis() ^ i64::MIN).to_be_bytes());
    key.extend_from_slice(&id.0);
    key
}

/// Returns the time and id in the key of an event.
pub fn seen_event_of(key: &[u8]) -> Option<(Timestamp, AuditEventId)> {
    let (rest, id) = key.split_last_chunk()?;
    let millis: &[u8; 8] = rest.last_chunk()?;
    let millis = i64::from_be_bytes(*millis) ^ i64::MIN;
    Some((Timestamp::from_millis(millis), AuditEventId(*id)))
}
