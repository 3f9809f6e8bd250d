//! Composes the keys of posting lists.

use crate::model::{GroupId, Id, RoleId, UserId};
use crate::store::values::posting::PostingList;
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the key of the row that says which posting lists a tenant has.
pub fn postings(no: TenantNo) -> Key {
    numbered(Keyspace::Postings, no.0)
}

/// Returns the key of the row that says how far a build of posting lists is.
pub fn posting_build(no: TenantNo) -> Key {
    numbered(Keyspace::PostingBuild, no.0)
}

/// Returns the prefix of all changes of a tenant that are not in its posting lists yet.
pub fn posting_logs(no: TenantNo) -> Key {
    numbered(Keyspace::PostingLog, no.0)
}

/// Returns the key of what the write with this number changes in posting lists.
pub fn posting_log(no: TenantNo, number: u64) -> Key {
    let mut key = posting_logs(no);
    key.extend_from_slice(&number.to_be_bytes());
    key
}

/// Returns the tenant in the key of what a write changes in posting lists.
pub fn tenant_of_posting_log(key: &[u8]) -> Option<TenantNo> {
    let no = key.get(1..)?.first_chunk()?;
    Some(TenantNo(u32::from_be_bytes(*no)))
}

/// Returns the prefix of all posting lists of a tenant.
pub fn posting_lists(no: TenantNo) -> Key {
    numbered(Keyspace::Posting, no.0)
}

/// Returns the key of the first row of a posting list, which is also the prefix of all its rows.
pub fn posting_list(no: TenantNo, list: &PostingList) -> Key {
    let (code, id) = match list {
        PostingList::Role(RoleId(id)) => (1, Some(id)),
        PostingList::Group(GroupId(id)) => (2, Some(id)),
        PostingList::HiddenRoles => (3, None),
        PostingList::HiddenGroups => (4, None),
    };
    let id = id.map(Id::to_key).unwrap_or_default();
    let mut key = posting_lists(no);
    key.push(code);
    key.push(u8::try_from(id.len()).expect("an id's key has 65 bytes at the most"));
    key.extend_from_slice(&id);
    key
}

/// Returns the key of the row of a posting list that begins at a user.
pub fn posting(no: TenantNo, list: &PostingList, first: &UserId) -> Key {
    let mut key = posting_list(no, list);
    key.extend_from_slice(&first.0.to_key());
    key
}

/// Returns the tenant and the list in the key of a row of a posting list.
pub fn posting_of(key: &[u8]) -> Option<(TenantNo, PostingList)> {
    let (no, rest) = key.get(1..)?.split_first_chunk()?;
    let (&code, rest) = rest.split_first()?;
    let (&len, rest) = rest.split_first()?;
    let (id, first) = rest.split_at_checked(usize::from(len))?;
    let id = || Id::from_key(id).ok();
    let list = match (code, len) {
        (1, 1..) => PostingList::Role(RoleId(id()?)),
        (2, 1..) => PostingList::Group(GroupId(id()?)),
        (3, 0) => PostingList::HiddenRoles,
        (4, 0) => PostingList::HiddenGroups,
        (_, _) => return None,
    };
    let is_row = first.is_empty() || Id::from_key(first).is_ok();
    is_row.then_some((TenantNo(u32::from_be_bytes(*no)), list))
}
