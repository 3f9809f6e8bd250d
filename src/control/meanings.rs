//! Which roles and groups a name refers to, looked up once for all pages of a list.
//!
//! Whether a user holds a role depends on every group of the tenant that grants it. Reading a
//! hundred thousand groups again for each page of users would cost more than the users do, so the
//! result is cached for as long as roles and groups do not change.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use crate::access::Holding;
use crate::lock::lock;
use crate::model::{Called, GroupId, Kind, Record, RoleId};
use crate::store::{Census, Known, Store, StoreError, TenantNo};

/// How many results are cached: a few operators may list at the same time, each in a few tenants. A
/// result has the ids of roles and of the groups that grant them or have the name.
const KEPT: usize = 8;

/// What names referred to when they were last looked up.
#[derive(Debug, Clone, Default)]
pub(super) struct Meanings(Arc<Mutex<VecDeque<Meaning>>>);

type Meaning = (Asked, Arc<Meant>);

/// The roles and groups of one tenant that are meant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Meant {
    pub(super) roles: Holding,
    pub(super) groups: BTreeSet<GroupId>,
}

/// How roles and groups are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Named {
    /// By the names that people use; `None` if none is given.
    Called {
        role: Option<String>,
        group: Option<String>,
    },
    /// This one role.
    Role(RoleId),
}

/// A name in a tenant, with the state of the tenant's roles and groups: a change to one of them
/// changes the census of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    tenant: TenantNo,
    named: Named,
    roles: Census,
    groups: Census,
}

impl Meanings {
    /// Returns what a name refers to now.
    pub(super) fn of(
        &self,
        store: &Store,
        known: &Known,
        named: &Named,
    ) -> Result<Arc<Meant>, StoreError> {
        if named.is_nothing() {
            return Ok(Arc::default());
        }
        // The censuses are taken before the records are read: if one changes in between, the next
        // question has another census, and looks up again.
        let asked = Asked {
            tenant: known.no,
            named: named.clone(),
            roles: store.census(known.no, Kind::Role)?,
            groups: store.census(known.no, Kind::Group)?,
        };
        self.recall(asked, || look_up(store, known, named))
    }

    fn recall(
        &self,
        asked: Asked,
        look_up: impl FnOnce() -> Result<Meant, StoreError>,
    ) -> Result<Arc<Meant>, StoreError> {
        if let Some((_, meant)) =
            self.list(|kept| kept.iter().find(|(it, _)| *it == asked).cloned())
        {
            return Ok(meant);
        }
        let meant = Arc::new(look_up()?);
        self.list(|kept| {
            kept.retain(|(it, _)| it.tenant != asked.tenant || it.named != asked.named);
            kept.push_back((asked, Arc::clone(&meant)));
            if kept.len() > KEPT {
                kept.pop_front();
            }
        });
        Ok(meant)
    }

    fn list<T>(&self, work: impl FnOnce(&mut VecDeque<Meaning>) -> T) -> T {
        work(&mut lock(&self.0))
    }
}

impl Named {
    fn is_nothing(&self) -> bool {
        match self {
            Self::Called { role, group } => role.is_none() && group.is_none(),
            Self::Role(_) => false,
        }
    }
}

/// Reads page by page, and keeps only ids.
fn look_up(store: &Store, known: &Known, named: &Named) -> Result<Meant, StoreError> {
    let mut meant = Meant::default();
    let (role, group) = match named {
        Named::Called { role, group } => (role.as_deref(), group.as_deref()),
        Named::Role(id) => {
            meant.roles.add(id.clone());
            (None, None)
        }
    };
    if let Some(role) = role {
        store.walk(known.no, Kind::Role, &mut |record| {
            if let Record::Role(it) = record
                && record.is_called(role)
            {
                meant.roles.add(it.id.clone());
            }
            ControlFlow::Continue(())
        })?;
    }
    store.walk(known.no, Kind::Group, &mut |record| {
        if let Record::Group(it) = record {
            meant.roles.look(it);
            if group.is_some_and(|group| record.is_called(group)) {
                meant.groups.insert(it.id.clone());
            }
        }
        ControlFlow::Continue(())
    })?;
    Ok(meant)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(role: &str, n_groups: u64) -> Asked {
        let count = |count| Census { count, checksum: 7 };
        Asked {
            tenant: serde_json::from_value(1.into()).unwrap(),
            named: Named::Called {
                role: Some(role.to_owned()),
                group: None,
            },
            roles: count(2),
            groups: count(n_groups),
        }
    }

    #[test]
    fn groups_are_read_once_for_all_pages_and_again_when_one_has_changed() {
        let meanings = Meanings::default();
        let mut n_read = 0;
        let mut ask = |role: &str, n_groups| {
            let read = || {
                n_read += 1;
                Ok(Meant::default())
            };
            meanings.recall(asked(role, n_groups), read).unwrap();
            n_read
        };

        assert_eq!(ask("Auditor", 5), 1);
        assert_eq!(ask("Auditor", 5), 1, "the next page");
        assert_eq!(ask("Steward", 5), 2);
        assert_eq!(ask("Auditor", 5), 2, "beside another list");
        assert_eq!(ask("Auditor", 6), 3, "a group came");
        assert_eq!(ask("Auditor", 6), 3);
        for number in 0..KEPT {
            ask(&number.to_string(), 6);
        }
        assert_eq!(meanings.list(|kept| kept.len()), KEPT, "it has a bound");
        assert_eq!(ask("Auditor", 6), 4 + KEPT, "the oldest went");
    }
}
