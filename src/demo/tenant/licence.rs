//! The licence of a tenant, which other tenants may share.

use std::collections::BTreeMap;

use crate::model::Timestamp;

/// A licence, as each of its tenants shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Licence {
    /// Its number; empty if the tenant does not say.
    pub number: String,
    /// What is assigned, by subject in the letter case in which it is shown.
    pub assignments: BTreeMap<String, Licensed>,
}

/// What is assigned to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Licensed {
    /// `professional`, `analyzer` and so on; empty if the tenant does not say.
    pub sort: String,
    /// When it was assigned.
    pub created_at: Timestamp,
}
