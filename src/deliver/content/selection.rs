//! Selects the records that an endpoint gets events about, in addition to the types of events.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Account, Kind, Record, Right, RoleId, RoleMention, TenantName};

/// What an endpoint wants events about; by default everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these tenants: by id, by the name that Qlik shows, or by the operator's name.
    pub tenants: Option<BTreeSet<String>>,
    /// Only these kinds.
    pub kinds: Option<BTreeSet<Kind>>,
    /// Only events that involve one of these roles, by name or id: of users and groups that have,
    /// gain or lose it, and of the role itself.
    pub roles: Option<BTreeSet<String>>,
}

impl Selection {
    /// Returns whether a tenant is selected. `called` is the operator's name for it.
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

    /// Returns whether only some tenants are selected.
    pub(in crate::deliver) fn names_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// Returns whether any records of a kind are selected.
    pub(in crate::deliver) fn may_want(&self, kind: Kind) -> bool {
        let kinds = self.kinds.as_ref();
        kinds.is_none_or(|kinds| kinds.contains(&kind))
    }

    /// Returns whether spaces are selected. An endpoint that wants only some kinds of records, or
    /// only some roles, does not want spaces.
    pub(in crate::deliver) fn wants_spaces(&self) -> bool {
        self.kinds.is_none() && self.roles.is_none()
    }

    /// Returns whether a record is selected, given how it was, how it is, or both.
    pub(in crate::deliver) fn wants_record(
        &self,
        before: Option<&Record>,
        after: Option<&Record>,
    ) -> bool {
        let mut records = before.into_iter().chain(after);
        records.any(|record| self.fits_kind(record) && self.touches_role(record))
    }

    /// Returns whether an event about a right that users gained, lost or hold by other paths is
    /// selected. An endpoint that wants only some of the tenant's roles does not want rights in
    /// spaces.
    pub(in crate::deliver) fn wants_right(&self, right: &Right) -> bool {
        let is_chosen = match right {
            Right::Role(role) => self.is_chosen(role),
            Right::SpaceRole { .. } | Right::App { .. } => self.roles.is_none(),
        };
        self.may_want(Kind::User) && is_chosen
    }

    /// Returns whether an event about what a role allows is selected.
    pub(in crate::deliver) fn wants_role(&self, role: &RoleMention) -> bool {
        self.may_want(Kind::Role) && self.is_chosen(role)
    }

    fn is_chosen(&self, role: &RoleMention) -> bool {
        let chosen = self.roles.as_ref();
        chosen.is_none_or(|chosen| {
            chosen.contains(&role.name) || chosen.contains(&role.id.to_string())
        })
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
