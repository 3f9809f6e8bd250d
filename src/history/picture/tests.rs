//! The users at an earlier time, however many of them have changed since.

use std::collections::BTreeMap;

use super::*;
use crate::model::{Change, Fingerprint, RunId, Tenant, TenantId, TenantName};
use crate::store::{Closing, Commit, Write};

fn user(number: usize, name: usize) -> User {
    let id = Id::parse(&format!("{number:024x}")).unwrap();
    User {
        name: Some(format!("name {name}")),
        ..User::new(UserId(id), format!("idp|{number}"))
    }
}

fn commit(store: &Store, known: &Known, change: Change) {
    let print = format!("{:?}", change.after().map(Record::fields));
    let write = Write::Change {
        fingerprint: Fingerprint(xxhash_rust::xxh3::xxh3_128(print.as_bytes()).to_be_bytes()),
        change,
        raw: "{}".into(),
        reported: None,
    };
    let commit = Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1_000),
        account: known.tenant.account(),
        writes: vec![write],
        closing: Closing::Nothing,
    };
    store.commit(commit).unwrap();
}

/// Gives a user another name, or creates or deletes one.
fn change(
    store: &Store,
    known: &Known,
    users: &mut BTreeMap<Id, User>,
    random: &mut fastrand::Rng,
) {
    let number = random.usize(0..60);
    let next = user(number, random.usize(0..1_000_000));
    let id = next.id.0.clone();
    let before = users.get(&id).cloned().map(Record::User);
    let after = Record::User(next.clone());
    let change = match before {
        None => Change::Created {
            after,
            replaces: None,
        },
        Some(before) if random.u8(0..4) == 0 => Change::Deleted { before },
        Some(before) => Change::Updated { before, after },
    };
    match change.after() {
        Some(_) => users.insert(id, next),
        None => users.remove(&id),
    };
    commit(store, known, change);
}

#[test]
fn users_are_put_back_with_a_window_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let tenant = Tenant {
        id: TenantId("t".into()),
        name: "T".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let name = TenantName("t".into());
    store
        .adopt(&tenant, &name, Timestamp::from_millis(0))
        .unwrap();
    let known = store.tenants().unwrap().remove(0);
    let mut random = fastrand::Rng::with_seed(7);
    let mut users = BTreeMap::new();
    for _ in 0..80 {
        change(&store, &known, &mut users, &mut random);
    }
    let (begin, then) = (store.last_seq(), users.clone());
    for _ in 0..100 {
        change(&store, &known, &mut users, &mut random);
    }

    for max_users in [1, 2, 3, 7, 50, 1_000] {
        let past = Past::with_window(&store, &known, begin, max_users).unwrap();
        let picture = Picture::past(&store, &known, past).unwrap();
        for limit in [1, 4, 100] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = picture.users(&store, &known, after.as_ref(), limit);
                let page = page.unwrap();
                found.extend(page.users);
                if page.next.is_none() {
                    break;
                }
                assert!(page.next > after, "it goes on");
                after = page.next;
            }
            let expected: Vec<User> = then.values().cloned().collect();
            assert_eq!(found, expected, "window of {max_users}, {limit} at once");
        }
        for _ in 0..50 {
            let id = user(random.usize(0..60), 0).id;
            let found = picture.user(&store, &known, &id).unwrap();
            assert_eq!(found.as_ref(), then.get(&id.0), "window of {max_users}");
        }
        let count = picture.n_users(&store, &known).unwrap();
        assert_eq!(count, then.len() as u64);
    }
}
