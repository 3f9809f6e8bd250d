//! The ids of resources, which are unique among all tenants of an address.
//!
//! A resource has the id that its record has in the source, so that it is the one that events name.
//! But two tenants may have a record with the same id, for example a role of Qlik's own. Then the
//! tenant that was found first has the id, and for the others their tenant's id is added:
//! `ID~TENANT`.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::model::scim::ResourceType;
use crate::model::{Id, RecordRef, SpaceId};
use crate::store::{Known, Store, StoreError};

/// What separates an id and the tenant that is added to it.
const MARK: char = '~';

/// How many ids are remembered. A page mentions a few thousand.
const MAX_REMEMBERED: usize = 20_000;

/// The ids of the resources of one tenant.
pub(super) struct Ids<'a> {
    store: &'a Store,
    known: &'a Known,
    /// The tenants that were found before it.
    earlier: Vec<&'a Known>,
    taken: RefCell<HashMap<(ResourceType, String), Taken>>,
    failed: RefCell<Option<StoreError>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    No,
}

impl<'a> Ids<'a> {
    /// Prepares the ids of a tenant. `all` has all tenants of the address, in the order in which
    /// they were found.
    pub(super) fn of(store: &'a Store, all: &[&'a Known], known: &'a Known) -> Self {
        let earlier = all.iter().copied();
        Self {
            store,
            known,
            earlier: earlier.take_while(|it| it.no != known.no).collect(),
            taken: RefCell::default(),
            failed: RefCell::default(),
        }
    }

    /// Returns the id of a resource, from its id in the source.
    pub(super) fn id_of(&self, sort: ResourceType, id: &str) -> String {
        let own = || id.to_owned();
        if self.earlier.is_empty() {
            return own();
        }
        let key = (sort, own());
        let known = self.taken.borrow().get(&key).copied();
        let taken = known.unwrap_or_else(|| {
            let taken = self.look(sort, id).unwrap_or_else(|error| {
                *self.failed.borrow_mut() = Some(error);
                Taken::No
            });
            let mut remembered = self.taken.borrow_mut();
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(key, taken);
            taken
        });
        match taken {
            Taken::No => own(),
            Taken::Yes => format!("{id}{MARK}{}", self.known.tenant.id.0),
        }
    }

    /// Returns the id in the source that a resource of this tenant with this id would have.
    pub(super) fn source_of<'b>(&self, id: &'b str) -> &'b str {
        let marked = id.rsplit_once(MARK);
        match marked {
            Some((inner, tenant)) if tenant == self.known.tenant.id.0 => inner,
            Some(_) | None => id,
        }
    }

    /// Fails if an id could not be looked up.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match self.failed.borrow_mut().take() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// Looks whether a tenant that was found earlier has this id.
    fn look(&self, sort: ResourceType, id: &str) -> Result<Taken, StoreError> {
        // The id of an entitlement begins with that of its space.
        let record = match sort.kind() {
            Some(_) => id,
            None => id.split_once(':').map_or(id, |(space, _)| space),
        };
        let Ok(record) = Id::parse(record) else {
            return Ok(Taken::No);
        };
        for known in &self.earlier {
            let is_there = if let Some(kind) = sort.kind() {
                let id = record.clone();
                self.store.get(known.no, &RecordRef { kind, id })?.is_some()
            } else {
                let space = SpaceId(record.clone());
                self.store.space(known.no, &space)?.is_some()
            };
            if is_there {
                return Ok(Taken::Yes);
            }
        }
        Ok(Taken::No)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Account, Change, Coded, Fingerprint, Group, GroupId, GroupType, Record, RunId, Tenant,
        TenantId, TenantName, Timestamp,
    };
    use crate::store::{Closing, Commit, Write};

    fn with_groups(store: &Store, tenant: &str, groups: &[&str]) -> Known {
        let tenant = Tenant {
            id: TenantId(tenant.to_owned()),
            name: tenant.to_owned(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let name = TenantName(tenant.name.clone());
        let at = Timestamp::from_millis(1);
        let known = store.adopt(&tenant, &name, at).unwrap();
        let writes = groups.iter().map(|id| Write::Change {
            change: Change::Created {
                after: Record::Group(Group {
                    id: GroupId(Id::parse(id).unwrap()),
                    name: "Finance".to_owned(),
                    description: None,
                    group_type: Coded::new(GroupType::Group, "idp"),
                    status: None,
                    idp_id: None,
                    roles: None,
                    created_at: None,
                    updated_at: None,
                }),
                replaces: None,
            },
            fingerprint: Fingerprint([1; 16]),
            raw: "{}".into(),
            reported: None,
        });
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at,
            account: Account {
                tenant: tenant.id,
                name: tenant.name,
                region: None,
            },
            writes: writes.collect(),
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
        known
    }

    #[test]
    fn the_tenant_that_was_found_first_has_an_id_and_others_add_their_own() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let first = with_groups(&store, "zeta", &["g1", "g2"]);
        let later = with_groups(&store, "acme", &["g1", "g3"]);
        let all = [&first, &later];
        let group = ResourceType::Group;

        let ids = Ids::of(&store, &all, &first);
        assert_eq!(ids.id_of(group, "g1"), "g1");
        let ids = Ids::of(&store, &all, &later);
        assert_eq!(ids.id_of(group, "g1"), "g1~acme");
        assert_eq!(ids.id_of(group, "g3"), "g3");
        assert_eq!(ids.id_of(ResourceType::Role, "g1"), "g1");
        assert_eq!(ids.source_of("g1~acme"), "g1");
        assert_eq!(ids.source_of("g1~zeta"), "g1~zeta");
        ids.check().unwrap();
        // Alone at its address, a tenant has its own ids.
        let alone = Ids::of(&store, &all[1..], &later);
        assert_eq!(alone.id_of(group, "g1"), "g1");
    }
}
