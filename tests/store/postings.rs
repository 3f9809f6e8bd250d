//! Kills a process while it changes who holds which role and builds posting lists.

use std::collections::BTreeMap;
use std::path::Path;

use qlik_roster::model::{
    Change, Coded, Group, GroupId, GroupType, Id, Kind, Record, RoleId, RunId, Timestamp, User,
};
use qlik_roster::store::{Closing, Commit, Known, MAX_WRITES, PostingList, Store, Write};

use crate::support::{Role, account, adopt, fingerprint, spawn, tell};

const KILLS: u32 = 16;
const USERS: u32 = 900;
const ROLES: u32 = 5;
const GROUPS: u32 = 8;

#[test]
fn lists_say_what_the_records_say_after_a_kill() {
    let mut folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    let mut n_unbuilt = 0;

    for kill in 0..KILLS {
        if kill % 2 == 0 {
            // Most lists are built while a store is new and few groups give roles.
            folder = tempfile::tempdir().unwrap();
        }
        let (mut child, mut told) = spawn(Role::Post, folder.path());
        told.by_ref().take(random.usize(1..14)).for_each(drop);
        child.kill().unwrap();
        child.wait().unwrap();

        let opened = Store::open(folder.path()).unwrap();
        assert_eq!(opened.moved_aside, None, "kill {kill}");
        // The check compares the complete lists with the records.
        assert_eq!(opened.store.check().unwrap().faults, [], "kill {kill}");
        n_unbuilt += u32::from(opened.store.build_postings().unwrap());
        if kill % 4 > 1 {
            while opened.store.build_postings().unwrap() {}
            assert_eq!(opened.store.check().unwrap().faults, [], "kill {kill}");
            assert_eq!(n_holders(&opened.store), Some(recount(&opened.store)));
        }
        opened.store.close().unwrap();
    }
    assert!(
        n_unbuilt > KILLS / 8,
        "{n_unbuilt} were killed while they built"
    );
}

/// Returns how many users are in the list of a role; `None` if the list is not complete.
fn n_holders(store: &Store) -> Option<usize> {
    let known = adopt(store);
    let list = (PostingList::Role(RoleId(id(1))), 1);
    let posted = store.posted(known.no, &[list], None, usize::MAX - 1);
    posted.unwrap().map(|posted| posted.users.len())
}

fn recount(store: &Store) -> usize {
    let known = adopt(store);
    let users = store.list(known.no, Kind::User, None, usize::MAX).unwrap();
    let holds = |record: &Record| match record {
        Record::User(user) => {
            let roles = user.roles.as_ref();
            roles.is_some_and(|roles| roles.contains_key(&RoleId(id(1))))
        }
        Record::Group(_) | Record::Role(_) => false,
    };
    users.iter().filter(|kept| holds(&kept.record)).count()
}

/// Changes users and groups, and builds posting lists, until the process is killed.
pub fn post(folder: &Path) {
    let store = Store::open(folder).unwrap().store;
    let known = adopt(&store);
    let mut records: BTreeMap<(Kind, Id), Record> = BTreeMap::new();
    for kind in [Kind::Group, Kind::User] {
        for kept in store.list(known.no, kind, None, usize::MAX).unwrap() {
            let key = (kind, kept.record.id().clone());
            records.insert(key, kept.record);
        }
    }
    if known.loaded.is_none() {
        let closing = Closing::Loaded {
            roles: 0,
            groups: 0,
            users: 0,
        };
        commit(&store, &known, Vec::new(), closing);
    }
    let mut random = fastrand::Rng::with_seed(store.last_seq().0);
    loop {
        let n_writes = random.usize(1..=MAX_WRITES);
        let writes = (0..n_writes).map(|_| write(&mut records, &mut random));
        let writes = writes.collect();
        commit(&store, &known, writes, Closing::Nothing);
        // Lists are built so seldom that most kills, however late, find some that are not complete.
        if random.u8(0..3) == 0 {
            store.build_postings().unwrap();
        }
        tell(store.last_seq());
    }
}

/// Makes a write of a user, or occasionally of a group.
fn write(records: &mut BTreeMap<(Kind, Id), Record>, random: &mut fastrand::Rng) -> Write {
    let (kind, latest) = match random.u8(0..60) {
        0 => (Kind::Group, group(random.u32(0..GROUPS), random)),
        _ => (Kind::User, user(random.u32(0..USERS), random)),
    };
    let key = (kind, latest.id().clone());
    let is_gone = random.u8(0..5) == 0;
    let change = match records.get(&key).cloned() {
        None => Change::Created {
            after: latest.clone(),
            replaces: None,
        },
        Some(before) if is_gone => Change::Deleted { before },
        Some(before) => Change::Updated {
            before,
            after: latest.clone(),
        },
    };
    match change.after() {
        Some(_) => records.insert(key, latest),
        None => records.remove(&key),
    };
    Write::Change {
        fingerprint: fingerprint(change.latest()),
        change,
        raw: "{}".into(),
        reported: None,
    }
}

fn commit(store: &Store, known: &Known, writes: Vec<Write>, closing: Closing) {
    let commit = Commit {
        tenant: known.no,
        run: RunId(1),
        at: Timestamp::from_millis(1_700_000_000_000),
        account: account(),
        writes,
        closing,
    };
    store.commit(commit).unwrap();
}

fn id(number: u32) -> Id {
    Id::parse(&format!("60d5ca1b2f8a4c00{number:08x}")).unwrap()
}

fn some(most: u32, random: &mut fastrand::Rng) -> impl Iterator<Item = (Id, String)> + use<> {
    let chosen: Vec<u32> = (0..most).filter(|_| random.u8(0..3) == 0).collect();
    chosen.into_iter().map(|number| (id(number), String::new()))
}

fn user(number: u32, random: &mut fastrand::Rng) -> Record {
    let roles = some(ROLES, random).map(|(id, name)| (RoleId(id), name));
    let groups = some(GROUPS, random).map(|(id, name)| (GroupId(id), name));
    Record::User(User {
        roles: Some(roles.collect()),
        groups: Some(groups.collect()),
        name: Some(random.u32(..).to_string()),
        ..User::new(id(number).into(), format!("idp|{number}"))
    })
}

fn group(number: u32, random: &mut fastrand::Rng) -> Record {
    let roles = some(ROLES, random).map(|(id, name)| (RoleId(id), name));
    Record::Group(Group {
        id: GroupId(id(number)),
        name: random.u32(..).to_string(),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: Some(roles.collect()),
        created_at: None,
        updated_at: None,
    })
}
