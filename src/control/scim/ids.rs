//! The ids of resources, which are unique among all tenants of an address.
//!
//! At the address of one tenant, a resource has the id that its record has in the source, the one
//! that events name. Two tenants may have a record with the same id, for example a group of Qlik's
//! own. So at the address of all tenants, every id has its tenant's id behind it: `ID~TENANT`,
//! whether or not another tenant has the same record at the moment. A client stores ids for years,
//! and they must not change when a tenant is added or removed.

use crate::model::TenantId;

/// What separates an id and its tenant.
const MARK: char = '~';

/// Which tenants an address shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Address {
    OneTenant,
    AllTenants,
}

/// The ids of the resources of one tenant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ids<'a> {
    tenant: &'a TenantId,
    address: Address,
}

impl<'a> Ids<'a> {
    /// Returns the ids of a tenant at an address.
    pub(super) fn of(tenant: &'a TenantId, address: Address) -> Self {
        Self { tenant, address }
    }

    /// Returns the id of a resource, from its id in the source.
    pub(super) fn id_of(&self, id: &str) -> String {
        match self.address {
            Address::OneTenant => id.to_owned(),
            Address::AllTenants => format!("{id}{MARK}{}", self.tenant.0),
        }
    }

    /// Returns the id in the source of the resource with this id; `None` if it cannot be one of
    /// this tenant.
    pub(super) fn source_of<'b>(&self, id: &'b str) -> Option<&'b str> {
        match self.address {
            Address::OneTenant => Some(id),
            Address::AllTenants => {
                let (inner, tenant) = id.rsplit_once(MARK)?;
                (tenant == self.tenant.0).then_some(inner)
            }
        }
    }
}

/// Returns the tenant that an id at the address of all tenants names; `None` if it names none.
pub(super) fn tenant_in(id: &str) -> Option<&str> {
    Some(id.rsplit_once(MARK)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_at_the_address_of_all_tenants_names_its_tenant() {
        let (acme, zeta) = (TenantId("acme".to_owned()), TenantId("zeta".to_owned()));
        let of = |tenant| Ids::of(tenant, Address::AllTenants);

        assert_eq!(of(&acme).id_of("g1"), "g1~acme");
        assert_eq!(of(&zeta).id_of("g1"), "g1~zeta");
        assert_eq!(of(&acme).source_of("g1~acme"), Some("g1"));
        assert_eq!(of(&acme).source_of("a~b~acme"), Some("a~b"));
        for other in ["g1", "g1~zeta", "g1~acme2", "g1~", ""] {
            assert_eq!(of(&acme).source_of(other), None, "{other}");
        }
        let alone = Ids::of(&acme, Address::OneTenant);
        assert_eq!(alone.id_of("g1"), "g1");
        assert_eq!(alone.source_of("g1~acme"), Some("g1~acme"));
    }
}
