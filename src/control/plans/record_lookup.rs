//! Looks up the records that the removals of a plan are about.

use std::collections::BTreeSet;

use crate::access::Administration;
use crate::model::{GroupId, Id, Kind, Record, RecordRef, Removal, RoleId, Taken, User};
use crate::store::{Store, StoreError, TenantNo};

use super::reply::{Person, RemovalRow};

/// Looks up records of a tenant, and remembers which roles and groups make an administrator.
pub(super) struct RecordLookup<'a> {
    store: &'a Store,
    no: TenantNo,
    administration: Administration,
    looked_at: BTreeSet<RecordRef>,
}

impl<'a> RecordLookup<'a> {
    pub(super) fn new(store: &'a Store, no: TenantNo) -> Self {
        Self {
            store,
            no,
            administration: Administration::default(),
            looked_at: BTreeSet::new(),
        }
    }

    /// Returns an entry as a row, and the user whom it is about, if the store knows that user.
    pub(super) fn row(
        &mut self,
        removal: Removal,
    ) -> Result<(RemovalRow, Option<User>), StoreError> {
        let user = match removal.record.kind {
            Kind::User => self.get(&removal.record)?,
            Kind::Role | Kind::Group => None,
        };
        let Some(Record::User(user)) = user else {
            let row = RemovalRow {
                removal,
                person: None,
            };
            return Ok((row, None));
        };
        for role in user.roles.iter().flatten() {
            self.look(Kind::Role, &role.0.0)?;
        }
        for group in user.groups.iter().flatten() {
            self.look(Kind::Group, &group.0.0)?;
        }
        let person = Person {
            domain: user.email.as_deref().and_then(domain),
            status: user.status.clone(),
            administers: self.administration.paths(&user),
        };
        let row = RemovalRow {
            removal,
            person: Some(person),
        };
        Ok((row, Some(user)))
    }

    /// Returns whether what a record loses grants administration rights.
    pub(super) fn demotes(&mut self, taken: &Taken) -> Result<bool, StoreError> {
        let Taken::Access { roles, groups } = taken else {
            return Ok(false);
        };
        for RoleId(id) in roles.keys() {
            self.look(Kind::Role, id)?;
        }
        for GroupId(id) in groups.keys() {
            self.look(Kind::Group, id)?;
        }
        let known = &self.administration;
        Ok(roles.keys().any(|id| known.is_role(id)) || groups.keys().any(|id| known.is_group(id)))
    }

    /// Looks up a role or a group, once.
    fn look(&mut self, kind: Kind, id: &Id) -> Result<(), StoreError> {
        let id = id.clone();
        let record = RecordRef { kind, id };
        if self.looked_at.contains(&record) {
            return Ok(());
        }
        let found = self.get(&record)?;
        self.looked_at.insert(record);
        let Some(found) = found else {
            return Ok(());
        };
        if let Record::Group(group) = &found {
            for RoleId(role) in group.roles.iter().flat_map(|roles| roles.keys()) {
                self.look(Kind::Role, role)?;
            }
        }
        self.administration.look(&found);
        Ok(())
    }

    fn get(&self, record: &RecordRef) -> Result<Option<Record>, StoreError> {
        let kept = self.store.get(self.no, record)?;
        Ok(kept.map(|kept| kept.record))
    }
}

/// Returns the domain of an e-mail address.
fn domain(email: &str) -> Option<String> {
    let (_, domain) = email.rsplit_once('@')?;
    let domain = domain.trim();
    (!domain.is_empty()).then(|| domain.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_what_follows_the_last_at() {
        for (email, expected) in [
            ("Maria.Silva@Example.COM", Some("example.com")),
            ("\"a@b\"@example.com ", Some("example.com")),
            ("nobody", None),
            ("nobody@", None),
        ] {
            assert_eq!(domain(email).as_deref(), expected, "{email}");
        }
    }
}
