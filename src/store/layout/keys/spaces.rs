//! Composes the keys of spaces.

use crate::model::{Id, SpaceId};
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the prefix of all spaces of a tenant.
pub fn spaces_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Space, no.0)
}

/// Returns the key of a space.
pub fn space(no: TenantNo, id: &SpaceId) -> Key {
    let mut key = spaces_prefix(no);
    key.extend_from_slice(&id.0.to_key());
    key
}

/// Returns the key of how far the spaces of a tenant were read.
pub fn space_reading(no: TenantNo) -> Key {
    numbered(Keyspace::SpaceReading, no.0)
}

/// Returns the prefix of all spaces of a tenant that are to be read again.
pub fn space_todo_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::SpaceTodo, no.0)
}

/// Returns the key of a space that is to be read again.
pub fn space_todo(no: TenantNo, id: &SpaceId) -> Key {
    let mut key = space_todo_prefix(no);
    key.extend_from_slice(&id.0.to_key());
    key
}

/// Returns the key of the lists of a space that lost more members at once than is believed.
pub fn space_doubts(no: TenantNo, id: &SpaceId) -> Key {
    let mut key = numbered(Keyspace::SpaceDoubts, no.0);
    key.extend_from_slice(&id.0.to_key());
    key
}

/// Returns the space in the key of a space, of one that is to be read again, or of its lists that
/// lost many members.
pub fn space_of(key: &[u8]) -> Option<SpaceId> {
    Id::from_key(key.get(5..)?).ok().map(SpaceId)
}

/// Returns the key of whether all spaces of a tenant must be read again.
pub fn spaces_due(no: TenantNo) -> Key {
    numbered(Keyspace::SpacesDue, no.0)
}
