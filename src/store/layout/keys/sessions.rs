//! Composes the keys of sessions.

use crate::model::{Id, UserId};
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the key of a user's last session.
pub fn session(no: TenantNo, user: &UserId) -> Key {
    let mut key = numbered(Keyspace::Session, no.0);
    key.extend_from_slice(&user.0.to_key());
    key
}

/// Returns the key of the time before which the sessions of a user are not known.
pub fn sessions_since(no: TenantNo, user: &UserId) -> Key {
    let mut key = numbered(Keyspace::SessionsSince, no.0);
    key.extend_from_slice(&user.0.to_key());
    key
}

/// Returns the tenant and the user in the key of a session, or of the time before which a user's
/// sessions are not known.
pub fn session_of(key: &[u8]) -> Option<(TenantNo, UserId)> {
    let (no, user) = key.get(1..)?.split_first_chunk()?;
    let user = Id::from_key(user).ok().map(UserId)?;
    Some((TenantNo(u32::from_be_bytes(*no)), user))
}

/// Returns the key of how far the audit log of a tenant was read with its sessions.
pub fn session_reading(no: TenantNo) -> Key {
    numbered(Keyspace::SessionReading, no.0)
}
