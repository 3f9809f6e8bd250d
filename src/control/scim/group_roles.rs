//! The roles that users have by groups.

use std::collections::HashMap;

use crate::model::scim::RoleByGroup;
use crate::model::{GroupId, Kind, Record, RecordRef, RoleId, User};
use crate::store::{Known, Names, Store, StoreError};

/// The most groups whose roles are kept: those of a page, or of a few thousand users.
const MAX_KEPT: usize = 10_000;

/// The roles of the groups that were read, since users of a page share many.
#[derive(Default)]
pub(super) struct GroupRoles(HashMap<GroupId, Vec<(RoleId, String)>>);

impl GroupRoles {
    /// Returns the roles that a user has by groups; `None` if the groups are not visible.
    pub(super) fn of_user(
        &mut self,
        store: &Store,
        known: &Known,
        user: &User,
    ) -> Result<Option<Vec<RoleByGroup>>, StoreError> {
        let Some(groups) = &user.groups else {
            return Ok(None);
        };
        let mut roles = Vec::new();
        for (id, name) in groups {
            if !self.0.contains_key(id) {
                if self.0.len() >= MAX_KEPT {
                    self.0.clear();
                }
                self.0.insert(id.clone(), read(store, known, id)?);
            }
            for (role, role_name) in self.0.get(id).into_iter().flatten() {
                roles.push(RoleByGroup {
                    role: role.clone(),
                    role_name: role_name.clone(),
                    group: id.clone(),
                    group_name: name.clone(),
                });
            }
        }
        Ok(Some(roles))
    }
}

fn read(store: &Store, known: &Known, id: &GroupId) -> Result<Vec<(RoleId, String)>, StoreError> {
    let record = RecordRef {
        kind: Kind::Group,
        id: id.0.clone(),
    };
    let Some(mut kept) = store.get(known.no, &record)? else {
        return Ok(Vec::new());
    };
    Names::of(known.no).join(store, &mut kept.record)?;
    Ok(match kept.record {
        Record::Group(group) => group.roles.into_iter().flatten().collect(),
        Record::User(_) | Record::Role(_) => Vec::new(),
    })
}
