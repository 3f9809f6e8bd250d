//! Chooses which records an endpoint hears of, beside the types of events.

use std::collections::BTreeSet;

use crate::model::{Account, Kind, Record, TenantId};

/// What an endpoint wants to hear of; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of these tenants.
    pub tenants: Option<BTreeSet<TenantId>>,
    /// Only of these kinds.
    pub kinds: Option<BTreeSet<Kind>>,
}

impl Selection {
    /// Returns whether a record that was, is, or both, is chosen.
    pub(super) fn wants(&self, account: &Account, records: &[&Record]) -> bool {
        let tenants = self.tenants.as_ref();
        let kinds = self.kinds.as_ref();
        tenants.is_none_or(|chosen| chosen.contains(&account.tenant))
            && kinds.is_none_or(|chosen| {
                let mut records = records.iter();
                records.any(|record| chosen.contains(&record.kind()))
            })
    }
}
