//! Whatever happens, posting lists agree with the records, or say that they are not complete.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::model::{
    Change, Coded, Group, GroupId, GroupType, Id, Kind, Record, RoleId, User, UserId,
};
use crate::store::engine::files::Folder;
use crate::store::engine::rows::posting::row::Users;
use crate::store::handle::Store;
use crate::store::kept::tenants::Known;
use crate::store::layout::{codec, keys, v9};
use crate::store::values::commit::{Closing, MAX_QUIET, MAX_WRITES, Write};
use crate::store::values::posting::{
    MAX_POSTED_GROUPS, PostedGroup, PostingList, PostingStage, Postings,
};
use crate::store::values::tenant_no::TenantNo;

use super::recovery::tamper;
use super::support::{self, State, adopt, open};

const ROLES: u32 = 4;
const GROUPS: u32 = 6;
const USERS: u32 = 40;

/// Which of some roles or groups a record has; `None` if that is not visible.
type Which = Option<BTreeSet<u32>>;

#[derive(Debug, Clone)]
enum Step {
    /// Writes users with what they have, or deletes them.
    Users(Vec<(u32, Option<(Which, Which)>)>, How),
    /// Writes groups with what they give, or deletes them.
    Groups(Vec<(u32, Option<Which>)>, How),
    /// Takes this many steps of a build.
    Build(usize),
    Reopen,
    Salvage,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Told,
    Quietly,
}

fn which(most: u32) -> impl Strategy<Value = Which> {
    prop::option::weighted(0.9, prop::collection::btree_set(0..most, 0..3))
}

fn how() -> impl Strategy<Value = How> {
    prop_oneof![3 => Just(How::Told), 1 => Just(How::Quietly)]
}

fn step() -> impl Strategy<Value = Step> {
    let user = (
        0..USERS,
        prop::option::weighted(0.8, (which(ROLES), which(GROUPS))),
    );
    let group = (0..GROUPS, prop::option::weighted(0.8, which(ROLES)));
    prop_oneof![
        6 => (prop::collection::vec(user, 1..12), how()).prop_map(|(it, how)| Step::Users(it, how)),
        2 => (prop::collection::vec(group, 1..4), how()).prop_map(|(it, how)| Step::Groups(it, how)),
        4 => (1..14_usize).prop_map(Step::Build),
        1 => Just(Step::Reopen),
        1 => Just(Step::Salvage),
    ]
}

fn id(number: u32) -> Id {
    support::id(Kind::User, number)
}

fn user(number: u32, roles: &Which, groups: &Which) -> Record {
    let named = |it: &BTreeSet<u32>| it.iter().map(|n| (id(*n), format!("name {n}"))).collect();
    let roles: Option<Vec<(Id, String)>> = roles.as_ref().map(named);
    let groups: Option<Vec<(Id, String)>> = groups.as_ref().map(named);
    Record::User(User {
        roles: roles.map(|it| {
            it.into_iter()
                .map(|(id, name)| (RoleId(id), name))
                .collect()
        }),
        groups: groups.map(|it| {
            it.into_iter()
                .map(|(id, name)| (GroupId(id), name))
                .collect()
        }),
        ..User::new(UserId(id(number)), format!("idp|{number}"))
    })
}

fn group(number: u32, roles: &Which) -> Record {
    let named = |it: &BTreeSet<u32>| it.iter().map(|n| (RoleId(id(*n)), String::new())).collect();
    Record::Group(Group {
        id: GroupId(id(number)),
        name: format!("group {number}"),
        description: None,
        group_type: Coded::new(GroupType::Group, "idp"),
        status: None,
        idp_id: None,
        roles: roles.as_ref().map(named),
        created_at: None,
        updated_at: None,
    })
}

/// Makes a write that stores or deletes a record, and updates the model; `None` if there is no such
/// record to delete.
fn write(model: &mut State, latest: Record, is_there: Option<()>, how: How) -> Option<Write> {
    let before = match is_there {
        Some(()) => model.insert(latest.to_ref(), latest.clone()),
        None => Some(model.remove(&latest.to_ref())?),
    };
    Some(match (how, is_there, before) {
        (How::Quietly, Some(()), _) => support::quiet(latest),
        (How::Quietly, None, _) => support::forget(&latest),
        (How::Told, Some(()), Some(before)) => support::change(Change::Updated {
            before,
            after: latest,
        }),
        (How::Told, Some(()), None) => support::created(latest),
        (How::Told, None, before) => support::change(Change::Deleted {
            before: before.expect("it was there"),
        }),
    })
}

fn load(store: &Store, known: &Known) {
    let closing = Closing::Loaded {
        roles: 0,
        groups: 0,
        users: 0,
    };
    support::closing(store, known, Vec::new(), closing).unwrap();
}

fn take(step: &Step, store: &Store, known: &Known, model: &mut State) {
    let writes: Vec<Write> = match step {
        Step::Users(users, how) => {
            let nothing = (None, None);
            let each = users.iter().filter_map(|(number, now)| {
                let (roles, groups) = now.as_ref().unwrap_or(&nothing);
                let latest = user(*number, roles, groups);
                write(model, latest, now.as_ref().map(drop), *how)
            });
            each.collect()
        }
        Step::Groups(groups, how) => {
            let each = groups.iter().filter_map(|(number, now)| {
                let latest = group(*number, now.as_ref().unwrap_or(&None));
                write(model, latest, now.as_ref().map(drop), *how)
            });
            each.collect()
        }
        Step::Build(n_steps) => {
            for _ in 0..*n_steps {
                store.build_postings().unwrap();
            }
            return;
        }
        Step::Reopen | Step::Salvage => return,
    };
    support::commit(store, known, writes).unwrap();
}

/// Returns every list that can exist.
fn lists() -> Vec<PostingList> {
    let roles = (0..ROLES).map(|n| PostingList::Role(RoleId(id(n))));
    let groups = (0..GROUPS).map(|n| PostingList::Group(GroupId(id(n))));
    let hidden = [PostingList::HiddenRoles, PostingList::HiddenGroups];
    roles.chain(groups).chain(hidden).collect()
}

fn users(model: &State) -> impl Iterator<Item = &User> {
    model.values().filter_map(|record| match record {
        Record::User(user) => Some(user),
        Record::Group(_) | Record::Role(_) => None,
    })
}

fn recount(model: &State, list: &PostingList) -> BTreeSet<UserId> {
    let of_list = users(model).filter(|user| PostingList::of(user).contains(list));
    of_list.map(|user| user.id.clone()).collect()
}

/// Reads the users of a list; `None` if it is not complete.
fn posted(store: &Store, known: &Known, list: &PostingList) -> Option<BTreeSet<UserId>> {
    let lists = [(list.clone(), 1)];
    let posted = store.posted(known.no, &lists, None, 10_000).unwrap()?;
    assert_eq!(posted.next, None);
    Some(posted.users.into_keys().collect())
}

/// Compares the complete lists with the records, and returns which lists are complete.
fn agree(store: &Store, known: &Known, model: &State) -> Vec<PostingList> {
    let mut complete = Vec::new();
    for list in lists() {
        if let Some(posted) = posted(store, known, &list) {
            assert_eq!(posted, recount(model, &list), "{list:?}");
            complete.push(list);
        }
    }
    let asked: Vec<_> = (1..)
        .zip(&complete)
        .map(|(bits, list)| (list.clone(), bits))
        .collect();
    let mut expected: BTreeMap<UserId, u8> = BTreeMap::new();
    for (list, bits) in &asked {
        for user in recount(model, list) {
            *expected.entry(user).or_default() |= bits;
        }
    }
    for limit in [1, 4, 100] {
        let (mut found, mut after) = (BTreeMap::new(), None);
        loop {
            let page = store
                .posted(known.no, &asked, after.as_ref(), limit)
                .unwrap();
            let Some(page) = page else { break };
            assert!(page.users.len() <= limit);
            found.extend(page.users);
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        let is_kept = posted(store, known, &PostingList::HiddenRoles).is_some();
        assert!(!is_kept || found == expected, "{limit} at once");
    }
    let is_group = |group: &GroupId| model.contains_key(&group_ref(group));
    if let Some(unknown) = store.unknown_groups(known.no, is_group).unwrap() {
        let mentioned = users(model).flat_map(|user| user.groups.iter().flat_map(BTreeMap::keys));
        let expected: BTreeSet<&GroupId> = mentioned.filter(|group| !is_group(group)).collect();
        assert_eq!(unknown.keys().collect::<BTreeSet<_>>(), expected);
        for (group, member) in &unknown {
            let list = PostingList::Group(group.clone());
            assert!(recount(model, &list).contains(member), "{group} {member}");
        }
    }
    // Writes without an entry leave a journal with faults of its own, so only those of posting
    // lists count.
    let faults = store.check().unwrap().faults;
    let of_lists = faults
        .iter()
        .filter(|fault| fault.place.contains("posting"));
    assert_eq!(of_lists.count(), 0, "{faults:?}");
    complete
}

fn group_ref(group: &GroupId) -> crate::model::RecordRef {
    crate::model::RecordRef {
        kind: Kind::Group,
        id: group.0.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn complete_lists_are_a_recount_of_the_records(
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = open(folder.path());
        let known = adopt(&store, 1);
        let mut model = State::new();
        load(&store, &known);

        for step in &steps {
            take(step, &store, &known, &mut model);
            match step {
                Step::Reopen => {
                    store.close().unwrap();
                    store = open(folder.path());
                }
                Step::Salvage => {
                    store.close().unwrap();
                    Folder::new(folder.path()).note_damage("a test").unwrap();
                    store = Store::open(folder.path()).unwrap().store;
                }
                Step::Users(..) | Step::Groups(..) | Step::Build(_) => {}
            }
            agree(&store, &known, &model);
        }

        while store.build_postings().unwrap() {}
        let complete = agree(&store, &known, &model);
        prop_assert!(store.unknown_groups(known.no, |_| false).unwrap().is_some());
        for list in lists() {
            let gives = match &list {
                PostingList::Group(group) => match model.get(&group_ref(group)) {
                    Some(Record::Group(group)) => {
                        group.roles.as_ref().is_some_and(|roles| !roles.is_empty())
                    }
                    Some(Record::User(_) | Record::Role(_)) | None => false,
                },
                PostingList::Role(_) | PostingList::HiddenRoles | PostingList::HiddenGroups => true,
            };
            prop_assert!(!gives || complete.contains(&list), "{:?} is not complete", list);
        }
    }
}

/// Makes a loaded tenant. All users have role 1, every hundredth has role 0, too, and every tenth
/// is in a group that gives role 2.
fn large(n_users: u32) -> (tempfile::TempDir, Store, Known) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let known = adopt(&store, 1);
    let gives = group(0, &Some([2].into()));
    support::commit(&store, &known, vec![support::quiet(gives)]).unwrap();
    let numbers: Vec<u32> = (0..n_users).collect();
    for some in numbers.chunks(MAX_QUIET) {
        let writes = some.iter().map(|number| {
            let roles = match number % 100 {
                0 => [0, 1].into(),
                _ => [1].into(),
            };
            let groups = (number % 10 == 0).then_some(0).into_iter().collect();
            support::quiet(user(*number, &Some(roles), &Some(groups)))
        });
        support::commit(&store, &known, writes.collect()).unwrap();
    }
    load(&store, &known);
    (folder, store, known)
}

#[test]
fn a_role_of_few_is_answered_by_reading_few_rows() {
    const USERS: u32 = 3_000;
    let (_folder, store, known) = large(USERS);
    let few = PostingList::Role(RoleId(id(0)));
    let all = PostingList::Role(RoleId(id(1)));
    let members = PostingList::Group(GroupId(id(0)));
    assert_eq!(posted(&store, &known, &few), None, "it is not built yet");
    while store.build_postings().unwrap() {}

    let n_before = Store::n_rows_read();
    let holders = posted(&store, &known, &few).unwrap();
    let n_listed = Store::n_rows_read() - n_before;
    let kept = store.get_all(known.no, Kind::User, holders.iter().map(|user| &user.0));
    let n_read = Store::n_rows_read() - n_before;

    assert_eq!(kept.unwrap().len(), 30);
    // Which lists there are, the changes that are not in them, one row of the list, and the head.
    assert!(n_listed <= 8, "{n_listed}");
    // A row of fingerprints and a block for each user.
    assert_eq!(n_read - n_listed, 60);
    assert_eq!(posted(&store, &known, &all).unwrap().len(), 3_000);
    assert_eq!(posted(&store, &known, &members).unwrap().len(), 300);
    assert_eq!(store.check().unwrap().faults, []);
    // A page reads no more than its own part of a long list.
    let n_before = Store::n_rows_read();
    let after = id(1_500);
    let page = store
        .posted(known.no, &[(all, 1)], Some(&after), 10)
        .unwrap();
    assert_eq!(page.unwrap().users.len(), 10);
    assert!(Store::n_rows_read() - n_before <= 9);
}

#[test]
fn a_group_that_begins_to_give_has_a_list_once_it_is_built() {
    let (_folder, store, known) = large(200);
    let late = group(1, &Some(BTreeSet::new()));
    support::commit(&store, &known, vec![support::quiet(late.clone())]).unwrap();
    while store.build_postings().unwrap() {}
    let list = PostingList::Group(GroupId(id(1)));
    let joined = |number: u32| {
        let (before, after) = ([0, 1].into(), [0].into());
        support::change(Change::Updated {
            before: user(number, &Some(before), &Some([0].into())),
            after: user(number, &Some(after), &Some([1].into())),
        })
    };
    support::commit(&store, &known, vec![joined(100)]).unwrap();
    assert_eq!(posted(&store, &known, &list), None);

    let gives = support::change(Change::Updated {
        before: late.clone(),
        after: group(1, &Some([3].into())),
    });
    support::commit(&store, &known, vec![gives]).unwrap();
    assert_eq!(posted(&store, &known, &list), None, "it is not built yet");
    assert!(store.build_postings().unwrap());
    support::commit(&store, &known, vec![joined(0)]).unwrap();
    assert_eq!(posted(&store, &known, &list), None, "it is being built");
    while store.build_postings().unwrap() {}

    let both = BTreeSet::from([UserId(id(0)), UserId(id(100))]);
    assert_eq!(posted(&store, &known, &list), Some(both.clone()));
    // The list stays when the group no longer gives anything: questions about the past need it.
    let ends = support::change(Change::Updated {
        before: group(1, &Some([3].into())),
        after: late,
    });
    support::commit(&store, &known, vec![ends]).unwrap();
    assert!(!store.build_postings().unwrap());
    assert_eq!(posted(&store, &known, &list), Some(both));
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn too_many_groups_that_give_roles_leave_no_lists() {
    let (_folder, store, known) = large(20);
    while store.build_postings().unwrap() {}
    let role = PostingList::Role(RoleId(id(1)));
    assert!(posted(&store, &known, &role).is_some());

    let numbers: Vec<u32> = (1..=u32::try_from(MAX_POSTED_GROUPS).unwrap()).collect();
    for some in numbers.chunks(MAX_QUIET) {
        let writes = some
            .iter()
            .map(|n| support::quiet(group(*n, &Some([3].into()))));
        support::commit(&store, &known, writes.collect()).unwrap();
    }

    assert_eq!(posted(&store, &known, &role), None);
    assert_eq!(store.unknown_groups(known.no, |_| true).unwrap(), None);
    assert!(store.build_postings().unwrap(), "it deletes the rows");
    while store.build_postings().unwrap() {}
    assert_eq!(store.check().unwrap().faults, []);
    let n_rows = store.check().unwrap().rows;
    support::commit(
        &store,
        &known,
        vec![support::created(user(50, &None, &None))],
    )
    .unwrap();
    assert!(!store.build_postings().unwrap());
    assert!(
        store.check().unwrap().rows <= n_rows + 3,
        "nothing is noted"
    );
}

#[test]
fn a_commit_of_the_largest_size_has_its_changes_noted() {
    let (_folder, store, known) = large(100);
    while store.build_postings().unwrap() {}
    let everything: Which = Some((0..60).collect());
    let numbers = 0..u32::try_from(MAX_WRITES).unwrap();
    let writes = numbers.map(|n| support::created(user(1_000 + n, &everything, &everything)));

    support::commit(&store, &known, writes.collect()).unwrap();

    for number in [0, 30, 59] {
        let list = PostingList::Role(RoleId(id(number)));
        assert!(posted(&store, &known, &list).unwrap().len() >= MAX_WRITES);
    }
    let known_groups = |group: &GroupId| *group == GroupId(id(0));
    let unknown = store.unknown_groups(known.no, known_groups).unwrap();
    assert_eq!(unknown.unwrap().len(), 59);
    assert_eq!(store.check().unwrap().faults, []);
}

#[test]
fn a_check_reports_lists_that_differ_from_the_records() {
    let (folder, store, known) = large(40);
    while store.build_postings().unwrap() {}
    // So many commits that the writer puts the changes into the lists.
    for number in 0..3 {
        let change = Change::Deleted {
            before: user(number + 1, &Some([1].into()), &Some(BTreeSet::new())),
        };
        support::commit(&store, &known, vec![support::change(change)]).unwrap();
    }
    assert_eq!(store.check().unwrap().faults, []);
    store.close().unwrap();
    let no = TenantNo(1);
    let row = |list: &PostingList, users: &[u32]| {
        let key = keys::posting_list(no, list);
        let mut payload = Vec::new();
        let mut ids: Vec<Vec<u8>> = users.iter().map(|number| id(*number).to_key()).collect();
        ids.sort();
        for id in ids {
            payload.push(u8::try_from(id.len()).unwrap());
            payload.extend(id);
        }
        let value = codec::seal(1, &key, &[], &payload);
        (key, value)
    };
    let role = PostingList::Role(RoleId(id(0)));
    let group = PostingList::Group(GroupId(id(5)));
    let cases = [
        (
            row(&role, &[]),
            format!("that of role {} lacks user {}", id(0), id(0)),
        ),
        (
            row(&role, &[0, 7]),
            format!(
                "that of role {} has user {}, who is not in it",
                id(0),
                id(7)
            ),
        ),
        (
            row(&group, &[0]),
            format!("that of group {} has one and needs none", id(5)),
        ),
    ];
    for ((key, value), what) in cases {
        let mut before = None;
        tamper(folder.path(), |db| {
            before = db.insert(key.clone(), value.clone()).unwrap();
        });

        let checked = Store::check_at(folder.path()).unwrap();

        let faults: Vec<String> = checked.faults.iter().map(ToString::to_string).collect();
        let place = "the posting lists of tenant t1";
        assert_eq!(faults, [format!("{place}: {what}")]);
        tamper(folder.path(), |db| {
            match &before {
                Some(before) => db.insert(key.clone(), before.clone()).unwrap(),
                None => db.remove(key.clone()).unwrap(),
            };
        });
    }
}

#[test]
fn the_bytes_are_frozen() {
    let no = TenantNo(1);
    let key = keys::postings(no);
    let postings = Postings {
        build: 2,
        stage: PostingStage::Ended,
        groups: BTreeMap::from([
            (GroupId(id(1)), PostedGroup::Members { build: 1 }),
            (
                GroupId(id(2)),
                PostedGroup::Unknown {
                    member: UserId(id(3)),
                },
            ),
            (GroupId(id(4)), PostedGroup::Doubtful { build: 3 }),
        ]),
    };
    let stored = v9::posting::Postings::from(&postings);
    insta::assert_snapshot!(support::in_hex(&codec::row(&key, &stored)), @"090202030d0060d5ca1b2f8a4c000000000100010d0060d5ca1b2f8a4c0000000002010d0060d5ca1b2f8a4c00000000030d0060d5ca1b2f8a4c0000000004020359c96ba45ed52d5a");
    assert_eq!(Postings::from(stored), postings);

    let key = keys::posting_log(no, 7);
    let changes = BTreeMap::from([
        (
            PostingList::Role(RoleId(id(1))),
            BTreeMap::from([(UserId(id(2)), true)]),
        ),
        (
            PostingList::Group(GroupId(id(1))),
            BTreeMap::from([(UserId(id(3)), false)]),
        ),
        (
            PostingList::HiddenRoles,
            BTreeMap::from([(UserId(id(2)), true)]),
        ),
        (
            PostingList::HiddenGroups,
            BTreeMap::from([(UserId(id(2)), false)]),
        ),
    ]);
    let stored = v9::posting::PostingLog::from(&changes);
    insta::assert_snapshot!(support::in_hex(&codec::row(&key, &stored)), @"09020d0060d5ca1b2f8a4c00000000020d0060d5ca1b2f8a4c000000000304000d0060d5ca1b2f8a4c0000000001010000010d0060d5ca1b2f8a4c0000000001000101020100000300010060c6a07596c3aff6");
    let back: crate::store::values::posting::PostingChanges = stored.into();
    assert_eq!(back, changes);

    let key = keys::posting_list(no, &PostingList::HiddenRoles);
    let row = Users(vec![UserId(id(1)), UserId(id(2))]);
    insta::assert_snapshot!(support::in_hex(&row.write(&key)), @"010d0060d5ca1b2f8a4c00000000010d0060d5ca1b2f8a4c000000000278d23c3e00343c4c");

    let key = keys::posting_build(no);
    let stored = v9::posting::PostingBuild(id(1));
    insta::assert_snapshot!(support::in_hex(&codec::row(&key, &stored)), @"090d0060d5ca1b2f8a4c00000000017424d3468963fe89");
}

#[test]
fn the_keys_of_a_list_begin_with_its_own_prefix_alone() {
    let no = TenantNo(0x0102_0304);
    let role = PostingList::Role(RoleId(Id::parse("60d5ca1b2f8a4c0012345678").unwrap()));
    let first = UserId(Id::parse("Odd-1").unwrap());
    for (key, expected) in [
        (keys::postings(no), "2601020304"),
        (keys::posting_build(no), "2701020304"),
        (keys::posting_log(no, 9), "25010203040000000000000009"),
        (
            keys::posting(no, &role, &first),
            "2401020304010d0060d5ca1b2f8a4c0012345678014f64642d31",
        ),
        (
            keys::posting_list(no, &PostingList::HiddenRoles),
            "24010203040300",
        ),
    ] {
        assert_eq!(support::in_hex(&key), expected);
    }
    let lists = lists();
    for list in &lists {
        let key = keys::posting(no, list, &first);
        assert_eq!(keys::posting_of(&key), Some((no, list.clone())));
        let mut own = lists
            .iter()
            .filter(|list| key.starts_with(&keys::posting_list(no, list)));
        assert_eq!((own.next(), own.next()), (Some(list), None));
    }
    assert_eq!(keys::posting_of(&[0x24, 1, 2, 3, 4, 9, 0]), None);
}
