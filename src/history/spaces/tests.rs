//! Tests of reading the spaces as they were at an earlier time, page by page.

use super::*;
use crate::model::{
    Assignee, Found, Id, RunId, Seq, SpaceAssignment, SpaceChange, SpaceHead, Tenant, TenantId,
    TenantName,
};
use crate::store::{ReadingMark, SpaceReading, SpaceReport, SpaceWrite};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn id(n: usize) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

/// Returns a space with this many users assigned to it.
fn space(n: usize, n_assigned: usize) -> Space {
    let assignments = (0..n_assigned).map(|user| {
        let assignee = Assignee {
            sort: "user".into(),
            id: id(user),
        };
        let assignment = SpaceAssignment {
            roles: ["consumer".to_owned()].into(),
            created_at: None,
            created_by: None,
            updated_at: None,
        };
        (assignee, assignment)
    });
    Space {
        id: SpaceId(id(n)),
        head: SpaceHead {
            name: format!("Space {n}"),
            sort: None,
            owner: None,
            created_at: None,
            unseen: [].into(),
        },
        assignments: Some(assignments.collect()),
        shares: Some(BTreeMap::new()),
        partial: [].into(),
    }
}

/// Stores a space in its new state, or deletes it, with the entry that reports the change.
fn change(store: &Store, known: &Known, before: Option<&Space>, after: Option<&Space>, time: i64) {
    let change = SpaceChange::between(before, after, Found::New).unwrap();
    let write = match after {
        Some(space) => SpaceWrite::Keep(KeptSpace {
            space: space.clone(),
            reading: 1,
            changed_at: Some(at(time)),
        }),
        None => SpaceWrite::Remove(change.id.clone()),
    };
    let report = SpaceReport {
        run: RunId(1),
        at: at(time),
        account: known.tenant.account(),
        change,
    };
    store
        .write_space(known.no, write, Some(report), None)
        .unwrap();
}

/// Returns a store whose spaces were read at time 10: those with the numbers 0 to 4.
fn read_at_10(store: &Store) -> Known {
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
    let mut known = store.tenants().unwrap().remove(0);
    known.loaded = Some(Seq(1));
    for n in 0..5 {
        change(store, &known, None, Some(&space(n, 1)), 10);
    }
    let mark = ReadingMark {
        tried: Some(at(10)),
        last: Some(at(10)),
        ..ReadingMark::default()
    };
    let reading = SpaceReading {
        mark,
        first: Some(at(10)),
        ..SpaceReading::default()
    };
    store.set_space_reading(known.no, reading).unwrap();
    known
}

fn names(found: &[Space]) -> Vec<&str> {
    found.iter().map(|space| space.head.name.as_str()).collect()
}

#[test]
fn what_has_happened_is_read_once_for_all_pages_of_an_answer() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = read_at_10(&store);
    change(&store, &known, Some(&space(1, 1)), None, 20);
    change(&store, &known, Some(&space(4, 1)), None, 20);
    change(&store, &known, None, Some(&space(3_000, 1)), 20);
    let picture = Picture::of(&store, &known, Some(at(15))).unwrap();
    let page = |after: Option<&SpaceId>| {
        spaces_after(&store, &known, &picture, after, 2, |_| true).unwrap()
    };

    let first = page(None);
    assert_eq!(names(&first.spaces), ["Space 0", "Space 1"]);
    let kept = picture.kept_up_to();
    assert_eq!(kept, Some(store.last_seq()));
    let second = page(first.next.as_ref());
    assert_eq!(names(&second.spaces), ["Space 2", "Space 3"]);
    let third = page(second.next.as_ref());
    assert_eq!((names(&third.spaces), third.next), (vec!["Space 4"], None));
    assert_eq!(picture.kept_up_to(), kept);

    // What happens between two pages is undone, too.
    change(&store, &known, Some(&space(2, 1)), None, 30);
    assert_eq!(
        names(&page(first.next.as_ref()).spaces),
        ["Space 2", "Space 3"]
    );
    assert_eq!(picture.kept_up_to(), Some(store.last_seq()));
}

#[test]
fn too_many_changes_are_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().store;
    let known = read_at_10(&store);
    for n in 1..4 {
        change(
            &store,
            &known,
            Some(&space(n, 1)),
            Some(&space(n, 9_000)),
            20,
        );
    }
    let picture = Picture::of(&store, &known, Some(at(15))).unwrap();

    let found = spaces_after(&store, &known, &picture, None, 10, |_| true).unwrap();

    let n_assigned = |space: &Space| space.assignments.as_ref().unwrap().len();
    let n_assigned: Vec<usize> = found.spaces.iter().map(n_assigned).collect();
    assert_eq!(n_assigned, [1; 5]);
    assert_eq!(picture.kept_up_to(), None);
}
