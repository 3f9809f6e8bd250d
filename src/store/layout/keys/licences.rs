//! Composes the keys of licences.

use crate::model::SubjectKey;
use crate::store::values::tenant_no::TenantNo;

use super::{Key, Keyspace, numbered};

/// Returns the prefix of everything that is assigned in a tenant.
pub fn licences_prefix(no: TenantNo) -> Key {
    numbered(Keyspace::Licence, no.0)
}

/// Returns the key of what is assigned to a subject.
pub fn licence(no: TenantNo, subject: &SubjectKey) -> Key {
    let mut key = licences_prefix(no);
    key.extend_from_slice(subject.as_str().as_bytes());
    key
}

/// Returns the subject in the key of what is assigned to it.
pub fn licence_of(key: &[u8]) -> Option<SubjectKey> {
    let text = str::from_utf8(key.get(5..)?).ok()?;
    Some(SubjectKey::of(text)).filter(|subject| subject.as_str() == text && !text.is_empty())
}

/// Returns the key of how far licences of a tenant were read.
pub fn licence_reading(no: TenantNo) -> Key {
    numbered(Keyspace::LicenceReading, no.0)
}
