//! Who has which right in a space, since when, and which differences are certain.

use super::*;
use crate::access::Grants;
use crate::model::{
    AccessChange, Assignee, Coded, Group, GroupType, Record, Space, SpaceAssignment, SpaceHead,
    SpaceId, SpaceShare,
};

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

fn group(n: u32) -> GroupId {
    GroupId(id(n))
}

fn user(n: u32, groups: Option<&[u32]>) -> User {
    let named = |groups: &[u32]| groups.iter().map(|n| (group(*n), String::new())).collect();
    User {
        groups: groups.map(named),
        ..User::new(UserId(id(n)), "idp|n")
    }
}

fn role(name: &str) -> SpaceRight {
    SpaceRight::Role(name.to_owned())
}

/// Returns a space that user 1 owns, with assignments: of which type, to whom, since when and by
/// whom. Each gives the role of a consumer.
fn space(assigned: &[(&str, u32, Option<i64>, Option<u32>)]) -> Space {
    let rows = assigned.iter().map(|(sort, n, since, by)| {
        let to = Assignee {
            sort: (*sort).to_owned(),
            id: id(*n),
        };
        let assignment = SpaceAssignment {
            roles: ["consumer".to_owned()].into(),
            created_at: since.map(Timestamp::from_millis),
            created_by: by.map(id),
            updated_at: None,
        };
        (to, assignment)
    });
    Space {
        id: SpaceId(id(99)),
        head: SpaceHead {
            name: "Sales".to_owned(),
            sort: None,
            owner: Some(UserId(id(1))),
            created_at: None,
            unseen: BTreeSet::new(),
        },
        assignments: Some(rows.collect()),
        shares: Some(BTreeMap::new()),
        partial: BTreeSet::new(),
    }
}

fn grants(space: &Space) -> SpaceGrants {
    SpaceGrants::of(space, &Grants::default())
}

#[test]
fn the_first_path_says_since_when_and_by_whom() {
    let given = |since: Option<i64>, by: Option<u32>| Given {
        since: since.map(Timestamp::from_millis),
        by: by.map(id),
    };
    for (direct, by_group, expected) in [
        (
            (Some(5), Some(7)),
            (Some(9), Some(8)),
            given(Some(5), Some(7)),
        ),
        (
            (Some(9), Some(7)),
            (Some(5), Some(8)),
            given(Some(5), Some(8)),
        ),
        // A path of unknown age may be the first, whoever created it.
        ((Some(5), Some(7)), (None, Some(8)), given(None, None)),
        ((None, Some(7)), (Some(5), Some(8)), given(None, None)),
        ((Some(5), None), (Some(9), Some(8)), given(Some(5), None)),
    ] {
        let grants = grants(&space(&[
            ("user", 2, direct.0, direct.1),
            ("group", 11, by_group.0, by_group.1),
        ]));

        let found = grants.given_to(&user(2, Some(&[11])));

        assert_eq!(found, [(role("consumer"), expected)].into());
    }
}

#[test]
fn whoever_has_a_path_of_their_own_is_found_by_each_sort_of_path() {
    let grants = grants(&space(&[
        ("user", 2, None, None),
        ("group", 11, None, None),
    ]));
    for (n, groups, expected) in [
        (1, None, true),
        (2, None, true),
        (3, Some(&[11][..]), true),
        (3, Some(&[12][..]), false),
        (3, None, false),
    ] {
        assert_eq!(grants.has_own(&user(n, groups)), expected, "{n} {groups:?}");
    }
    let (users, groups) = grants.assigned();
    assert_eq!(
        users.cloned().collect::<BTreeSet<_>>(),
        [UserId(id(1)), UserId(id(2))].into()
    );
    assert_eq!(groups.collect::<Vec<_>>(), [&group(11)]);
}

/// Returns how the right of a consumer of user 2 certainly changed.
fn change(
    then: (&SpaceGrants, Option<&[u32]>),
    now: (&SpaceGrants, Option<&[u32]>),
) -> Option<AccessChange> {
    let (before, after) = (user(2, then.1), user(2, now.1));
    let differences = space_differences((Some(then.0), Some(&before)), (Some(now.0), Some(&after)));
    let mut differences = differences.into_iter();
    let found = differences.find(|it| it.right == role("consumer"));
    found.map(|difference| difference.change)
}

#[test]
fn while_the_groups_of_a_user_are_hidden_a_group_grants_and_revokes_nothing() {
    let nobody = grants(&space(&[]));
    let direct = grants(&space(&[("user", 2, None, None)]));
    let by_group = grants(&space(&[("group", 11, None, None)]));
    let member = Some(&[11][..]);
    let (granted, revoked) = (Some(AccessChange::Granted), Some(AccessChange::Revoked));
    for (then, now, expected) in [
        // The user may have been in the group before.
        ((&by_group, None), (&by_group, member), None),
        ((&by_group, Some(&[][..])), (&by_group, member), granted),
        // The list of assignments is visible, and a direct one is new.
        ((&nobody, None), (&direct, None), granted),
        // The user may still have the role by a group that is not visible.
        ((&direct, member), (&nobody, None), None),
        ((&direct, member), (&nobody, member), revoked),
    ] {
        assert_eq!(change(then, now), expected, "{then:?} {now:?}");
    }
}

#[test]
fn what_was_not_visible_of_a_space_is_neither_granted_nor_revoked() {
    let nobody = || grants(&space(&[]));
    let direct = || grants(&space(&[("user", 2, None, None)]));
    let by_group = || grants(&space(&[("group", 11, None, None)]));
    let member = Some(&[11][..]);
    let never = || {
        let mut space = space(&[("group", 11, None, None)]);
        space.partial.insert(SpacePart::Assignments);
        grants(&space)
    };
    let hiding = |grants: SpaceGrants, part| grants.hiding(&[part].into());
    let (itself, list, shares) = (SpacePart::Itself, SpacePart::Assignments, SpacePart::Shares);
    let (granted, revoked) = (Some(AccessChange::Granted), Some(AccessChange::Revoked));
    for (then, now, expected) in [
        (hiding(nobody(), list), direct(), None),
        (hiding(nobody(), itself), direct(), None),
        (hiding(nobody(), shares), direct(), granted),
        (direct(), hiding(nobody(), list), None),
        (direct(), hiding(nobody(), itself), None),
        (direct(), hiding(nobody(), shares), revoked),
    ] {
        assert_eq!(change((&then, member), (&now, member)), expected);
    }
    // A list that was visible in part shows the one assignment of the group.
    let nowhere = Some(&[][..]);
    assert_eq!(
        change((&never(), nowhere), (&by_group(), member)),
        granted,
        "the user has joined the group"
    );
    assert_eq!(change((&never(), None), (&by_group(), member)), None);
    let out_of_date = hiding(never(), list);
    assert_eq!(
        change((&out_of_date, nowhere), (&by_group(), member)),
        None,
        "the group may have been assigned later"
    );
}

#[test]
fn a_change_concerns_old_and_new_owner_and_whoever_has_other_paths() {
    let then = space(&[("user", 2, None, None), ("group", 11, None, None)]);
    let mut now = space(&[("user", 3, None, None), ("group", 11, None, None)]);
    now.head.owner = Some(UserId(id(4)));

    let found = concerned(Some(&grants(&then)), Some(&grants(&now)));

    let users = [1, 2, 3, 4].map(|n| UserId(id(n)));
    assert_eq!(
        found,
        Concerned {
            users: users.into(),
            groups: BTreeSet::new(),
        }
    );
}

#[test]
fn a_resource_whose_kind_becomes_known_is_the_same_one() {
    let sharing = |sort: Option<&str>| {
        let share = SpaceShare {
            sort: "user".to_owned(),
            with: Some(id(2)),
            roles: ["consumer".to_owned()].into(),
            resource: Some("app-1".to_owned()),
            resource_sort: sort.map(str::to_owned),
            is_disabled: false,
            created_at: None,
            created_by: None,
        };
        grants(&Space {
            shares: Some([(id(5), share)].into()),
            ..space(&[])
        })
    };
    let (then, now) = (sharing(None), sharing(Some("app")));
    let user = user(2, Some(&[]));

    let found = space_differences((Some(&then), Some(&user)), (Some(&now), Some(&user)));

    assert_eq!(found, []);
}

#[test]
fn what_all_users_have_in_a_space_is_certain_only_while_a_group_of_all_users_is_visible() {
    let mut shown = Grants::default();
    shown.look(&Record::Group(Group {
        id: group(14),
        name: "com.qlik.Everyone".to_owned(),
        description: None,
        group_type: Coded::new(GroupType::Organization, "system"),
        status: None,
        idp_id: None,
        roles: Some(BTreeMap::new()),
        created_at: None,
        updated_at: None,
    }));
    let hidden = Grants::default();
    let (open, closed) = (space(&[("group", 14, None, None)]), space(&[]));
    let (granted, revoked) = (Some(AccessChange::Granted), Some(AccessChange::Revoked));
    for (then, now, expected) in [
        ((&open, &hidden), (&open, &shown), None),
        ((&closed, &hidden), (&open, &shown), None),
        ((&closed, &shown), (&open, &shown), granted),
        ((&open, &shown), (&closed, &shown), revoked),
        // It may still be assigned, as the group is not known.
        ((&open, &shown), (&open, &hidden), None),
    ] {
        let grants = |(space, grants): (&Space, &Grants)| SpaceGrants::of(space, grants);

        let found = everybodys_space_differences(Some(&grants(then)), Some(&grants(now)));

        let changes: Vec<_> = found.iter().map(|it| it.change).collect();
        assert_eq!(changes, Vec::from_iter(expected), "{then:?} {now:?}");
    }
}
