//! The lists of users beside entries: which entry they belong to, and when they are removed.

use crate::model::{
    AccessChange, AccountChange, Fact, Holder, Id, Kind, ListId, Right, RightChange, RightHolders,
    RoleId, RoleMention, Seq, UserId,
};
use crate::store::handle::Store;
use crate::store::kept::rights::{NextList, Remains, USERS_IN_PART};
use crate::store::kept::tenants::Known;
use crate::store::layout::keys::{self, Keyspace};
use crate::store::values::commit::Closing;
use crate::store::values::rights::RightsMark;
use crate::store::values::tenant_no::TenantNo;

use super::support::{adopt, closing, id, open};

/// How many users each list has: more than one part.
const N_USERS: usize = USERS_IN_PART + 7;

fn next(store: &Store, no: TenantNo) -> ListId {
    store.next_list(no, Remains::BehindLast).unwrap()
}

/// Writes the parts of a list.
fn parts(store: &Store, no: TenantNo, list: ListId) {
    let users: Vec<Holder> = (0..N_USERS).map(holder).collect();
    for (part, users) in (0..).zip(users.chunks(USERS_IN_PART)) {
        store.add_list_part(no, list, part, users).unwrap();
    }
}

fn holder(number: usize) -> Holder {
    Holder {
        id: UserId(Id::parse(&format!("{number:024x}")).unwrap()),
        subject: format!("idp|{number}"),
        name: None,
        email: None,
        is_bot: false,
        barrier: None,
        account: AccountChange::Stayed,
    }
}

/// Writes the entry of a list, and so its head.
fn entry(store: &Store, known: &Known, list: ListId) -> Seq {
    let right = RightChange {
        right: Right::Role(RoleMention {
            id: RoleId(id(Kind::Role, 1)),
            name: "Steward".into(),
            level: None,
            is_unknown: false,
        }),
        change: AccessChange::Granted,
        holders: RightHolders::Listed {
            list,
            count: N_USERS as u64,
        },
        before: Vec::new(),
        after: Vec::new(),
    };
    let rights = Closing::Rights {
        facts: vec![Fact::RightChanged(right)],
        mark: RightsMark::reported(Seq(0)),
    };
    Seq(closing(store, known, Vec::new(), rights).unwrap())
}

/// Writes a list with its entry.
pub(super) fn listed(store: &Store, known: &Known) -> (Seq, ListId) {
    let list = next(store, known.no);
    parts(store, known.no, list);
    (entry(store, known, list), list)
}

/// Returns how many rows of lists there are.
pub(super) fn n_rows(store: &Store) -> usize {
    let count = |keyspace: Keyspace| {
        let counted = store.engine.read("counting rows", |reader| {
            Ok(reader.prefix(&[keyspace as u8]).count())
        });
        counted.unwrap()
    };
    count(Keyspace::ListPart) + count(Keyspace::ListHead)
}

#[test]
fn an_entry_whose_list_was_lost_does_not_get_that_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let first = listed(&store, &known);
    // A repair does this with a list that has an unreadable part.
    let head = keys::list_head(known.no, first.1);
    store.engine.write(vec![(head, None)]).unwrap();

    let second = listed(&store, &known);

    assert_eq!(first.1, second.1, "its number is given again");
    assert_eq!(store.listed(known.no, first, 0).unwrap(), []);
    let rest = store.listed(known.no, second, 200).unwrap();
    let expected: Vec<Holder> = (200..N_USERS).map(holder).collect();
    assert_eq!(rest, expected);
}

#[test]
fn what_belongs_to_no_entry_is_removed_wherever_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let other = adopt(&store, 2);
    let kept = listed(&store, &known);
    let of_other = listed(&store, &other);
    // Three lists are begun, and only the second one gets its entry before the process dies.
    for number in 2..=4 {
        parts(&store, known.no, ListId(number));
    }
    let told = (entry(&store, &known, ListId(3)), ListId(3));

    assert_eq!(next(&store, known.no), ListId(4), "behind the last head");
    let next = store.next_list(known.no, Remains::Anywhere).unwrap();

    assert_eq!(next, ListId(4));
    for (no, list) in [(known.no, kept), (known.no, told), (other.no, of_other)] {
        assert_eq!(store.listed(no, list, 0).unwrap().len(), USERS_IN_PART);
    }
    assert_eq!(n_rows(&store), 3 * 3);
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn a_list_that_is_to_be_deleted_is_looked_for_behind_those_that_stay() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let (cut, stays) = (listed(&store, &known), listed(&store, &known));
    let other = adopt(&store, 2);
    let of_other = listed(&store, &other);
    store.engine.cut_journal(cut.0).unwrap();

    let (mut after, mut looked) = (None, Vec::new());
    loop {
        let (keys, next) = store.list_to_delete(after.clone(), 2).unwrap();
        let rows = keys.into_iter().map(|key| (key, None));
        store.engine.write(rows.collect()).unwrap();
        match next {
            NextList::After(next) => after = next,
            NextList::None => break,
        }
        looked.push(after.clone());
    }

    assert_eq!(looked, [None, None], "two writes, and one more look");
    assert_eq!(n_rows(&store), 2 * 3);
    for (no, list) in [(known.no, stays), (other.no, of_other)] {
        assert_eq!(store.listed(no, list, 0).unwrap().len(), USERS_IN_PART);
    }
    assert_eq!(store.check().unwrap().faults, []);
}
