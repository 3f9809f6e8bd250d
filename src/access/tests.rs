//! Which accounts raise a concern, and which do not.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::{
    Coded, Group, GroupId, GroupType, Id, Record, Role, RoleId, RoleType, TenantId, Timestamp,
    User, UserId, UserStatus,
};

fn id(n: u32) -> Id {
    Id::parse(&format!("{n:024x}")).unwrap()
}

fn user(n: u32, name: &str) -> User {
    User {
        name: Some(name.to_owned()),
        roles: Some(BTreeMap::new()),
        groups: Some(BTreeMap::new()),
        ..User::new(UserId(id(n)), format!("idp|{n}"))
    }
}

fn bot(n: u32, name: &str, client: Option<&str>) -> User {
    User {
        is_bot: true,
        client_id: client.map(str::to_owned),
        ..user(n, name)
    }
}

fn role(n: u32, name: &str, role_type: RoleType) -> Record {
    Record::Role(Role::new(
        RoleId(id(n)),
        name.to_owned(),
        Coded::new(role_type, "x"),
    ))
}

fn group(n: u32, name: &str, roles: &[u32]) -> Record {
    let roles_held = roles.iter().map(|n| (RoleId(id(*n)), "r".to_owned()));
    Record::Group(Group {
        id: GroupId(id(n)),
        name: name.to_owned(),
        description: None,
        group_type: Coded::new(GroupType::Group, "custom"),
        status: None,
        idp_id: None,
        roles: Some(roles_held.collect()),
        created_at: None,
        updated_at: None,
    })
}

fn inspect(users: Vec<User>) -> Vec<(&'static str, String, String)> {
    let clients = ["ours".to_owned()].into();
    let mut inspection = Inspection::begin(Timestamp::from_millis(1_000), clients);
    let records = [
        role(1, "TenantAdmin", RoleType::Admin),
        role(2, "Steward", RoleType::Editor),
        group(1, "Admins", &[1, 2]),
        group(2, "Everyone", &[2]),
    ];
    for record in records
        .into_iter()
        .chain(users.into_iter().map(Record::User))
    {
        inspection.look(&record);
    }
    let concerns = inspection.end().into_iter();
    concerns
        .map(|concern| (concern.code.code(), concern.label, concern.detail))
        .collect()
}

fn with(user: User, roles: &[u32], groups: &[u32]) -> User {
    User {
        roles: Some(
            roles
                .iter()
                .map(|n| (RoleId(id(*n)), "old name".to_owned()))
                .collect(),
        ),
        groups: Some(
            groups
                .iter()
                .map(|n| (GroupId(id(*n)), String::new()))
                .collect(),
        ),
        ..user
    }
}

fn disabled(user: User) -> User {
    User {
        status: Coded::new(UserStatus::Disabled, "disabled"),
        ..user
    }
}

#[test]
fn a_disabled_user_who_administers_is_found_by_every_path() {
    let found = inspect(vec![
        with(user(1, "Active"), &[1], &[1]),
        disabled(with(user(2, "Direct"), &[1, 2], &[])),
        disabled(with(user(3, "By group"), &[2], &[1, 2])),
        disabled(with(user(4, "Harmless"), &[2], &[2])),
        User {
            roles: None,
            groups: None,
            ..disabled(user(5, "Unseen"))
        },
    ]);

    let expected = [
        ("access.disabled-admin", "Direct", "TenantAdmin"),
        (
            "access.disabled-admin",
            "By group",
            "TenantAdmin by the group Admins",
        ),
    ];
    let expected = expected.map(|(code, who, what)| (code, who.to_owned(), what.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn bots_that_clients_left_behind_are_found() {
    let found = inspect(vec![
        bot(1, "EU OAuth client", Some("ours")),
        bot(2, "EU OAuth client", Some("replaced")),
        bot(3, "Nightly", Some("other")),
        bot(4, "Orphan", None),
    ]);

    let of = |code: &str| -> Vec<&str> {
        let found = found.iter().filter(|(found, _, _)| *found == code);
        found.map(|(_, _, detail)| detail.as_str()).collect()
    };
    assert_eq!(
        of("access.unknown-bot"),
        [
            "acts for the client replaced",
            "acts for the client other",
            "acts for no client"
        ]
    );
    assert_eq!(
        of("access.spare-bot"),
        ["one of 2 bot users of this name"; 2]
    );
}

#[test]
fn two_bots_of_one_client_are_one_too_many() {
    let found = inspect(vec![
        bot(1, "First", Some("ours")),
        bot(2, "Second", Some("ours")),
    ]);

    assert_eq!(found.len(), 2);
    assert!(
        found
            .iter()
            .all(|(code, _, detail)| *code == "access.spare-bot"
                && detail == "one of 2 bot users of its client")
    );
}

#[test]
fn an_invitation_is_of_concern_once_it_has_ended() {
    let invited = |n, name: &str, until| User {
        status: Coded::new(UserStatus::Pending, "invited"),
        invite_expires_at: Some(Timestamp::from_millis(until)),
        ..user(n, name)
    };
    let taken_up = User {
        status: Coded::new(UserStatus::Enabled, "active"),
        ..invited(3, "Taken up", 1)
    };

    let found = inspect(vec![
        invited(1, "Late", 999),
        invited(2, "In time", 1_000),
        taken_up,
    ]);

    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "access.expired-invitation");
    assert_eq!(found[0].1, "Late");
}

#[test]
fn a_finding_keeps_its_id_and_says_what_it_consists_of() {
    let tenant = |name: &str| TenantId(name.to_owned());
    let look = |users: Vec<User>| {
        let mut inspection = Inspection::begin(Timestamp::from_millis(1_000), BTreeSet::new());
        for record in [
            role(1, "TenantAdmin", RoleType::Admin),
            role(3, "DataAdmin", RoleType::Admin),
            group(1, "Admins", &[1]),
        ]
        .into_iter()
        .chain(users.into_iter().map(Record::User))
        {
            inspection.look(&record);
        }
        inspection.end()
    };

    let before = look(vec![disabled(with(user(2, "Ada"), &[1], &[]))]).remove(0);
    let after = look(vec![disabled(with(user(2, "Ada Lovelace"), &[1, 3], &[1]))]).remove(0);
    let other = look(vec![disabled(with(user(4, "Ada"), &[1], &[]))]).remove(0);

    let acme = tenant("acme");
    assert_eq!(before.id(&acme), after.id(&acme));
    assert_ne!(before.id(&acme), other.id(&acme));
    assert_ne!(before.id(&acme), before.id(&tenant("beta")));
    assert!(before.extent.is_subset(&after.extent) && before.extent != after.extent);
    assert_eq!(after.extent.len(), 3, "{:?}", after.extent);

    let spare = |n| (1..=n).map(|it| bot(it, "Bot", Some("one"))).collect();
    let (two, three) = (look(spare(2)), look(spare(3)));
    let is_spare = |it: &&Concern| it.code == ConcernCode::SpareBot;
    let (two, three) = (two.iter().find(is_spare), three.iter().find(is_spare));
    assert!(!three.unwrap().extent.is_subset(&two.unwrap().extent));
}
