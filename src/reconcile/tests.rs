//! The laws of reconciling, over random tenants.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::model::{
    Assigned, Change, Coded, Fingerprint, GroupId, Id, Loss, Proof, Record, Role, RoleId, RoleType,
    Taken, Timestamp, User, UserId, UserStatus, delta,
};

type State = BTreeMap<Id, Record>;

/// Does what a run does, on maps instead of a store and a connector.
fn changes(known: &State, sweep: &[Record]) -> Vec<Change> {
    let mut roll = Roll::with_capacity(known.len());
    let mut unknown = Roll::default();
    let mut changes = Vec::new();
    for (id, record) in known {
        roll.enter(id, fingerprint(record));
    }
    for record in sweep {
        let known = match roll.tick(record.id()) {
            Some((_, FirstTick::No)) => continue,
            Some((print, FirstTick::Yes)) if print == fingerprint(record) => continue,
            Some((print, FirstTick::Yes)) => Some(KnownRecord {
                record: known[record.id()].clone(),
                fingerprint: print,
            }),
            None if unknown.tick(record.id()).is_some() => continue,
            None => {
                unknown.enter(record.id(), fingerprint(record));
                None
            }
        };
        match judge(known, record.clone(), &BTreeSet::new(), fingerprint(record)).0 {
            Judgement::Changed { change, .. } => changes.push(change),
            Judgement::Same => {}
            Judgement::Refreshed { .. } => panic!("no fingerprint is of an older generation"),
        }
    }
    changes.extend(roll.unticked().map(|id| Change::Deleted {
        before: known[&id].clone(),
    }));
    changes
}

fn apply(state: &State, changes: &[Change]) -> State {
    let mut state = state.clone();
    for change in changes {
        match change {
            Change::Created { after, .. } => assert!(
                state.insert(after.id().clone(), after.clone()).is_none(),
                "created what was known"
            ),
            Change::Updated { before, after } => {
                let was = state.insert(after.id().clone(), after.clone());
                assert_eq!(was.as_ref(), Some(before), "before is not what was known");
            }
            Change::Deleted { before } => {
                assert_eq!(state.remove(before.id()).as_ref(), Some(before));
            }
        }
    }
    state
}

fn contents(state: &State) -> BTreeMap<Id, [u8; 16]> {
    state
        .iter()
        .map(|(id, record)| (id.clone(), fingerprint(record).0))
        .collect()
}

prop_compose! {
    fn user()(
        n in 0_u8..24,
        long in proptest::bool::weighted(0.1),
        name in "[A-C]",
        email in proptest::option::of("[ab]@x"),
        status in 0..3,
        roles in proptest::collection::btree_set(0_u8..4, 0..3),
        groups in proptest::collection::btree_set(0_u8..4, 0..3),
        scopes in proptest::collection::btree_set("[xyz]", 0..3),
        updated in 0_i64..5,
    ) -> Record {
        let id = if long {
            Id::parse(&format!("legacy-{n:025}")).unwrap()
        } else {
            Id::parse(&format!("{n:024x}")).unwrap()
        };
        let of = |n: &u8| Id::parse(&format!("{n:024x}")).unwrap();
        Record::User(User {
            name: Some(name),
            email,
            status: match status {
                0 => Coded::new(UserStatus::Enabled, "active"),
                1 => Coded::new(UserStatus::Disabled, "disabled"),
                _ => Coded::new(UserStatus::Pending, "invited"),
            },
            roles: Some(roles.iter().map(|n| (RoleId(of(n)), format!("role {n}"))).collect()),
            groups: Some(groups.iter().map(|n| (GroupId(of(n)), format!("group {n}"))).collect()),
            scopes: Some(scopes),
            updated_at: Some(Timestamp::from_millis(updated)),
            ..User::new(UserId(id), format!("subject-{n}"))
        })
    }
}

fn tenant() -> impl Strategy<Value = State> {
    proptest::collection::vec(user(), 0..24).prop_map(|users| {
        users
            .into_iter()
            .map(|user| (user.id().clone(), user))
            .collect()
    })
}

fn sweep(state: &State) -> Vec<Record> {
    state.values().cloned().collect()
}

fn with_id(record: Record, id: &Id) -> Record {
    let Record::User(user) = record else {
        panic!("only users here")
    };
    Record::User(User {
        id: UserId(id.clone()),
        ..user
    })
}

fn hide(record: &mut Record) {
    let Record::User(user) = record else {
        panic!("only users here")
    };
    (user.roles, user.groups, user.scopes) = (None, None, None);
}

proptest! {
    #[test]
    fn applying_the_changes_to_the_known_gives_the_observed(known in tenant(), seen in tenant()) {
        let after = apply(&known, &changes(&known, &sweep(&seen)));

        prop_assert_eq!(contents(&after), contents(&seen));
    }

    #[test]
    fn equal_sets_give_no_change(known in tenant()) {
        prop_assert_eq!(changes(&known, &sweep(&known)), []);
    }

    #[test]
    fn order_and_duplicates_do_not_matter(
        known in tenant(),
        seen in tenant(),
        order in proptest::collection::vec(any::<prop::sample::Index>(), 0..60),
    ) {
        let plain = sweep(&seen);
        let mut shuffled: Vec<_> =
            order.iter().filter(|_| !plain.is_empty()).map(|i| i.get(&plain).clone()).collect();
        shuffled.extend(plain.iter().rev().cloned());

        let sorted = |mut changes: Vec<Change>| {
            changes.sort_by(|a, b| a.id().cmp(b.id()));
            changes
        };
        prop_assert_eq!(
            sorted(changes(&known, &shuffled)),
            sorted(changes(&known, &plain))
        );
    }

    #[test]
    fn what_was_not_visible_keeps_its_known_value(known in tenant()) {
        let mut seen = sweep(&known);
        seen.iter_mut().for_each(hide);

        prop_assert_eq!(changes(&known, &seen), []);
    }

    #[test]
    fn a_record_that_only_moved_its_time_has_not_changed(known in tenant(), moved in 5_i64..9) {
        let mut seen = sweep(&known);
        for record in &mut seen {
            let Record::User(user) = record else { panic!("only users here") };
            user.updated_at = Some(Timestamp::from_millis(moved));
        }

        prop_assert_eq!(changes(&known, &seen), []);
    }

    #[test]
    fn what_is_applied_and_what_is_held_make_the_whole(
        before in user(),
        after in user(),
        sorts in proptest::sample::subsequence(Loss::ALL.to_vec(), 0..=5),
    ) {
        let after = with_id(after, before.id());
        let held: BTreeSet<Loss> = sorts.into_iter().collect();
        let change = Change::Updated { before: before.clone(), after: after.clone() };
        let lost = shift(&change);

        let parts = split(change, &held, None);

        let now = match &parts.apply {
            Some(applied) => {
                let rest = shift(applied);
                prop_assert!(rest.revoked == 0 || !held.contains(&Loss::RoleAssignments));
                prop_assert!(rest.left == 0 || !held.contains(&Loss::Memberships));
                prop_assert_eq!((rest.joined, rest.granted), (lost.joined, lost.granted));
                applied.latest().clone()
            }
            None => before,
        };
        if let Some(removal) = &parts.held {
            let Taken::Access { roles, groups } = &removal.what else { panic!("an update") };
            let count = (roles.len() + groups.len()) as u64;
            prop_assert!(0 < count && count <= lost.revoked + lost.left);
        }
        // Once the held removal is approved, nothing is held.
        let permit = parts.held.map(|removal| removal.what);
        let rest = Change::Updated { before: now, after: after.clone() };
        let rest = split(rest, &Loss::ALL.into(), permit.as_ref());
        prop_assert_eq!(rest.held, None);
        prop_assert_eq!(
            rest.apply.map(|change| fingerprint(change.latest())),
            Some(fingerprint(&after))
        );
    }

    #[test]
    fn a_deletion_is_whole_or_held(gone in user(), may in any::<bool>(), held in any::<bool>()) {
        let permit = may.then_some(Taken::Record { proof: Proof::Confirmed });
        let sorts = if held { Loss::ALL.into() } else { BTreeSet::new() };
        let change = Change::Deleted { before: gone.clone() };

        let parts = split(change.clone(), &sorts, permit.as_ref());

        prop_assert_eq!(parts.apply, (may || !held).then_some(change));
        prop_assert_eq!(
            parts.held,
            (!may && held).then(|| removal(&gone, Taken::Record { proof: Proof::Confirmed }))
        );
    }

    #[test]
    fn an_update_has_a_delta_and_a_delta_means_an_update(a in user(), b in user()) {
        if a.id() == b.id() {
            let differs = fingerprint(&a) != fingerprint(&b);

            prop_assert_eq!(delta(&a, &b).is_empty(), !differs);
        }
    }

    #[test]
    fn a_roll_is_a_map_with_ticks(
        entered in proptest::collection::vec(0_u8..40, 0..80),
        ticked in proptest::collection::vec(0_u8..60, 0..80),
    ) {
        let id = |n: u8| Id::parse(&format!("{n:024x}")).unwrap();
        let print = |n: u8| Fingerprint([n; 16]);
        let mut roll = Roll::default();
        let mut open = BTreeSet::new();
        for n in &entered {
            roll.enter(&id(*n), print(*n));
            open.insert(*n);
        }
        prop_assert_eq!(roll.len(), open.len());
        let all = open.clone();
        for n in &ticked {
            let first = if open.remove(n) { FirstTick::Yes } else { FirstTick::No };
            let expected = all.contains(n).then_some((print(*n), first));
            prop_assert_eq!(roll.tick(&id(*n)), expected);
        }
        let mut left: Vec<_> = roll.unticked().collect();
        left.sort();
        prop_assert_eq!(left, open.into_iter().map(id).collect::<Vec<_>>());
    }
}

#[test]
fn a_user_under_a_new_id_replaces_the_one_of_the_same_subject_or_e_mail() {
    let person = |id: &str, subject: &str, email: Option<&str>| {
        let Record::User(user) = some_user() else {
            panic!("a user")
        };
        Record::User(User {
            id: UserId(Id::parse(id).unwrap()),
            subject: subject.to_owned(),
            email: email.map(str::to_owned),
            ..user
        })
    };
    let mut created = Replacements::default();
    created.note(&person("000000000000000000000009", "a", Some("Ann@x")), 3);
    created.note(&person("000000000000000000000008", "IDP\\Zoë ", None), 4);

    for (gone, expected) in [
        (person("000000000000000000000001", "A", None), Some(3)),
        (
            person("000000000000000000000002", "b", Some("ann@X")),
            Some(3),
        ),
        (person("000000000000000000000003", "b", Some("bob@x")), None),
        (
            person("000000000000000000000004", "b", Some(" ann@x\u{a0}")),
            Some(3),
        ),
        (
            person("000000000000000000000005", "idp\\Zoe\u{308}", None),
            Some(4),
        ),
        (person("000000000000000000000006", "idp\\Zoe", None), None),
    ] {
        let found = created.follower(&gone);

        assert_eq!(found, expected.map(|place| (place, gone.id().clone())));
    }
}

fn some_user() -> Record {
    use proptest::strategy::ValueTree;
    user()
        .new_tree(&mut proptest::test_runner::TestRunner::deterministic())
        .unwrap()
        .current()
}

#[test]
fn what_a_role_allows_stays_known_where_it_is_not_shown() {
    let known = Role {
        permissions: Some(["read".to_owned()].into()),
        scopes: Some(["users".to_owned()].into()),
        ..Role::new(
            Id::parse("60d5ca1b2f8a4c0000000001").unwrap().into(),
            "Auditor".to_owned(),
            Coded::new(RoleType::Admin, "admin"),
        )
    };
    for (permissions, scopes) in [
        (None, known.scopes.clone()),
        (known.permissions.clone(), None),
        (None, None),
    ] {
        let seen = Record::Role(Role {
            permissions,
            scopes,
            ..known.clone()
        });
        let known = Record::Role(known.clone());
        let before = KnownRecord {
            fingerprint: fingerprint(&known),
            record: known,
        };

        let print = fingerprint(&seen);
        let judged = judge(Some(before), seen.clone(), &BTreeSet::new(), print);

        assert_eq!(judged.0, Judgement::Same, "{seen:?}");
    }
}

#[test]
fn an_approval_lets_go_what_it_lists_and_nothing_else_of_the_record() {
    let role = |n: u8| RoleId(Id::parse(&format!("{n:024x}")).unwrap());
    let roles = |held: &[u8]| -> BTreeMap<RoleId, String> {
        held.iter()
            .map(|n| (role(*n), format!("role {n}")))
            .collect()
    };
    let holds = |held: &[u8]| {
        let Record::User(user) = some_user() else {
            panic!("only users here")
        };
        Record::User(User {
            roles: Some(roles(held)),
            ..user
        })
    };
    let change = Change::Updated {
        before: holds(&[1, 2, 3]),
        after: holds(&[3]),
    };
    let permit = Taken::Access {
        roles: roles(&[1]),
        groups: BTreeMap::new(),
    };

    let parts = split(change, &Loss::ALL.into(), Some(&permit));

    let applied = Change::Updated {
        before: holds(&[1, 2, 3]),
        after: holds(&[2, 3]),
    };
    assert_eq!(parts.apply, Some(applied));
    let waits = Taken::Access {
        roles: roles(&[2]),
        groups: BTreeMap::new(),
    };
    assert_eq!(parts.held.map(|removal| removal.what), Some(waits));
}

#[test]
fn an_empty_list_loses_what_is_known_of_that_list() {
    let some = |n: u8| Id::parse(&format!("{n:024x}")).unwrap();
    let holds = |roles: u8, groups: u8| {
        let Record::User(user) = some_user() else {
            panic!("only users here")
        };
        Record::User(User {
            roles: Some(
                (0..roles)
                    .map(|n| (RoleId(some(n)), String::new()))
                    .collect(),
            ),
            groups: Some(
                (0..groups)
                    .map(|n| (GroupId(some(n)), String::new()))
                    .collect(),
            ),
            ..user
        })
    };
    let (roles, groups) = (Assigned::Roles, Assigned::Groups);
    for (known, empty, expected) in [
        (holds(1, 1), vec![], false),
        (holds(1, 0), vec![roles], true),
        (holds(1, 0), vec![groups], false),
        (holds(0, 1), vec![groups], true),
        (holds(0, 1), vec![roles], false),
        (holds(0, 1), vec![roles, groups], true),
        (holds(0, 0), vec![roles, groups], false),
    ] {
        let empty = empty.into_iter().collect();
        assert_eq!(is_lost(&known, &empty), expected, "{known:?} {empty:?}");
    }
}
