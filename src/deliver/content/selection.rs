//! Chooses which records an endpoint hears of, beside the types of events.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Account, Kind, Record, RoleId, TenantName};

/// What an endpoint wants to hear of; the default is everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only of these tenants: by id, by the name that Qlik shows, or by the operator's.
    pub tenants: Option<BTreeSet<String>>,
    /// Only of these kinds.
    pub kinds: Option<BTreeSet<Kind>>,
    /// Only where one of these roles is touched, by name or id: of users and groups that
    /// have, gain or lose it, and of the role itself.
    pub roles: Option<BTreeSet<String>>,
}

impl Selection {
    /// Returns whether a tenant is chosen. `called` is what the operator calls it.
    pub(in crate::deliver) fn wants_tenant(
        &self,
        account: &Account,
        called: Option<&TenantName>,
    ) -> bool {
        let Some(tenants) = &self.tenants else {
            return true;
        };
        tenants.contains(&account.tenant.0)
            || tenants.contains(&account.name)
            || called.is_some_and(|name| tenants.contains(&name.0))
    }

    /// Returns whether only some tenants are chosen.
    pub(in crate::deliver) fn names_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// Returns whether there are records of a kind that are chosen.
    pub(in crate::deliver) fn may_want(&self, kind: Kind) -> bool {
        let kinds = self.kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Returns whether a record is chosen that was, is, or both.
    pub(in crate::deliver) fn wants_record(
        &self,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> bool {
        let mut records = before.into_iter().chain(after);
        records.any(|record| self.fits_kind(record) && self.touches_role(record))
    }

    fn fits_kind(&self, record: &Record) -> bool {
        self.may_want(record.kind())
    }

    fn touches_role(&self, record: &Record) -> bool {
        let Some(chosen) = &self.roles else {
            return true;
        };
        let holds = |roles: &BTreeMap<RoleId, String>| {
            roles
                .iter()
                .any(|(id, name)| chosen.contains(name) || chosen.contains(&id.to_string()))
        };
        match record {
            Record::User(user) => user.roles.as_ref().is_some_and(holds),
            Record::Group(group) => group.roles.as_ref().is_some_and(holds),
            Record::Role(role) => {
                chosen.contains(&role.name) || chosen.contains(&role.id.to_string())
            }
        }
    }
}

#[cfg(test)]
mod tests;
