//! The users at an earlier time, however many of them have changed since.

use std::collections::BTreeMap;

use super::*;
use crate::model::{
    Change, Coded, Fingerprint, Group, GroupType, RunId, Tenant, TenantId, TenantName,
};
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

/// Fills a store with users, of which many change after the entry that is returned.
pub(in crate::history) fn store_with_changes(folder: &std::path::Path) -> (Store, Known, Seq) {
    let changed = changed(folder);
    (changed.store, changed.known, changed.begin)
}

/// A store of which many users have changed since an entry.
struct ChangedStore {
    store: Store,
    known: Known,
    begin: Seq,
    /// The users at that entry.
    then: BTreeMap<Id, User>,
    random: fastrand::Rng,
}

fn changed(folder: &std::path::Path) -> ChangedStore {
    let store = Store::open(folder).unwrap().store;
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
    ChangedStore {
        store,
        known,
        begin,
        then,
        random,
    }
}

#[test]
fn users_are_put_back_with_a_window_of_any_size() {
    let folder = tempfile::tempdir().unwrap();
    let ChangedStore {
        store,
        known,
        begin,
        then,
        mut random,
    } = changed(folder.path());

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

/// A user with some of five roles and some of four groups; either may be not visible.
fn holder(number: usize, random: &mut fastrand::Rng) -> User {
    let mut some = |most: usize| -> Vec<Id> {
        let chosen = (0..most).filter(|_| random.u8(0..4) == 0);
        chosen.map(|number| id(1_000 + number)).collect()
    };
    let (roles, groups) = (some(5), some(4));
    let roles = roles.into_iter().map(|id| (RoleId(id), String::new()));
    let groups = groups.into_iter().map(|id| (GroupId(id), String::new()));
    User {
        roles: (!number.is_multiple_of(7)).then(|| roles.collect()),
        groups: random.bool().then(|| groups.collect()),
        ..user(number, random.usize(0..1_000))
    }
}

pub(in crate::history) fn id(number: usize) -> Id {
    Id::parse(&format!("{number:024x}")).unwrap()
}

/// Changes a user, or creates or deletes one.
pub(in crate::history) fn change_holder(
    store: &Store,
    known: &Known,
    users: &mut BTreeMap<Id, User>,
    random: &mut fastrand::Rng,
) {
    let next = holder(random.usize(0..60), random);
    let id = next.id.0.clone();
    let after = Record::User(next.clone());
    let change = match users.get(&id).cloned().map(Record::User) {
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

/// Makes a tenant that was loaded, of whose groups only 1,002 is known. It gives a role.
pub(in crate::history) fn loaded(store: &Store) -> Known {
    let tenant = Tenant {
        id: TenantId("t".into()),
        name: "T".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    let name = TenantName("t".into());
    let known = store.adopt(&tenant, &name, Timestamp::from_millis(0));
    let known = known.unwrap();
    let loaded = Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1_000),
        account: known.tenant.account(),
        writes: Vec::new(),
        closing: Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        },
    };
    store.commit(loaded).unwrap();
    let gives = Record::Group(Group {
        id: GroupId(id(1_002)),
        name: "G".into(),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: Some([(RoleId(id(1_000)), String::new())].into()),
        created_at: None,
        updated_at: None,
    });
    let created = Change::Created {
        after: gives,
        replaces: None,
    };
    commit(store, &known, created);
    known
}

#[test]
fn users_who_are_listed_now_and_those_who_left_are_all_who_were_listed_then() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = loaded(&store);
    let mut random = fastrand::Rng::with_seed(3);
    let mut users = BTreeMap::new();
    for _ in 0..60 {
        change_holder(&store, &known, &mut users, &mut random);
    }
    let (begin, then) = (store.last_seq(), users.clone());
    while store.build_postings().unwrap() {}
    for _ in 0..80 {
        change_holder(&store, &known, &mut users, &mut random);
    }

    let lists: [BTreeSet<PostingList>; 4] = [
        [PostingList::Role(RoleId(id(1_000)))].into(),
        [PostingList::Group(GroupId(id(1_002)))].into(),
        [
            PostingList::Role(RoleId(id(1_003))),
            PostingList::Group(GroupId(id(1_002))),
        ]
        .into(),
        [PostingList::HiddenRoles, PostingList::HiddenGroups].into(),
    ];
    let mut pictures = vec![(Picture::of(&store, &known, None).unwrap(), &users)];
    for max_users in [1, 3, 50, 1_000] {
        let past = Past::with_window(&store, &known, begin, max_users).unwrap();
        pictures.push((Picture::past(&store, &known, past).unwrap(), &then));
    }
    for (picture, users) in pictures {
        for lists in &lists {
            let is_in = |user: &&User| !PostingList::of(user).is_disjoint(lists);
            let expected: Vec<&User> = users.values().filter(is_in).collect();
            for limit in [1, 4, 100] {
                let (mut found, mut after) = (Vec::new(), None);
                loop {
                    let page = picture.users_in(&store, &known, lists, after.as_ref(), limit);
                    let page = page.unwrap().unwrap();
                    found.extend(page.users);
                    if page.next.is_none() {
                        break;
                    }
                    assert!(page.next > after, "it goes on");
                    after = page.next;
                }
                let found: Vec<&User> = found.iter().filter(is_in).collect();
                assert_eq!(found, expected, "{lists:?}, {limit} at once");
            }
        }
    }
    // A group that gives nothing has no list.
    let other = [PostingList::Group(GroupId(id(1_001)))].into();
    let now = Picture::of(&store, &known, None).unwrap();
    let page = now.users_in(&store, &known, &other, None, 1).unwrap();
    assert!(page.is_none());
}

#[test]
fn a_group_that_was_unknown_is_named_if_somebody_who_has_left_it_was_in_it_then() {
    for seed in 0..20 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap().store;
        let known = loaded(&store);
        let mut random = fastrand::Rng::with_seed(seed);
        let mut users = BTreeMap::new();
        for _ in 0..40 {
            change_holder(&store, &known, &mut users, &mut random);
        }
        let (begin, then) = (store.last_seq(), users.clone());
        for _ in 0..random.usize(0..80) {
            change_holder(&store, &known, &mut users, &mut random);
        }
        let groups = |user: &User| -> BTreeSet<GroupId> {
            user.groups
                .iter()
                .flat_map(BTreeMap::keys)
                .cloned()
                .collect()
        };
        let (mut left, mut all) = (BTreeSet::new(), BTreeSet::new());
        for (id, user) in &then {
            let now = users.get(id).map(groups).unwrap_or_default();
            left.extend(&groups(user) - &now);
            all.extend(groups(user));
        }
        for groups in [&mut left, &mut all] {
            groups.remove(&GroupId(id(1_002)));
        }

        for max_users in [1, 7, 1_000] {
            let past = Past::with_window(&store, &known, begin, max_users).unwrap();
            let picture = Picture::past(&store, &known, past).unwrap();
            let found = picture.unknown_groups_left(&store, &known).unwrap();

            let found: BTreeSet<GroupId> = found.into_keys().collect();
            let which = format!("seed {seed}, window of {max_users}");
            assert!(found.is_superset(&left), "{which}: {found:?}, {left:?}");
            // Whoever has left a group and joined it again was in it as well.
            if max_users == 1_000 {
                assert!(found.is_subset(&all), "{which}: {found:?}, {all:?}");
            }
        }
    }
}
