//! The keys of lists of users beside entries, and of how far rights were compared.

use crate::model::ListId;
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the prefix of all parts of the lists of a tenant.
pub fn list_parts_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::ListPart, no.0)
}

/// Returns the prefix of all parts of a list.
pub fn list_parts(no: TenantNo, list: ListId) -> Key {
    let mut key = list_parts_prefix(no);
    key.extend_from_slice(&list.0.to_be_bytes());
    key
}

/// Returns the key of a part of a list, by the number of the part.
pub fn list_part(no: TenantNo, list: ListId, part: u32) -> Key {
    let mut key = list_parts(no, list);
    key.extend_from_slice(&part.to_be_bytes());
    key
}

/// Returns the prefix of the heads of all lists of a tenant.
pub fn list_heads(no: TenantNo) -> Key {
    numbered(Keyspace::ListHead, no.0)
}

/// Returns the key of the head of a list.
pub fn list_head(no: TenantNo, list: ListId) -> Key {
    let mut key = list_heads(no);
    key.extend_from_slice(&list.0.to_be_bytes());
    key
}

/// Returns the tenant and the list in the key of a head or a part.
pub fn list_of(key: &[u8]) -> Option<(TenantNo, ListId)> {
    let (no, rest) = key.get(1..)?.split_first_chunk()?;
    let (list, _) = rest.split_first_chunk()?;
    let list = ListId(u64::from_be_bytes(*list));
    Some((TenantNo(u32::from_be_bytes(*no)), list))
}

/// Returns the key of the mark of how far a tenant's rights were compared.
pub fn rights_mark(no: TenantNo) -> Key {
    numbered(Keyspace::RightsMark, no.0)
}
