//! Keeps the names of roles and groups that were read last, for the next page and the next answer.
//!
//! A page of users mentions some dozens of roles and groups. To read their names again for each
//! page took nearly half the time of an answer over HTTP.

use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};

use crate::lock::lock;
use crate::model::{Kind, Seq};
use crate::store::{Census, Known, Names, Store, StoreError, TenantNo};

/// How many sets of names are kept: each answer under way uses one, of half a megabyte at most.
const KEPT: usize = 8;

/// The names that were read last.
#[derive(Debug, Clone, Default)]
pub(super) struct NameCache(Arc<Mutex<VecDeque<(NamesOf, Names)>>>);

/// Which names these are. Any change of a role or a group changes it, so older names are not used
/// again: a first load changes the census, and later changes have entries in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NamesOf {
    tenant: TenantNo,
    seq: Seq,
    roles: Census,
    groups: Census,
}

impl NameCache {
    /// Returns names of a tenant's roles and groups, with those that were read since the last
    /// change.
    pub(super) fn names(&self, store: &Store, known: &Known) -> Result<LentNames, StoreError> {
        // All of it is read before any name: a change in between makes these names others.
        let of = NamesOf {
            tenant: known.no,
            seq: store.last_seq(),
            roles: store.census(known.no, Kind::Role)?,
            groups: store.census(known.no, Kind::Group)?,
        };
        let mut kept = lock(&self.0);
        kept.retain(|(it, _)| it.tenant != of.tenant || *it == of);
        let place = kept.iter().position(|(it, _)| *it == of);
        let names = place.and_then(|place| kept.remove(place));
        Ok(LentNames {
            cache: self.clone(),
            of,
            names: names.map_or_else(|| Names::of(known.no), |(_, names)| names),
        })
    }
}

/// Names that one answer uses. They are kept for others when it is dropped.
#[derive(Debug)]
pub(super) struct LentNames {
    cache: NameCache,
    of: NamesOf,
    names: Names,
}

impl Deref for LentNames {
    type Target = Names;

    fn deref(&self) -> &Names {
        &self.names
    }
}

impl DerefMut for LentNames {
    fn deref_mut(&mut self) -> &mut Names {
        &mut self.names
    }
}

impl Drop for LentNames {
    fn drop(&mut self) {
        let names = std::mem::replace(&mut self.names, Names::of(self.of.tenant));
        let mut kept = lock(&self.cache.0);
        kept.push_front((self.of, names));
        kept.truncate(KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Change, Coded, Fingerprint, Id, Record, Role, RoleId, RoleType, RunId, Tenant, TenantId,
        TenantName, Timestamp, User, UserId,
    };
    use crate::store::{Closing, Commit, Write};

    fn role(name: &str) -> Record {
        let id = RoleId(Id::parse(&format!("{:024x}", 7)).unwrap());
        let sort = Coded::new(RoleType::Basic, "user");
        Record::Role(Role::new(id, name.to_owned(), sort))
    }

    /// Makes the change that names a role, which has another name before.
    fn named(before: Option<&str>, after: &str) -> Write {
        let change = match before {
            None => Change::Created {
                after: role(after),
                replaces: None,
            },
            Some(before) => Change::Updated {
                before: role(before),
                after: role(after),
            },
        };
        let print = xxhash_rust::xxh3::xxh3_128(after.as_bytes());
        Write::Change {
            fingerprint: Fingerprint(print.to_be_bytes()),
            change,
            raw: "{}".into(),
            reported: None,
        }
    }

    #[test]
    fn names_are_read_once_and_again_after_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let tenant = Tenant {
            id: TenantId("t".into()),
            name: "T".into(),
            hosts: Vec::new(),
            region: None,
            status: None,
        };
        let at = Timestamp::from_millis(0);
        let known = store.adopt(&tenant, &TenantName("t".into()), at).unwrap();
        let commit = |write| {
            let commit = Commit {
                tenant: known.no,
                run: RunId(1),
                at,
                account: known.tenant.account(),
                writes: vec![write],
                closing: Closing::Nothing,
            };
            store.commit(commit).unwrap();
        };
        let cache = NameCache::default();
        let mut user = User::new(UserId(Id::parse(&format!("{:024x}", 9)).unwrap()), "u");
        let Record::Role(Role { id, .. }) = role("") else {
            panic!("it is a role");
        };
        user.roles = Some([(id.clone(), "long ago".to_owned())].into());
        // Returns the name that is joined, and how many rows were read for it.
        let join = || {
            let mut record = Record::User(user.clone());
            let mut names = cache.names(&store, &known).unwrap();
            let n_before = Store::n_rows_read();
            names.join(&store, &mut record).unwrap();
            let n_read = Store::n_rows_read() - n_before;
            let Record::User(user) = record else {
                panic!("it is a user");
            };
            (user.roles.unwrap().remove(&id).unwrap(), n_read > 0)
        };

        // The role is not in the store.
        assert_eq!(join().0, "long ago");
        // The same name as before is not taken for the one in between.
        for (before, after) in [
            (None, "A"),
            (Some("A"), "B"),
            (Some("B"), "A"),
            (Some("A"), "B"),
        ] {
            commit(named(before, after));
            assert_eq!(join(), (after.to_owned(), true));
            assert_eq!(join(), (after.to_owned(), false));
        }
        // Two answers at once use names of their own, and both are kept.
        let two = [(); 2].map(|()| cache.names(&store, &known).unwrap());
        drop(two);
        join();
        assert_eq!(join(), ("B".to_owned(), false));
        assert!(lock(&cache.0).len() <= KEPT);
    }
}
