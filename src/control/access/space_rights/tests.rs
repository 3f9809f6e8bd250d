//! How often all spaces are read for the pages of one answer.

use super::*;
use crate::control::reading::Context;
use crate::model::{
    Assignee, Fingerprint, Found, MAX_IN_SPACE, Record, RunId, SpaceAssignment, SpaceChange,
    SpaceHead, SpaceId, SpacePart, Tenant, TenantId, TenantName,
};
use crate::store::{
    Closing, Commit, KeptSpace, ReadingMark, SpaceReading, SpaceReport, SpaceWrite, Store, Write,
};

/// More users than three pages have.
const N_USERS: u32 = 1_507;

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

fn at(n: i64) -> Timestamp {
    Timestamp::from_millis(n)
}

/// A space to which some users are assigned.
fn space(n: u32, users: impl IntoIterator<Item = u32>) -> Space {
    let assignment = SpaceAssignment {
        roles: ["consumer".to_owned()].into(),
        created_at: None,
        created_by: None,
        updated_at: None,
    };
    let assignee = |n| Assignee {
        sort: "user".to_owned(),
        id: id(n),
    };
    let users = users.into_iter();
    Space {
        id: SpaceId(id(100_000 + n)),
        head: SpaceHead {
            name: format!("space {n}"),
            sort: None,
            owner: None,
            created_at: None,
            unseen: BTreeSet::new(),
        },
        assignments: Some(users.map(|n| (assignee(n), assignment.clone())).collect()),
        shares: Some(BTreeMap::new()),
        partial: BTreeSet::new(),
    }
}

fn write(store: &Store, known: &Known, before: Option<&Space>, after: &Space) {
    let report = SpaceReport {
        run: RunId(1),
        at: at(20),
        account: known.tenant.account(),
        change: SpaceChange::between(before, Some(after), Found::New).unwrap(),
    };
    let kept = SpaceWrite::Keep(KeptSpace {
        space: after.clone(),
        reading: 1,
        changed_at: Some(at(20)),
    });
    store
        .write_space(known.no, kept, Some(report), None)
        .unwrap();
}

/// Returns a store with users and these spaces, all of which were read.
fn world(store: &Store, spaces: &[Space]) -> Known {
    let tenant = Tenant {
        id: TenantId("t".into()),
        name: "T".into(),
        hosts: Vec::new(),
        region: None,
        status: None,
    };
    store
        .adopt(&tenant, &TenantName("t".into()), at(0))
        .unwrap();
    let known = store.tenants().unwrap().remove(0);
    let users: Vec<u32> = (0..N_USERS).collect();
    for users in users.chunks(40) {
        let writes = users.iter().map(|n| Write::Quiet {
            record: Record::User(User {
                groups: Some(BTreeMap::new()),
                roles: Some(BTreeMap::new()),
                ..User::new(UserId(id(*n)), "idp|n")
            }),
            fingerprint: Fingerprint([0; 16]),
            raw: "{}".into(),
        });
        let commit = Commit {
            tenant: known.no,
            run: RunId(1),
            at: at(10),
            account: known.tenant.account(),
            writes: writes.collect(),
            closing: Closing::Nothing,
        };
        store.commit(commit).unwrap();
    }
    for space in spaces {
        write(store, &known, None, space);
    }
    let mark = ReadingMark {
        tried: Some(at(20)),
        last: Some(at(20)),
        ..ReadingMark::default()
    };
    let reading = SpaceReading {
        mark,
        first: Some(at(20)),
        since: Some(store.last_seq()),
        ..SpaceReading::default()
    };
    store.set_space_reading(known.no, reading).unwrap();
    known
}

/// Asks for all rights in spaces, page by page. Returns who has which in how many pages, and how
/// often all spaces were read for it.
fn ask(store: &Store, context: &Context, limit: usize) -> (BTreeSet<(UserId, String)>, usize, u64) {
    let before = context.space_tables.n_reads();
    let (mut after, mut found, mut n_pages) = (None, BTreeSet::new(), 0);
    loop {
        let reading = Reading::of(store, context).unwrap();
        let question = query::SpaceRights {
            tenant: TenantName("t".into()),
            space: None,
            roles: Vec::new(),
            which: Which::Own,
            at: None,
            after,
            limit,
        };
        let answer = question.answer(&reading).unwrap();
        n_pages += 1;
        for row in answer.page.rows {
            let space = row.right.space().unwrap().name.clone();
            assert!(found.insert((row.user.id, space)), "a row came twice");
        }
        after = answer.page.next;
        if after.is_none() {
            return (found, n_pages, context.space_tables.n_reads() - before);
        }
    }
}

fn expected(spaces: &[Space]) -> BTreeSet<(UserId, String)> {
    let all = spaces.iter().flat_map(|space| {
        let users = space.assignments.iter().flat_map(BTreeMap::keys);
        users.map(|who| (who.user().unwrap(), space.head.name.clone()))
    });
    all.collect()
}

#[test]
fn all_spaces_are_read_once_for_all_pages_until_one_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let mut spaces: Vec<Space> = (0..8)
        .map(|n| space(n, [n, 200 + n, 700 + n, N_USERS - 1 - n]))
        .collect();
    let known = world(&store, &spaces);
    let context = Context::of_nothing(&store);

    let (found, n_pages, n_reads) = ask(&store, &context, 3);
    assert_eq!(found, expected(&spaces));
    assert_eq!((n_pages > 5, n_reads), (true, 1));
    // Another answer needs no reading either.
    assert_eq!(ask(&store, &context, 500).2, 0);

    let changed = space(3, [900]);
    write(&store, &known, Some(&spaces[3]), &changed);
    spaces[3] = changed;

    let (found, _, n_reads) = ask(&store, &context, 500);
    assert_eq!((found, n_reads), (expected(&spaces), 1));
}

#[test]
fn spaces_that_are_too_many_to_keep_are_read_for_ever_more_users() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let spaces = [space(0, 0..60), space(1, 1_000..1_060)];
    world(&store, &spaces);
    let context = Context::of_nothing(&store);

    let (found, n_pages, n_reads) = ask(&store, &context, 500);

    assert_eq!((found, n_pages), (expected(&spaces), 1));
    // Once to find out that there are too many, then for one page of users, for two, and for the
    // rest.
    assert_eq!(n_reads, 4);
    let context = Context::of_nothing(&store);
    assert_eq!(ask(&store, &context, 7).0, expected(&spaces));
}

#[test]
fn a_list_that_is_too_long_is_named_as_one() {
    let all = u32::try_from(MAX_IN_SPACE).unwrap();
    for (n_members, part, is_long) in [
        (all, SpacePart::Assignments, true),
        (all - 1, SpacePart::Assignments, false),
        (all, SpacePart::Shares, false),
        (all, SpacePart::Itself, false),
    ] {
        let mut space = space(0, 0..n_members);
        space.head.unseen.insert(part);

        let not_known: Vec<NotKnown> = not_known_of(&space).collect();

        let SpaceMention { id, name, .. } = space.mention();
        let expected = match is_long {
            true => NotKnown::LongList { id, name, part },
            false => NotKnown::PartOfSpace { id, name, part },
        };
        assert_eq!(not_known, [expected]);
    }
}
