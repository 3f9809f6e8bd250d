//! Finds users by user name, external id or e-mail address without reading all of them.
//!
//! The store has no index of these. Identity providers ask for one user after the other by name,
//! so digests of the names of all users are kept in memory until a user changes. So are the scopes
//! that are assigned to any of them, for a list of scopes is read page by page.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use xxhash_rust::xxh3::xxh3_64;

use crate::lock::lock;
use crate::model::{Id, Kind, Record, User};
use crate::store::{Census, Known, Store, StoreError, TenantNo};

/// The most users whose names are kept in memory, of all tenants together: some 28 MB. Of a larger
/// tenant all users are read.
const MAX_USERS: usize = 500_000;

/// The most scopes that are listed of a tenant. Qlik has some dozens.
const MAX_SCOPES: usize = 10_000;

/// What is kept of the users of tenants.
#[derive(Debug, Clone, Default)]
pub(in crate::control) struct Lookups {
    /// The names of the tenants that were searched last, the last of all at the end.
    names: Arc<Mutex<Vec<Lookup>>>,
    /// The scopes of each tenant, with the state of its users.
    scopes: Arc<Mutex<BTreeMap<TenantNo, (Census, Scopes)>>>,
}

/// The scopes that are assigned to any user of a tenant.
type Scopes = Arc<BTreeSet<String>>;

/// The names of a tenant's users.
#[derive(Debug, Clone)]
struct Lookup {
    no: TenantNo,
    /// The state of its users. Once a user changes, the names are out of date.
    census: Census,
    names: Arc<NameDigests>,
}

/// Digests of names, and whose they are.
#[derive(Debug)]
struct NameDigests {
    users: Vec<Id>,
    /// In the order of the digests, with positions in `users`.
    digests: Vec<(u64, u32)>,
}

impl Lookups {
    /// Returns the ids of the users who may have one of these names, in order; `None` if the tenant
    /// has too many users.
    pub(super) fn find(
        &self,
        store: &Store,
        known: &Known,
        names: impl Iterator<Item = String>,
    ) -> Result<Option<Vec<Id>>, StoreError> {
        let Some(digests) = self.of(store, known)? else {
            return Ok(None);
        };
        let mut found: Vec<Id> = names.flat_map(|name| digests.find(&name)).collect();
        found.sort();
        found.dedup();
        Ok(Some(found))
    }

    /// Returns the scopes that are assigned to any user of a tenant.
    pub(super) fn scopes(&self, store: &Store, known: &Known) -> Result<Scopes, StoreError> {
        // The census is taken before users are read, as it is for names.
        let census = store.census(known.no, Kind::User)?;
        if let Some((of, scopes)) = lock(&self.scopes).get(&known.no)
            && *of == census
        {
            return Ok(Arc::clone(scopes));
        }
        let mut scopes = BTreeSet::new();
        store.walk(known.no, Kind::User, &mut |record| {
            if let Record::User(user) = record {
                note_scopes(user, &mut scopes);
            }
            ControlFlow::Continue(())
        })?;
        let scopes = Arc::new(scopes);
        lock(&self.scopes).insert(known.no, (census, Arc::clone(&scopes)));
        Ok(scopes)
    }

    fn of(&self, store: &Store, known: &Known) -> Result<Option<Arc<NameDigests>>, StoreError> {
        // The census is taken before users are read: if one changes in between, the next question
        // sees another census, and reads again.
        let census = store.census(known.no, Kind::User)?;
        if usize::try_from(census.count).unwrap_or(usize::MAX) > MAX_USERS {
            return Ok(None);
        }
        let is_same = |it: &Lookup| it.no == known.no && it.census == census;
        let kept = lock(&self.names).iter().find(|it| is_same(it)).cloned();
        let names = match kept {
            Some(kept) => kept.names,
            None => Arc::new(NameDigests::read(store, known.no)?),
        };
        self.keep(Lookup {
            no: known.no,
            census,
            names: Arc::clone(&names),
        });
        Ok(Some(names))
    }

    /// Keeps what was used last, and drops what was not used for longest if it is too much.
    fn keep(&self, lookup: Lookup) {
        let mut kept = lock(&self.names);
        kept.retain(|it| it.no != lookup.no);
        kept.push(lookup);
        let mut n = 0;
        let fits = |it: &&Lookup| {
            n += it.names.users.len();
            n <= MAX_USERS
        };
        let n_kept = kept.iter().rev().take_while(fits).count();
        let n_gone = kept.len() - n_kept;
        kept.drain(..n_gone);
    }
}

impl NameDigests {
    fn read(store: &Store, no: TenantNo) -> Result<Self, StoreError> {
        let (mut users, mut digests) = (Vec::new(), Vec::new());
        store.walk(no, Kind::User, &mut |record| {
            let Record::User(user) = record else {
                return ControlFlow::Continue(());
            };
            // More users than the census counted came meanwhile, so the next question reads again.
            let Ok(at) = u32::try_from(users.len()) else {
                return ControlFlow::Break(());
            };
            users.push(user.id.0.clone());
            digests.push((digest(&user.subject), at));
            if let Some(email) = &user.email {
                digests.push((digest(email), at));
            }
            ControlFlow::Continue(())
        })?;
        digests.sort_unstable();
        Ok(Self { users, digests })
    }

    fn find(&self, name: &str) -> Vec<Id> {
        let wanted = digest(name);
        let begin = self.digests.partition_point(|(digest, _)| *digest < wanted);
        let rest = self.digests.get(begin..).unwrap_or_default();
        let same = rest.iter().take_while(|(digest, _)| *digest == wanted);
        let users = same.filter_map(|(_, at)| self.users.get(usize::try_from(*at).ok()?));
        users.cloned().collect()
    }
}

fn note_scopes(user: &User, scopes: &mut BTreeSet<String>) {
    for scope in user.scopes.iter().flatten() {
        if scopes.len() < MAX_SCOPES && !scopes.contains(scope) {
            scopes.insert(scope.clone());
        }
    }
}

/// Names are compared by the filter itself, which may ignore letter case.
fn digest(name: &str) -> u64 {
    xxh3_64(name.to_lowercase().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Change, Fingerprint, RunId, Tenant, TenantId, TenantName, Timestamp, UserId,
    };
    use crate::store::{Closing, Commit, Write};

    fn add_user(store: &Store, known: &Known, number: u8, scope: &str) {
        let id = UserId(Id::parse(&format!("{number:024x}")).unwrap());
        let mut user = User::new(id, format!("idp|{number}"));
        user.scopes = Some(BTreeSet::from([scope.to_owned()]));
        let change = Change::Created {
            after: Record::User(user),
            replaces: None,
        };
        let write = Write::Change {
            fingerprint: Fingerprint([number; 16]),
            change,
            raw: "{}".into(),
            reported: None,
        };
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at: Timestamp::from_millis(0),
            account: known.tenant.account(),
            writes: vec![write],
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
    }

    #[test]
    fn scopes_are_read_again_only_once_a_user_has_changed() {
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
        let lookups = Lookups::default();
        // Returns the scopes, and how many rows were read for them.
        let read = || {
            let n_before = Store::n_rows_read();
            let scopes = lookups.scopes(&store, &known).unwrap();
            let scopes = scopes.iter().cloned().collect::<Vec<_>>().join(" ");
            (scopes, Store::n_rows_read() - n_before)
        };
        // The census itself is a row.
        let kept = |scopes: &str| (scopes.to_owned(), 1);

        add_user(&store, &known, 1, "admin");
        assert!(read().1 > 1);
        assert_eq!(read(), kept("admin"));
        add_user(&store, &known, 2, "reader");
        assert!(read().1 > 1);
        assert_eq!(read(), kept("admin reader"));
    }
}
